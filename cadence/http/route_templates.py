"""Which route a request was sent to, by its template: few values, none of them a client's own."""

from starlette.types import Scope

UNKNOWN = "unknown"


def find_template(scope: Scope) -> str | None:
    """Return the template of the route that took the request, e.g. `/api/orgs/{org}/members`.

    None before a route has been chosen, and where none fits. FastAPI notes the route with all
    prefixes in front of it; what has no such note is a route of Starlette's own.
    """
    context = scope.get("fastapi", {}).get("effective_route_context")
    path = getattr(context, "path", None) or getattr(scope.get("route"), "path", None)
    return path if isinstance(path, str) else None
