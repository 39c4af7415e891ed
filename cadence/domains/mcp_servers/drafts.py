"""What an MCP server's registration says or is about to say, with its headers opened."""

import hashlib
import re
import unicodedata
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field, replace

import orjson

from cadence.domains.mcp_servers.schemas import McpServerChange, McpServerCreate
from cadence.infra.egress.rules import EgressRules
from cadence.infra.egress.urls import check_url
from cadence.kernel.errors import FieldProblem
from cadence.kernel.text import clip
from cadence.plugin_host.mcp.endpoint import McpEndpoint
from cadence.plugin_host.mcp.offers import Offer, OfferedTool

PREFIX = "mcp."
_LONGEST_SLUG = 60
_DIGEST_LENGTH = 8
_LONGEST_DESCRIPTION = 1000
_NOT_IN_A_SLUG = re.compile(r"[^a-z0-9]+")

Tools = Sequence[Mapping[str, str]]


@dataclass(frozen=True, slots=True, kw_only=True)
class Draft:
    """A server as its admin describes it; no `description` has one made of the tools' names."""

    name: str
    description: str | None
    endpoint: McpEndpoint = field(repr=False)

    def describe(self, tools: Tools) -> str:
        """Return what models are told that the server is for."""
        if self.description:
            return self.description
        names = ", ".join(tool["name"] for tool in tools)
        return clip(f"Tools of {self.name}: {names}.", _LONGEST_DESCRIPTION)


def draft_of_new(asked: McpServerCreate) -> Draft:
    """Return what a new registration would say."""
    allowed = asked.allowed_tools
    return Draft(
        name=asked.name,
        description=asked.description,
        endpoint=McpEndpoint(
            url=asked.url,
            headers=asked.opened_headers,
            allowed_tools=None if allowed is None else tuple(allowed),
            call_timeout=asked.call_timeout,
        ),
    )


def changed(before: Draft, asked: McpServerChange) -> Draft:
    """Return what a registration would say after a change: null clears, absence keeps."""
    endpoint = before.endpoint
    if asked.url is not None:
        endpoint = replace(endpoint, url=asked.url)
    if asked.changes("headers"):
        endpoint = replace(endpoint, headers=asked.opened_headers)
    if asked.changes("allowed_tools"):
        allowed = asked.allowed_tools
        endpoint = replace(endpoint, allowed_tools=None if allowed is None else tuple(allowed))
    if asked.call_timeout is not None:
        endpoint = replace(endpoint, call_timeout=asked.call_timeout)
    return Draft(
        name=asked.name or before.name,
        description=asked.description if asked.changes("description") else before.description,
        endpoint=endpoint,
    )


def asks_the_server(asked: McpServerChange) -> bool:
    """Whether a change decides what is offered; the same url again has the tools read again."""
    return any(asked.changes(name) for name in ("url", "headers", "allowed_tools"))


def address_problems(draft: Draft, rules: EgressRules) -> list[FieldProblem]:
    """Return why this address may not be stored."""
    problem = check_url(draft.endpoint.url, rules)
    return [] if problem is None else [FieldProblem("url", problem)]


def moving_problems(before: Draft, asked: McpServerChange) -> list[FieldProblem]:
    """Return why a server may not move: its headers would be sent to whom they were not given."""
    is_moved = asked.url is not None and asked.url != before.endpoint.url
    if is_moved and before.endpoint.headers and not asked.changes("headers"):
        return [FieldProblem("headers", "must be given again when url changes")]
    return []


def allowing_problems(draft: Draft, offer: Offer) -> list[FieldProblem]:
    """Return which of the allowed tools the server does not offer in a form that can be used."""
    offered = {each.raw_name for each in offer.tools}
    return [
        FieldProblem(f"allowed_tools.{place}", "is no tool of this server that can be used")
        for place, name in enumerate(draft.endpoint.allowed_tools or ())
        if name not in offered
    ]


def shown_tools(tools: Sequence[OfferedTool]) -> list[dict[str, str]]:
    """Return what the catalog says of the tools."""
    return [{"name": each.tool.name, "description": each.tool.description} for each in tools]


def pid_of(name: str) -> str:
    """Return the pid for a name: what is left of it in plain letters, or a digest of it."""
    plain = unicodedata.normalize("NFKD", name).encode("ascii", "ignore").decode().lower()
    slug = _NOT_IN_A_SLUG.sub("_", plain).strip("_")[:_LONGEST_SLUG].strip("_")
    if not slug or not slug[0].isalpha():
        slug = f"server_{hashlib.sha256(name.encode()).hexdigest()[:_DIGEST_LENGTH]}"
    return f"{PREFIX}{slug}"


def digest_of(draft: Draft, *, secret_id: str, tools: Tools) -> str:
    """Return what changes with everything that a build reads.

    The headers count by the id that they were sealed under: everybody may see this digest, and a
    short secret could be guessed from one of its own.
    """
    endpoint = draft.endpoint
    parts = (
        draft.name,
        draft.describe(tools),
        endpoint.url,
        secret_id,
        endpoint.allowed_tools,
        endpoint.call_timeout,
        list(tools),
    )
    return hashlib.sha256(orjson.dumps(parts)).hexdigest()
