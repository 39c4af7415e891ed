"""Redis from the distribution's package."""

import socket
from collections.abc import Mapping, Sequence

from native_services.programs import LOOPBACK, Failed, Place, find, not_found, run


class Redis:
    """Writes each command down, so that a restart ends no session."""

    name = "Redis"
    _programs = ("redis-server",)
    install = "apt-get install redis-server, or brew install redis"

    def __init__(self, place: Place) -> None:
        self.place = place

    def lacking(self) -> Sequence[str]:
        """Return which of its programs are not installed."""
        return not_found(*self._programs)

    @property
    def settings(self) -> Mapping[str, str]:
        """What to write into `.env` for it."""
        url = f"redis://:{self.place.password}@{LOOPBACK}:{self.place.port}"
        return {"CADENCE_REDIS_URL": url}

    def answers(self) -> bool:
        """Whether it knows the password and has read what it kept."""
        return self._ask("PING").endswith(b"+PONG\r\n")

    def begin(self) -> None:
        """Start it in the background."""
        lines = (
            f"bind {LOOPBACK}",
            f"port {self.place.port}",
            f"requirepass {self.place.password}",
            f'dir "{self.place.folder}"',
            f'logfile "{self.place.log}"',
            "appendonly yes",
            "daemonize yes",
        )
        settings = self.place.folder / "redis.conf"
        settings.write_text("\n".join(lines) + "\n")
        if run(find("redis-server"), str(settings)):
            raise Failed(f"read {self.place.log}")

    def end(self) -> None:
        """Ask it to write the rest down and go."""
        self._ask("SHUTDOWN")

    def _ask(self, command: str) -> bytes:
        try:
            with socket.create_connection((LOOPBACK, self.place.port), timeout=5) as redis:
                redis.sendall(f"AUTH {self.place.password}\r\n{command}\r\nQUIT\r\n".encode())
                return b"".join(iter(lambda: redis.recv(4096), b"")).removesuffix(b"+OK\r\n")
        except OSError:
            return b""
