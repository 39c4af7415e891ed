"""How long outbound calls may take and how many connections they may hold."""

from dataclasses import dataclass


@dataclass(frozen=True, slots=True, kw_only=True)
class EgressLimits:
    """Limits of each of the two libraries; times are in seconds.

    `connect` holds for look-up and connection together, and again for TLS; `read` is the longest
    silence, `pool` the wait for a free connection. Idle connections are kept `idle_seconds`.
    """

    connect: float = 5.0
    read: float = 60.0
    write: float = 30.0
    pool: float = 5.0
    connections: int = 1000
    idle_connections: int = 100
    idle_seconds: float = 30.0
