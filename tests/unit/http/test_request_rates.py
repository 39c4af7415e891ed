"""A request is counted once for its caller and once for its organization."""

from collections.abc import AsyncIterator
from types import SimpleNamespace
from typing import Any

import pytest

from cadence.config.settings import RateSettings
from cadence.http.rate_limit import RateLimited
from cadence.http.request_rates import RequestRates, counted
from cadence.infra.rate_limits.in_memory import MemoryLimiter
from cadence.kernel.actors import Actor, ActorKind
from cadence.kernel.ids import OrganizationId, new_uuid

ACME = OrganizationId(new_uuid())
SETTINGS = RateSettings(user_per_minute=2, organization_per_minute=4)


def actor(name: str) -> Actor:
    return Actor(kind=ActorKind.USER, id=name, name=name, address="-", request_id="r")


@pytest.fixture
async def limiter() -> AsyncIterator[MemoryLimiter]:
    opened = MemoryLimiter()
    yield opened
    await opened.close()


def a_scope() -> dict[str, Any]:
    return {"method": "GET", "route": SimpleNamespace(path="/api/orgs/{org}/conversations")}


def rates_of(limiter: MemoryLimiter, scope: dict[str, Any]) -> RequestRates:
    return RequestRates(scope, limiter=limiter, settings=SETTINGS)


async def test_caller_and_organization_are_counted_together(limiter: MemoryLimiter) -> None:
    scope = a_scope()

    await rates_of(limiter, scope).count_both(actor("ann"), ACME, {})

    assert [(quota.limit.name, quota.remaining) for quota in counted(scope)] == [
        ("user", 1),
        ("organization", 3),
    ]


async def test_a_caller_who_was_counted_is_not_counted_again(limiter: MemoryLimiter) -> None:
    scope = a_scope()
    rates = rates_of(limiter, scope)

    await rates.count_caller(actor("ann"))
    await rates.count_both(actor("ann"), ACME, {})
    await rates.count_caller(actor("ann"))

    assert [(quota.limit.name, quota.remaining) for quota in counted(scope)] == [
        ("user", 1),
        ("organization", 3),
    ]


async def test_whoever_is_over_their_limit_takes_nothing_of_the_organizations(
    limiter: MemoryLimiter,
) -> None:
    for _ in range(2):
        await rates_of(limiter, a_scope()).count_both(actor("ann"), ACME, {})
    for _ in range(10):
        refused = a_scope()
        with pytest.raises(RateLimited, match="'user'"):
            await rates_of(limiter, refused).count_both(actor("ann"), ACME, {})
        assert [quota.limit.name for quota in counted(refused)] == ["user"]

    for _ in range(2):
        await rates_of(limiter, a_scope()).count_both(actor("ben"), ACME, {})
    with pytest.raises(RateLimited, match="'organization'"):
        await rates_of(limiter, a_scope()).count_both(actor("cid"), ACME, {})
