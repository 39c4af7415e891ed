"""What can go wrong with an LLM config, each with its stable code."""

from collections.abc import Sequence

from cadence.kernel.errors import CadenceError, FieldProblem, Kind

SHOWN_NAMES = 10


class LlmConfigNameTaken(CadenceError):
    """The organization has another LLM config of this name."""

    kind = Kind.CONFLICT
    code = "llm_config_name_taken"

    def __init__(self) -> None:
        super().__init__(
            "This organization already has an LLM config of this name.",
            fields=[FieldProblem("name", "is taken")],
        )


class LlmConfigInUse(CadenceError):
    """The LLM config cannot be removed while an orchestrator names it."""

    kind = Kind.CONFLICT
    code = "llm_config_in_use"

    def __init__(self, orchestrators: Sequence[str]) -> None:
        shown = ", ".join(f'"{name}"' for name in orchestrators[:SHOWN_NAMES])
        more = len(orchestrators) - SHOWN_NAMES
        rest = f" and {more} more" if more > 0 else ""
        super().__init__(f"These orchestrators use this LLM config: {shown}{rest}.")


class LlmConfigMissing(CadenceError):
    """A stored orchestrator names an LLM config that is not there any more."""

    kind = Kind.CONFLICT
    code = "llm_config_missing"

    def __init__(self) -> None:
        super().__init__("An LLM config that this orchestrator names does not exist any more.")


class OfflineModelDisabled(CadenceError):
    """The offline model is asked for where it is not served."""

    kind = Kind.UNAVAILABLE
    code = "offline_model_disabled"

    def __init__(self) -> None:
        super().__init__("The offline stand-in model is not enabled on this server.")
