"""What a zygote is asked to start: one host, as the service describes it."""

from collections.abc import Mapping
from dataclasses import asdict, dataclass, field
from typing import Any, Self

from cadence.plugin_host.inside.confinement.limits import HostLimits


@dataclass(frozen=True, slots=True, kw_only=True)
class HostPlan:
    """One host: whose code, behind which walls, with which bounds.

    `readable` is all that its code may read besides its own `folder`; `port` the one port of
    127.0.0.1 that it may connect to. `calls` run at once, `start_within` is in seconds.
    """

    folder: str
    level: str
    readable: tuple[str, ...]
    limits: HostLimits = field(default_factory=HostLimits)
    port: int | None = None
    environment: Mapping[str, str] = field(default_factory=dict)
    calls: int = 4
    result_bytes: int = 262_144
    frame_bytes: int = 1_048_576
    start_within: float = 10.0

    def to_dict(self) -> dict[str, Any]:
        """Return it as JSON can say it."""
        return {**asdict(self), "limits": self.limits.to_dict()}

    @classmethod
    def from_dict(cls, told: Mapping[str, Any]) -> Self:
        """Read what `to_dict` has written."""
        fields = {**told, "readable": tuple(told["readable"])}
        return cls(**{**fields, "limits": HostLimits.from_dict(told["limits"])})
