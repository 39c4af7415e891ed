"""What can be wrong with a plugin, in words its owner may read."""

from collections.abc import Iterable

from cadence_sdk.checking.problems import Problem

from cadence.kernel.errors import CadenceError, FieldProblem, Kind

# The form field in which a package is uploaded; for what no file in the package is to blame for.
_PACKAGE_FIELD = "file"


class PluginPackageInvalid(CadenceError):
    """The package breaks a rule; `problems` has every reason, with file and line where known."""

    kind = Kind.INVALID
    code = "plugin_package_invalid"

    def __init__(self, problems: Iterable[Problem]) -> None:
        self.problems = tuple(problems)
        super().__init__("The plugin package cannot be taken.", fields=as_fields(self.problems))


class PluginSettingsInvalid(CadenceError):
    """The settings given to a plugin do not fit what it declares."""

    kind = Kind.INVALID
    code = "plugin_settings_invalid"

    def __init__(self, fields: Iterable[FieldProblem]) -> None:
        super().__init__("The plugin's settings are not valid.", fields=tuple(fields))


class PluginBroken(CadenceError):
    """The plugin's own code fails, so that it cannot be loaded or initialized.

    Trying again does not help: the package, or its settings, must change.
    """

    kind = Kind.INVALID
    code = "plugin_broken"


class PluginToolUnknown(CadenceError):
    """The plugin has no tool of that name."""

    kind = Kind.NOT_FOUND
    code = "tool_unknown"

    def __init__(self) -> None:
        super().__init__("The plugin has no tool of that name.")


class PluginEscaped(RuntimeError):
    """Plugin code raised something that would have stopped the service, like `SystemExit`.

    The original error is its `__cause__`.
    """

    def __init__(self, error: BaseException) -> None:
        super().__init__(f"Plugin code raised {type(error).__name__}.")


def as_fields(problems: Iterable[Problem]) -> tuple[FieldProblem, ...]:
    """Return the problems as an error answer lists them; the path is `file:line`."""
    return tuple(FieldProblem(_path(problem), problem.message) for problem in problems)


def _path(problem: Problem) -> str:
    if problem.file is None:
        return _PACKAGE_FIELD
    return problem.file if problem.line is None else f"{problem.file}:{problem.line}"


class PluginIsolationUnavailable(CadenceError):
    """Nothing here can lock a plugin's code in, so that it is not run at all."""

    kind = Kind.UNAVAILABLE
    code = "plugin_isolation_unavailable"

    def __init__(self, cause: str, remedy: str) -> None:
        super().__init__(f"Uploaded plugins are not run here: {cause}. {remedy}")


class PluginHostUnavailable(CadenceError):
    """No process can be had for a plugin now: too many run, or none could be started."""

    kind = Kind.UNAVAILABLE
    code = "plugin_host_unavailable"


class PluginQuarantined(CadenceError):
    """The plugin crashed too often and rests for a while."""

    kind = Kind.UNAVAILABLE
    code = "plugin_quarantined"

    def __init__(self, *, crashes: int, seconds_left: float) -> None:
        super().__init__(
            f"The plugin's process ended {crashes} times within a minute and is left alone now. "
            "Mend the plugin, or try again later.",
            retry_after=seconds_left,
        )
