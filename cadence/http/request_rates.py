"""Counts a request in the names of its caller and of its organization, and notes how they stand."""

from collections.abc import Mapping, Sequence
from typing import Annotated

from fastapi import Depends, Request
from starlette.types import Scope

from cadence.config.settings import RateSettings
from cadence.http.at_once import at_once
from cadence.http.rate_limit import (
    caller_bucket,
    classify,
    organization_buckets,
    require_allowed,
)
from cadence.http.unit_of_work import Parts
from cadence.infra.rate_limits.quotas import Bucket, Quota, RateLimiter
from cadence.kernel.actors import Actor
from cadence.kernel.ids import OrganizationId

_NOTED = "quotas"


class RequestRates:
    """The limits of one request; each method raises `RateLimited` when one is used up."""

    def __init__(self, scope: Scope, *, limiter: RateLimiter, settings: RateSettings) -> None:
        self._scope = scope
        self._limiter = limiter
        self._settings = settings
        self._is_caller_counted = False

    async def count_caller(self, actor: Actor) -> None:
        """Count the request for the user or the service key that sent it, once."""
        if not self._is_caller_counted:
            self._is_caller_counted = True
            await self.count(caller_bucket(actor, self._settings))

    async def count_organization(
        self, organization_id: OrganizationId, rates: Mapping[str, int]
    ) -> None:
        """Count the request for the organization that it is about, by the route that serves it.

        `rates` are the limits that hold for this organization, by the keys of their settings.
        """
        await self.count(*self._organization_buckets(organization_id, rates))

    async def count_both(
        self, actor: Actor, organization_id: OrganizationId, rates: Mapping[str, int]
    ) -> None:
        """Do what `count_caller` and then `count_organization` do, in one round trip."""
        if self._is_caller_counted:
            await self.count_organization(organization_id, rates)
            return
        self._is_caller_counted = True
        theirs = self._organization_buckets(organization_id, rates)
        own, *quotas = await self._limiter.hit(caller_bucket(actor, self._settings), *theirs)
        if own.allowed:
            self._note([own, *quotas])
            return
        # Whoever has used up their own limit must not use up what they share with others.
        for bucket, quota in zip(theirs, quotas, strict=True):
            if quota.allowed:
                await self._limiter.give_back(bucket)
        self._note([own])

    async def count(self, *buckets: Bucket) -> None:
        """Count the request in these buckets; the answer's headers will tell of them."""
        self._note(await self._limiter.hit(*buckets))

    def _note(self, quotas: Sequence[Quota]) -> None:
        self._scope.setdefault("state", {}).setdefault(_NOTED, []).extend(quotas)
        require_allowed(quotas)

    def _organization_buckets(
        self, organization_id: OrganizationId, rates: Mapping[str, int]
    ) -> Sequence[Bucket]:
        own = {key.removeprefix("rate_"): amount for key, amount in rates.items()}
        settings = self._settings.model_copy(update=own)
        route_class = classify(self._scope["method"], self._scope["route"].path)
        return organization_buckets(organization_id, route_class, settings)


def counted(scope: Scope) -> Sequence[Quota]:
    """Return how the limits stand that have counted a request so far."""
    noted: Sequence[Quota] = scope.get("state", {}).get(_NOTED, ())
    return noted


def read_rates(request: Request, parts: Parts) -> RequestRates:
    """Assemble the limits of the request."""
    return RequestRates(request.scope, limiter=parts.limiter, settings=parts.settings.rate)


Rates = Annotated[RequestRates, Depends(at_once(read_rates))]
