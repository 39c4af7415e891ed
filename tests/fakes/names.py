"""A name server that answers from a script, and otherwise knows only what needs no network."""

import socket
from collections.abc import Sequence


class Names:
    """Resolves like the system, numbers in disguise included, but asks nobody.

    A scripted host gives its answers one look-up after the other and repeats the last one.
    """

    def __init__(self, **answers: Sequence[Sequence[str]]) -> None:
        self._answers = {host: list(script) for host, script in answers.items()}
        self.asked: list[str] = []

    async def resolve(self, host: str, port: int) -> Sequence[str]:
        self.asked.append(host)
        if script := self._answers.get(host.split(".", maxsplit=1)[0]):
            return script.pop(0) if len(script) > 1 else script[0]
        if host.rstrip(".").endswith("localhost"):
            return ["::1", "127.0.0.1"]
        found = socket.getaddrinfo(host, port, type=socket.SOCK_STREAM, flags=socket.AI_NUMERICHOST)
        return [str(answer[4][0]) for answer in found]
