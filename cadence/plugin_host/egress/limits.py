"""What one plugin's host may take of the proxy."""

from dataclasses import dataclass


@dataclass(frozen=True, slots=True, kw_only=True)
class ProxyLimits:
    """Bounds of one host's proxy (SECURITY.md §3.5); times are in seconds, sizes in bytes.

    `connections` are open at once. `connect` holds for look-up and connection, `idle` is the
    longest silence of a connection and the time for its header. An answer is what comes between two
    things that the plugin sends. Whoever is refused waits for `pause`, so that a plugin that asks
    in a loop costs next to nothing, and has `farewell` to read why.
    """

    connections: int = 10
    connect: float = 10.0
    idle: float = 30.0
    answer_bytes: int = 10 * 1024 * 1024
    header_bytes: int = 64 * 1024
    pause: float = 0.1
    farewell: float = 0.5
