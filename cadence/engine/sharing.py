"""What a build may take over from other builds instead of making it anew."""

from collections.abc import Callable, Hashable
from typing import Protocol, TypeVar

from cadence.engine.spec import ModelSpec
from cadence.engine.transports import Transports

Client = TypeVar("Client")
Graph = TypeVar("Graph")

BuildClient = Callable[[ModelSpec, Transports], Client]


class ModelClients(Protocol):
    """Where backends get their vendors' clients; must be safe to ask from any thread."""

    def client(self, spec: ModelSpec, build: BuildClient[Client]) -> Client:
        """Return the client for a model, made by `build` when there is none yet."""
        ...


class Sharing(ModelClients, Protocol):
    """What builds of one organization have in common.

    Whoever hands it out keeps what was taken for as long as the runtime is in use, and lets nothing
    reach another organization.
    """

    def graph(self, key: Hashable, build: Callable[[], Graph]) -> Graph:
        """Return what depends on `key`, the framework, the mode and the plugins alone.

        It must hold nothing of a turn, a model or a prompt.
        """
        ...


class Unshared:
    """A `Sharing` for whoever builds without a pool: everything is made anew."""

    def __init__(self, transports: Transports) -> None:
        self._transports = transports

    def client(self, spec: ModelSpec, build: BuildClient[Client]) -> Client:
        """Do what `ModelClients.client` promises."""
        return build(spec, self._transports)

    def graph(self, key: Hashable, build: Callable[[], Graph]) -> Graph:
        """Do what `Sharing.graph` promises."""
        del key
        return build()
