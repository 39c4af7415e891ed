"""The proxies of a process: one for each plugin host that may call anybody at all."""

import secrets
import socket
from collections.abc import Callable, Collection
from dataclasses import dataclass, field
from pathlib import Path

from cadence.plugin_host.egress.connection import FarEnds, Permission
from cadence.plugin_host.egress.day import DayBytes
from cadence.plugin_host.egress.limits import ProxyLimits
from cadence.plugin_host.egress.outcomes import Outcome
from cadence.plugin_host.egress.proxy import EgressProxy

_LOOPBACK = "127.0.0.1"
_BACKLOG = 64
_SECRET_BYTES = 16


@dataclass(frozen=True, slots=True, kw_only=True)
class EgressProxies:
    """Opens proxies; they share the count of the day and the guard behind `far_ends`.

    `certificates` is a file with the authorities that plugins shall trust; the host must be able to
    read it. `count_outcome` is told how each request has ended.
    """

    far_ends: FarEnds
    day: DayBytes
    certificates: Path | None
    count_outcome: Callable[[Outcome], None]
    limits: ProxyLimits = field(default_factory=ProxyLimits)

    def open(
        self,
        *,
        organization: str,
        pid: str,
        hosts: Collection[str],
        listener: socket.socket | None = None,
    ) -> EgressProxy:
        """Open the way out of one host process, to these hosts alone; the caller closes it.

        A host without a network of its own reaches it by `listener`, a socket that listens on that
        host's loopback (`inside.listening`) and belongs to the proxy from now on. Without one the
        proxy listens on a free port of this machine's loopback. To be called on the event loop.
        """

        def count(carried: int) -> bool:
            self.day.add(organization, carried)
            return not self.day.is_spent(organization)

        permission = Permission(
            password=secrets.token_hex(_SECRET_BYTES), hosts=frozenset(hosts), count=count
        )
        return EgressProxy(
            listener or socket.create_server((_LOOPBACK, 0), backlog=_BACKLOG),
            permission=permission,
            far_ends=self.far_ends,
            limits=self.limits,
            names={"organization": organization, "plugin": pid},
            certificates=self.certificates,
            count_outcome=self.count_outcome,
        )
