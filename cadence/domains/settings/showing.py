"""How a key is shown: what was declared, and what holds."""

from typing import Any

from cadence.config.declaring import Definition, Tier
from cadence.config.resolving import Resolved
from cadence.domains.settings.schemas import GlobalSettingRead, SettingRead


def show(definition: Definition, resolved: Resolved, *, is_operator: bool) -> SettingRead:
    """Return a key as an organization sees it, whose asker is a sys_admin or not."""
    is_for_them = is_operator or not definition.operator_only
    return SettingRead(
        **_declared(definition),
        value=resolved.value,
        tier=resolved.tier,
        may_change=is_for_them and resolved.fixed_above(Tier.ORGANIZATION) is None,
    )


def show_global(definition: Definition, resolved: Resolved) -> GlobalSettingRead:
    """Return a key as the operator sees it."""
    return GlobalSettingRead(
        **_declared(definition),
        value=resolved.value,
        tier=resolved.tier,
        overridable=resolved.fixed_by is None,
        lowest_tier=definition.lowest_tier,
        operator_only=definition.operator_only,
        variable=definition.variable,
    )


def _declared(definition: Definition) -> dict[str, Any]:
    return {
        "type": definition.type,
        "default": definition.default,
        "unit": definition.unit,
        "minimum": definition.minimum,
        "maximum": definition.maximum,
        "choices": list(definition.choices),
        "description": definition.description,
    }
