"""Which limits count a request, the refusal, and what every answer says of them."""

import re
from collections.abc import Sequence
from enum import StrEnum
from typing import assert_never

from cadence.config.settings import RateSettings
from cadence.http.unit_of_work import READING
from cadence.infra.rate_limits.quotas import Bucket, Limit, Quota
from cadence.kernel.actors import Actor
from cadence.kernel.errors import CadenceError, Kind
from cadence.kernel.ids import OrganizationId


class RouteClass(StrEnum):
    """What a route costs whoever serves it; all but reading has a limit of its own."""

    READ = "read"
    WRITE = "write"
    COMPLETION = "completion"
    UPLOAD = "upload"
    PROBE = "probe"


# Ends of route templates, not of paths: no spelling of an address leads past them.
_BY_TEMPLATE = (
    (re.compile(r"/completion/\w+$"), RouteClass.COMPLETION),
    (re.compile(r"/plugins/(upload|validate)$"), RouteClass.UPLOAD),
    (re.compile(r"/llm-configs/\{\w+\}/test$"), RouteClass.PROBE),
)


class RateLimited(CadenceError):
    """One of the limits that count the request is used up."""

    kind = Kind.TOO_MANY
    code = "rate_limited"

    def __init__(self, limit: Limit, *, wait: int) -> None:
        super().__init__(
            f"The limit '{limit.name}' of {limit.amount} in {limit.seconds} seconds is used up. "
            f"Try again in {wait} seconds.",
            retry_after=wait,
        )


def classify(method: str, template: str) -> RouteClass:
    """Return the class of a route by its method and its path with the names of its parameters."""
    if method in READING:
        return RouteClass.READ
    found = (kind for pattern, kind in _BY_TEMPLATE if pattern.search(template))
    return next(found, RouteClass.WRITE) if method == "POST" else RouteClass.WRITE


def caller_bucket(actor: Actor, settings: RateSettings) -> Bucket:
    """Return what counts every request of a user or of a service key."""
    return Bucket(Limit(name=actor.kind, amount=settings.user_per_minute), actor.id)


def organization_buckets(
    organization_id: OrganizationId, route_class: RouteClass, settings: RateSettings
) -> Sequence[Bucket]:
    """Return what counts every request to an organization, and those of one class."""
    owner = str(organization_id)
    every = Bucket(Limit(name="organization", amount=settings.organization_per_minute), owner)
    amount = _amount(route_class, settings)
    if amount is None:
        return (every,)
    return (every, Bucket(Limit(name=route_class, amount=amount), owner))


def require_allowed(quotas: Sequence[Quota]) -> None:
    """Raise `RateLimited` for the refused hit that has to wait longest, if any was refused."""
    refused = [quota for quota in quotas if not quota.allowed]
    if refused:
        last = max(refused, key=lambda quota: quota.reset)
        raise RateLimited(last.limit, wait=last.reset)


def rate_limit_headers(quotas: Sequence[Quota]) -> dict[str, str]:
    """Return the two headers of draft-ietf-httpapi-ratelimit-headers, none for no quotas."""
    if not quotas:
        return {}
    policies = (f'"{quota.limit.name}";q={_in(quota.limit)}' for quota in quotas)
    standings = (f'"{quota.limit.name}";r={quota.remaining};t={quota.reset}' for quota in quotas)
    return {"RateLimit-Policy": ", ".join(policies), "RateLimit": ", ".join(standings)}


def _in(limit: Limit) -> str:
    return f"{limit.amount};w={limit.seconds}"


def _amount(route_class: RouteClass, settings: RateSettings) -> int | None:
    match route_class:
        case RouteClass.READ:
            return None
        case RouteClass.WRITE:
            return settings.write_per_minute
        case RouteClass.COMPLETION:
            return settings.completion_per_minute
        case RouteClass.UPLOAD:
            return settings.upload_per_minute
        case RouteClass.PROBE:
            return settings.probe_per_minute
        case _:
            assert_never(route_class)
