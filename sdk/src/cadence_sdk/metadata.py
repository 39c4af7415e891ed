"""What a plugin says about itself."""

import re
from collections.abc import Mapping
from dataclasses import asdict, dataclass, field, fields
from typing import Any, Final, Self

DEFAULT_SDK_VERSION: Final = ">=2.0.0,<3.0.0"
_REQUIRED: Final = ("pid", "name", "version", "description")
_VERSION: Final = re.compile(r"\d+\.\d+(\.\d+)?", re.ASCII)


def _no_names() -> list[str]:
    return []


@dataclass
class PluginMetadata:
    """Names, version and needs of one plugin.

    `pid` is reverse-domain (uploads insist on it), `version` has two or three numeric parts.
    `dependencies` are requirement strings, `sdk_version` is the range of SDK versions the plugin
    runs on. `network` lists the hosts that the plugin calls, like `api.example.com`: it reaches
    those that an organization has approved, over https, and no others. Raises `ValueError` when a
    required field is empty or the version is malformed.
    """

    pid: str
    name: str
    version: str
    description: str
    capabilities: list[str] = field(default_factory=_no_names)
    dependencies: list[str] = field(default_factory=_no_names)
    sdk_version: str = DEFAULT_SDK_VERSION
    stateless: bool = True
    network: list[str] = field(default_factory=_no_names)

    def __post_init__(self) -> None:
        empty = [name for name in _REQUIRED if not _is_text(getattr(self, name))]
        if empty:
            raise ValueError(f"PluginMetadata needs a non-empty {', '.join(empty)}.")
        if not _VERSION.fullmatch(self.version):
            raise ValueError(
                f"Version {self.version!r} must be two or three numbers, like '1.0' or '1.2.3'."
            )

    def to_dict(self) -> dict[str, Any]:
        """Return the fields as a plain dict of copies; `network` only where there is some."""
        values = asdict(self)
        if not self.network:
            # What plugins without it have always said of themselves stays as it was.
            del values["network"]
        return values

    @classmethod
    def from_dict(cls, values: Mapping[str, Any]) -> Self:
        """Build metadata from a dict; unknown keys are ignored, missing ones raise `ValueError`."""
        known = {item.name: values[item.name] for item in fields(cls) if item.name in values}
        missing = [name for name in _REQUIRED if name not in known]
        if missing:
            raise ValueError(f"PluginMetadata needs a non-empty {', '.join(missing)}.")
        return cls(**known)


def _is_text(value: object) -> bool:
    return isinstance(value, str) and bool(value.strip())
