"""All that is shared in one process, and the part of it that one runtime holds."""

import hashlib
from collections.abc import Callable, Hashable
from dataclasses import dataclass
from threading import Lock
from typing import Any, TypeVar, cast

from cadence.engine.sharing import BuildClient, Client
from cadence.engine.spec import ModelSpec
from cadence.engine.transports import Transports
from cadence.kernel.ids import OrganizationId
from cadence.pool.bundles import SharedBundles
from cadence.pool.shared import PartKey, PartKind, Share, SharedParts
from cadence.pool.templates import SharedTemplates, Template

Graph = TypeVar("Graph")

SharedModels = SharedParts[Any]


@dataclass(frozen=True, slots=True)
class SharedCounts:
    """How many of each are held at this moment."""

    models: int
    bundles: int
    templates: int


class Stock:
    """Everything shared, by kind."""

    def __init__(self) -> None:
        self.models = SharedModels()
        self.bundles = SharedBundles()
        self.templates = SharedTemplates()

    @property
    def counts(self) -> SharedCounts:
        """How many of each are held at this moment."""
        return SharedCounts(
            models=len(self.models), bundles=len(self.bundles), templates=len(self.templates)
        )


class Holding:
    """What one runtime holds of the stock besides its plugins; a `Sharing` for its backend."""

    def __init__(
        self, stock: Stock, organization_id: OrganizationId, *, transports: Transports
    ) -> None:
        self._stock = stock
        self._organization_id = organization_id
        self._transports = transports
        self._models: list[Share[Any]] = []
        self._template: Share[Template] | None = None
        self._own_template: Template | None = None
        self._lock = Lock()
        self._is_closed = False

    def take_template(self, key: PartKey | None, build: Callable[[], Template]) -> Template:
        """Return the template, a shared one if it has a key."""
        if key is None:
            self._own_template = build()
            return self._own_template
        self._template = self._stock.templates.take(key, build)
        return self._template.value

    def client(self, spec: ModelSpec, build: BuildClient[Client]) -> Client:
        """Do what `ModelClients.client` promises."""
        with self._lock:
            # A build that was given up goes on in its thread for a while.
            if self._is_closed:
                return build(spec, self._transports)
            key = model_key(self._organization_id, spec, build)
            share = self._stock.models.take(key, lambda: build(spec, self._transports))
            self._models.append(share)
            return cast("Client", share.value)

    def graph(self, key: Hashable, build: Callable[[], Graph]) -> Graph:
        """Do what `Sharing.graph` promises."""
        template = self._own_template if self._template is None else self._template.value
        return build() if template is None else template.graph(key, build)

    async def close(self) -> None:
        """Give everything back; clients hold no socket of their own, so nothing is closed."""
        with self._lock:
            self._is_closed = True
            models, self._models = self._models, []
        for share in models:
            self._stock.models.give_back(share)
        template, self._template = self._template, None
        if template is not None:
            self._stock.templates.give_back(template)


def model_key(
    organization_id: OrganizationId, spec: ModelSpec, build: Callable[..., object]
) -> PartKey:
    """Return what makes two clients interchangeable within an organization.

    `build` tells one vendor's clients from another's. The key itself counts too, so that a client
    never goes on with an old one, whatever the versions say.
    """
    traits = (
        build,
        spec.provider,
        spec.base_url,
        spec.llm_config_id,
        spec.version,
        spec.model,
        tuple(sorted(spec.options.items())),
        spec.timeout,
        hashlib.sha256(spec.api_key.encode()).digest(),
    )
    return PartKey(organization_id, PartKind.MODEL, traits)
