"""What plugins may call: what their authors ask for, as far as an organization agrees."""

from collections import defaultdict
from collections.abc import Iterable, Mapping
from uuid import UUID

from cadence.domains.plugins.errors import PluginNotFound
from cadence.domains.plugins.network_approvals import NetworkApprovalRepository
from cadence.domains.plugins.network_schemas import HostApproval, NetworkChange, NetworkRead
from cadence.domains.plugins.repository import PluginRepository
from cadence.infra.database.tables import NetworkApproval, Plugin
from cadence.kernel.clock import Clock
from cadence.kernel.errors import FieldProblem, InvalidInput
from cadence.kernel.ids import OrganizationId, PluginId, UserId, new_uuid

# The approved hosts of plugins, by pid.
Approved = Mapping[str, frozenset[str]]


class ApprovedHosts:
    """Reads what one organization lets plugins call."""

    def __init__(self, approvals: NetworkApprovalRepository) -> None:
        self._approvals = approvals

    async def by_pid(self, plugins: Iterable[Plugin]) -> Approved:
        """Return what was approved for each plugin; those that ask for nothing are left out."""
        found: defaultdict[str, set[str]] = defaultdict(set)
        for approval in await self._approvals.list_of({row.pid for row in plugins if row.network}):
            found[approval.pid].add(approval.host)
        return {pid: frozenset(hosts) for pid, hosts in found.items()}

    async def open_to(self, plugins: Iterable[Plugin]) -> Mapping[UUID, tuple[str, ...]]:
        """Return what each version may call: what it asks for itself and was approved.

        Those that may call nobody are left out.
        """
        rows = list(plugins)
        approved = await self.by_pid(rows)
        may_call = {
            row.id: tuple(sorted(approved.get(row.pid, frozenset()) & set(row.network)))
            for row in rows
        }
        return {row_id: hosts for row_id, hosts in may_call.items() if hosts}


class PluginNetwork:
    """What one organization's admins decide about the hosts of plugins, its own or the system's."""

    def __init__(
        self,
        *,
        organization_id: OrganizationId,
        plugins: PluginRepository,
        approvals: NetworkApprovalRepository,
        clock: Clock,
    ) -> None:
        self._organization_id = organization_id
        self._plugins = plugins
        self._approvals = approvals
        self._clock = clock

    async def get(self, plugin_id: PluginId) -> NetworkRead:
        """Return what a version asks for and what was approved; raises `PluginNotFound`."""
        plugin = await self._find(plugin_id)
        return _shown(plugin, await self._by_host(plugin))

    async def change(
        self, plugin_id: PluginId, asked: NetworkChange, *, approver: UserId | None
    ) -> NetworkRead:
        """Approve these hosts for all versions of a plugin, and no others.

        What other versions ask for may stay approved. Raises `PluginNotFound`,
        `PluginNetworkChanged`, and `InvalidInput` for hosts that nobody asks for.
        """
        plugin = await self._find(plugin_id)
        before = await self._by_host(plugin)
        _require_known(asked, {*plugin.network, *before})
        wanted = dict.fromkeys(asked.approved)
        await self._approvals.replace(
            added=[self._row(plugin.pid, host, approver) for host in wanted if host not in before],
            removed=[row for host, row in before.items() if host not in wanted],
        )
        return _shown(plugin, await self._by_host(plugin))

    async def _find(self, plugin_id: PluginId) -> Plugin:
        plugin = (await self._plugins.find_visible([plugin_id])).get(plugin_id)
        if plugin is None:
            raise PluginNotFound
        return plugin

    async def _by_host(self, plugin: Plugin) -> dict[str, NetworkApproval]:
        return {row.host: row for row in await self._approvals.list_of([plugin.pid])}

    def _row(self, pid: str, host: str, approver: UserId | None) -> NetworkApproval:
        return NetworkApproval(
            id=new_uuid(),
            organization_id=self._organization_id,
            pid=pid,
            host=host,
            approved_by=approver,
            approved_at=self._clock.now(),
        )


def _require_known(asked: NetworkChange, known: set[str]) -> None:
    problems = [
        FieldProblem(f"approved.{place}", "is no host that this plugin asks for")
        for place, host in enumerate(asked.approved)
        if host not in known
    ]
    if problems:
        raise InvalidInput.of(*problems)


def _shown(plugin: Plugin, approvals: Mapping[str, NetworkApproval]) -> NetworkRead:
    others = [host for host in approvals if host not in plugin.network]
    return NetworkRead(
        pid=plugin.pid,
        version=plugin.version,
        hosts=[
            _host(host, approvals.get(host), is_declared=host in plugin.network)
            for host in [*plugin.network, *others]
        ],
    )


def _host(host: str, approval: NetworkApproval | None, *, is_declared: bool) -> HostApproval:
    return HostApproval(
        host=host,
        declared=is_declared,
        approved=approval is not None,
        approved_by=None if approval is None else approval.approved_by,
        approved_at=None if approval is None else approval.approved_at,
    )
