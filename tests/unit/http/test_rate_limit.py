"""Which limits count a request, and how an answer tells of them."""

import pytest
from fastapi.routing import APIRoute, iter_route_contexts

from cadence.config.settings import RateSettings
from cadence.entrypoints.api import ROUTERS
from cadence.http.errors import STATUS
from cadence.http.rate_limit import (
    RateLimited,
    RouteClass,
    classify,
    organization_buckets,
    rate_limit_headers,
    require_allowed,
)
from cadence.infra.rate_limits.quotas import Limit, Quota
from cadence.kernel.ids import OrganizationId, new_uuid

COSTLY = {
    "POST /api/orgs/{org}/completion/chat": RouteClass.COMPLETION,
    "POST /api/orgs/{org}/completion/stream": RouteClass.COMPLETION,
    "POST /api/orgs/{org}/plugins/upload": RouteClass.UPLOAD,
    "POST /api/orgs/{org}/plugins/validate": RouteClass.UPLOAD,
    "POST /api/admin/plugins/upload": RouteClass.UPLOAD,
    "POST /api/orgs/{org}/llm-configs/{id}/test": RouteClass.PROBE,
}


def routes() -> dict[str, RouteClass]:
    """Return the class of every route that there is."""
    found = {}
    for router in ROUTERS:
        for context in iter_route_contexts(router.routes):
            route = context.original_route
            if isinstance(route, APIRoute):
                for method in route.methods or ():
                    found[f"{method} {context.path}"] = classify(method, route.path)
    return found


def quota(name: str, *, remaining: int, reset: int, allowed: bool = True) -> Quota:
    limit = Limit(name=name, amount=600)
    retry_after = None if allowed else reset
    return Quota(
        limit=limit, allowed=allowed, remaining=remaining, reset=reset, retry_after=retry_after
    )


def test_routes_that_cost_much_have_a_limit_of_their_own() -> None:
    classes = routes()

    costly = {name for name, found in classes.items() if found in set(COSTLY.values())}

    assert {name: classes[name] for name in costly} == COSTLY


def test_what_changes_nothing_is_reading_and_the_rest_writing() -> None:
    for name, found in routes().items():
        if name not in COSTLY:
            expected = RouteClass.READ if name.startswith("GET ") else RouteClass.WRITE
            assert found is expected, name


@pytest.mark.parametrize("route_class", RouteClass)
def test_each_class_but_reading_counts_twice(route_class: RouteClass) -> None:
    organization_id = OrganizationId(new_uuid())

    buckets = organization_buckets(organization_id, route_class, RateSettings())

    names = [bucket.limit.name for bucket in buckets]
    assert names == ["organization", *([] if route_class is RouteClass.READ else [route_class])]
    assert {bucket.owner for bucket in buckets} == {str(organization_id)}


def test_the_headers_are_structured_fields_of_the_draft() -> None:
    quotas = [
        quota("user", remaining=597, reset=42),
        quota("organization", remaining=0, reset=3, allowed=False),
    ]

    assert rate_limit_headers(quotas) == {
        "RateLimit-Policy": '"user";q=600;w=60, "organization";q=600;w=60',
        "RateLimit": '"user";r=597;t=42, "organization";r=0;t=3',
    }


def test_an_answer_that_no_limit_counted_has_no_headers() -> None:
    assert rate_limit_headers([]) == {}


def test_a_refusal_names_the_limit_that_has_to_be_waited_for() -> None:
    quotas = [
        quota("organization", remaining=0, reset=3, allowed=False),
        quota("completion", remaining=0, reset=17, allowed=False),
        quota("user", remaining=0, reset=50),
    ]

    with pytest.raises(RateLimited, match="'completion' of 600 in 60 seconds") as refused:
        require_allowed(quotas)

    assert refused.value.retry_after == 17
    assert STATUS[refused.value.kind] == 429
