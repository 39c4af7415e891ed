"""Why a setting cannot be read or set."""

from collections.abc import Mapping

from cadence.config.declaring import Tier
from cadence.kernel.errors import CadenceError, FieldProblem, Kind, NotFound

SPOKEN = {
    Tier.ENVIRONMENT: "the operator's environment",
    Tier.GLOBAL: "the global settings",
    Tier.ORGANIZATION: "the organization's settings",
    Tier.ORCHESTRATOR: "the orchestrator",
}


class SettingNotFound(NotFound):
    """No setting is declared by that key."""


class SettingFixed(CadenceError):
    """A higher tier lets none below it set the key."""

    kind = Kind.CONFLICT
    code = "setting_fixed"

    def __init__(self, fixed: Mapping[str, Tier]) -> None:
        tiers = " and ".join(SPOKEN[tier] for tier in dict.fromkeys(fixed.values()))
        super().__init__(
            f"This is fixed by {tiers}.",
            fields=[
                FieldProblem(key, f"is fixed by {SPOKEN[tier]}") for key, tier in fixed.items()
            ],
        )
