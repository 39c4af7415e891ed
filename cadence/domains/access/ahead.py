"""Values that are fetched along with another question, for whoever asks for them soon after."""

from collections.abc import Sequence


class Ahead:
    """What some keys of Redis held a moment ago; each is told once, then asked for anew."""

    def __init__(self, *names: str) -> None:
        self.names: Sequence[str] = names
        self._held: dict[str, bytes | None] = {}

    def keep(self, values: Sequence[bytes | None]) -> None:
        """Note what the keys hold, in their order."""
        self._held = dict(zip(self.names, values, strict=True))

    def peek(self, name: str) -> bytes | None:
        """Return what the key holds; None, too, when that is not known."""
        return self._held.get(name)

    def is_holding(self, name: str) -> bool:
        """Whether the key was fetched and not yet taken."""
        return name in self._held

    def take(self, name: str) -> bytes | None:
        """Return what the key holds, which is forgotten here; raises `KeyError`."""
        return self._held.pop(name)
