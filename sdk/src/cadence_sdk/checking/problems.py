"""What can be wrong with a plugin package, said in a way that an author can act on."""

from collections.abc import Iterable
from dataclasses import dataclass
from enum import StrEnum

from typing_extensions import override


class Code(StrEnum):
    """The stable names of every problem."""

    PACKAGE_TOO_LARGE = "package_too_large"
    PACKAGE_UNREADABLE = "package_unreadable"
    PACKAGE_TRUNCATED = "package_truncated"
    TOO_MANY_FILES = "too_many_files"
    FILE_TOO_LARGE = "file_too_large"
    COMPRESSION_RATIO = "compression_ratio"
    COMPRESSION_METHOD = "compression_method"
    ENTRY_ENCRYPTED = "entry_encrypted"
    ENTRY_DAMAGED = "entry_damaged"
    ENTRY_OVERLAPS = "entry_overlaps"
    NOT_A_REGULAR_FILE = "not_a_regular_file"
    NAME_NOT_ALLOWED = "name_not_allowed"
    NAME_DUPLICATE = "name_duplicate"
    FILE_AS_FOLDER = "file_as_folder"
    FILE_TYPE_NOT_ALLOWED = "file_type_not_allowed"
    PLUGIN_FILE_MISSING = "plugin_file_missing"
    SOURCE_TOO_LARGE = "source_too_large"
    SOURCE_ENCODING = "source_encoding"
    SYNTAX_ERROR = "syntax_error"
    PLUGIN_CLASS_MISSING = "plugin_class_missing"
    PLUGIN_CLASS_AMBIGUOUS = "plugin_class_ambiguous"
    NOT_LITERAL = "not_literal"
    METADATA_INVALID = "metadata_invalid"
    NETWORK_INVALID = "network_invalid"
    SETTINGS_INVALID = "settings_invalid"
    DEPENDENCY_INVALID = "dependency_invalid"
    DEPENDENCY_UNAVAILABLE = "dependency_unavailable"
    SDK_VERSION_UNSUPPORTED = "sdk_version_unsupported"
    LOADING_FAILED = "loading_failed"
    RUNS_DIFFERENTLY = "runs_differently"


@dataclass(frozen=True, slots=True)
class Problem:
    """One thing to mend; `file` is the path inside the package, `line` counts from 1."""

    code: Code
    message: str
    file: str | None = None
    line: int | None = None

    @override
    def __str__(self) -> str:
        if self.file is None:
            return self.message
        place = self.file if self.line is None else f"{self.file}:{self.line}"
        return f"{place}: {self.message}"


class PackageRejected(ValueError):
    """The package cannot be taken; `problems` holds every reason that was found."""

    def __init__(self, problems: Iterable[Problem]) -> None:
        self.problems = tuple(problems)
        super().__init__("\n".join(str(problem) for problem in self.problems))
