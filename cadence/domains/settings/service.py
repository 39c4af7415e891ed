"""Reads and changes what the global tier and the organizations say."""

from collections.abc import Awaitable, Callable, Iterable, Mapping

from cadence.config.declaring import Definition, Tier, Value
from cadence.config.definitions import DEFINITIONS
from cadence.config.resolving import SILENT, Said, said_by
from cadence.domains.access.errors import NotAllowed
from cadence.domains.access.permissions import Role
from cadence.domains.settings.errors import SettingFixed, SettingNotFound
from cadence.domains.settings.repository import SettingRepository, Stamp
from cadence.domains.settings.schemas import (
    GlobalSettingChange,
    GlobalSettingRead,
    SettingRead,
    SettingsChange,
)
from cadence.domains.settings.showing import show, show_global
from cadence.domains.settings.tiers import Environment, Tiers
from cadence.infra.events.messages import Action, OrchestratorEvent
from cadence.kernel.clock import Clock
from cadence.kernel.errors import FieldProblem, InvalidInput
from cadence.kernel.ids import OrganizationId, UserId

# Has the orchestrators that a change concerns follow it.
Reload = Callable[[], None]
Revise = Callable[[], Awaitable[None]]


class TierReader:
    """What other domains ask: the tiers that an organization's orchestrators are under."""

    def __init__(self, *, settings: SettingRepository, environment: Environment) -> None:
        self._settings = settings
        self._environment = environment

    async def read(self) -> Tiers:
        """Return the first three tiers, by one query."""
        rows = await self._settings.list_visible()
        return Tiers(
            environment=self._environment,
            global_rows=said_by(row for row in rows if row.organization_id is None),
            organization_rows=said_by(row for row in rows if row.organization_id is not None),
        )


class OrganizationSettings:
    """The third tier, for one asker; `revise` has the organization's limits read anew."""

    def __init__(
        self,
        *,
        settings: SettingRepository,
        tiers: TierReader,
        reload: Reload,
        revise: Revise,
        clock: Clock,
        author: UserId | None,
        is_operator: bool,
    ) -> None:
        self._settings = settings
        self._tiers = tiers
        self._reload = reload
        self._revise = revise
        self._clock = clock
        self._author = author
        self._is_operator = is_operator

    async def show(self) -> dict[str, SettingRead]:
        """Return what holds for every key, and the tier that gave it."""
        resolved = (await self._tiers.read()).resolve()
        return {
            key: show(definition, resolved[key], is_operator=self._is_operator)
            for key, definition in DEFINITIONS.items()
        }

    async def change(self, asked: SettingsChange) -> dict[str, SettingRead]:
        """Set what is sent, all of it or nothing.

        Raises `InvalidInput`, `NotAllowed` for what only a sys_admin may set, and `SettingFixed`.
        """
        await self._write(_read_all(asked.root))
        return await self.show()

    async def remove(self, key: str) -> None:
        """Go back to what the tiers above say; raises `SettingNotFound` and `NotAllowed`."""
        await self._write({_declared(key).key: None})

    async def _write(self, wanted: Mapping[str, Value | None]) -> None:
        self._require_allowed(wanted)
        tiers = await self._tiers.read()
        own = tiers.organization_rows
        changed = {
            key: value for key, value in wanted.items() if value != own.get(key, SILENT).value
        }
        _require_free(
            tiers, [key for key, value in wanted.items() if value is not None], Tier.ORGANIZATION
        )
        if any(_is_rate(DEFINITIONS[key]) for key in changed):
            await self._revise()
        stamp = Stamp(author=self._author, now=self._clock.now())
        for key, value in changed.items():
            await self._settings.write(key, Said(value=value), stamp)
        if _concerns_orchestrators(changed):
            self._reload()

    def _require_allowed(self, keys: Iterable[str]) -> None:
        if not self._is_operator and any(DEFINITIONS[key].operator_only for key in keys):
            raise NotAllowed(Role.SYS_ADMIN)


class GlobalSettings:
    """The second tier, for sys_admins."""

    def __init__(
        self,
        *,
        settings: SettingRepository,
        tiers: TierReader,
        reload: Reload,
        clock: Clock,
        author: UserId | None,
    ) -> None:
        self._settings = settings
        self._tiers = tiers
        self._reload = reload
        self._clock = clock
        self._author = author

    async def show(self) -> dict[str, GlobalSettingRead]:
        """Return what holds where no organization says otherwise."""
        resolved = (await self._tiers.read()).resolve()
        return {key: show_global(one, resolved[key]) for key, one in DEFINITIONS.items()}

    async def change(self, key: str, asked: GlobalSettingChange) -> GlobalSettingRead:
        """Set the value, or whether it may be overridden, or both.

        Raises `SettingNotFound`, `InvalidInput`, and `SettingFixed` by the environment.
        """
        definition = _declared(key)
        tiers = await self._tiers.read()
        before = tiers.global_rows.get(key, SILENT)
        after = _changed(definition, before, asked)
        if after != before:
            _require_free(tiers, [key], Tier.GLOBAL)
            stamp = Stamp(author=self._author, now=self._clock.now())
            await self._settings.write(key, after, stamp)
            if _concerns_orchestrators([key]):
                self._reload()
        return (await self.show())[key]


def _declared(key: str) -> Definition:
    definition = DEFINITIONS.get(key)
    if definition is None:
        raise SettingNotFound
    return definition


def _read_all(given: Mapping[str, object]) -> dict[str, Value | None]:
    """Return the values as they are kept; raises `InvalidInput` with every key that is wrong."""
    values: dict[str, Value | None] = {}
    problems = []
    for key, value in given.items():
        definition = DEFINITIONS.get(key)
        if definition is None:
            problems.append(FieldProblem(key, "is not a setting"))
            continue
        try:
            values[key] = None if value is None else definition.read(value)
        except ValueError as wrong:
            problems.append(FieldProblem(key, str(wrong)))
    if problems:
        raise InvalidInput.of(*problems)
    return values


def _changed(definition: Definition, before: Said, asked: GlobalSettingChange) -> Said:
    sent = asked.model_fields_set
    try:
        value = None if asked.value is None else definition.read(asked.value)
    except ValueError as wrong:
        raise InvalidInput.of(FieldProblem("value", str(wrong))) from None
    return Said(
        value=value if "value" in sent else before.value,
        overridable=asked.overridable if "overridable" in sent else before.overridable,
    )


def _require_free(tiers: Tiers, keys: Iterable[str], tier: Tier) -> None:
    resolved = tiers.resolve()
    found = {key: resolved[key].fixed_above(tier) for key in keys}
    fixed = {key: above for key, above in found.items() if above is not None}
    if fixed:
        raise SettingFixed(fixed)


def _is_rate(definition: Definition) -> bool:
    return definition.lowest_tier is not Tier.ORCHESTRATOR


def _concerns_orchestrators(keys: Iterable[str]) -> bool:
    return not all(_is_rate(DEFINITIONS[key]) for key in keys)


def reloading(organization_id: OrganizationId | None) -> OrchestratorEvent:
    """Return what has every process compare what it holds of an organization, or of all."""
    owner = None if organization_id is None else str(organization_id)
    return OrchestratorEvent(action=Action.RELOAD, organization_id=owner, orchestrator_id=None)
