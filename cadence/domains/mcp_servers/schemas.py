"""What the MCP server calls take and give; a header's value only ever comes in."""

import re
from collections.abc import Mapping
from datetime import datetime
from typing import Annotated, Literal
from uuid import UUID

from pydantic import AfterValidator, Field, SecretStr, StringConstraints, field_validator

from cadence.http.bodies import Input, Output
from cadence.http.paging import ListQuery
from cadence.http.text import Name, SafeText
from cadence.kernel.ids import McpServerId

LONGEST_TIMEOUT = 300.0
DEFAULT_TIMEOUT = 30.0
MOST_HEADERS = 16
LONGEST_HEADER = 4096
# All of them together, so that they fit their column once they are sealed.
LONGEST_HEADERS = 8192
MOST_ALLOWED = 128
McpServerSort = Literal["name", "-name", "created_at", "-created_at"]
_HEADER_NAME = re.compile(r"[A-Za-z0-9][A-Za-z0-9_-]{0,63}")
_HEADER_VALUE = re.compile(r"[!-~](?:[ -~]*[!-~])?")
# What says how the call itself is made; and what the protocol says in headers of its own.
_OURS = frozenset(
    {
        "accept",
        "accept-encoding",
        "connection",
        "content-encoding",
        "content-length",
        "content-type",
        "expect",
        "host",
        "keep-alive",
        "last-event-id",
        "te",
        "trailer",
        "transfer-encoding",
        "upgrade",
    }
)
_OURS_BY_PREFIX = ("mcp-", "proxy-")


def _may_be_sent(name: str) -> str:
    lowered = name.lower()
    if not _HEADER_NAME.fullmatch(name):
        raise ValueError("must be a header's name: letters, digits, - and _")
    if lowered in _OURS or lowered.startswith(_OURS_BY_PREFIX):
        raise ValueError("is a header that is not for you to set")
    return lowered


def _fits_a_header(secret: SecretStr) -> SecretStr:
    value = secret.get_secret_value()
    if len(value) > LONGEST_HEADER or not _HEADER_VALUE.fullmatch(value):
        raise ValueError(f"must be 1 to {LONGEST_HEADER} ASCII characters on one line")
    return secret


def _fit_together(headers: dict[str, SecretStr]) -> dict[str, SecretStr]:
    size = sum(len(name) + len(value.get_secret_value()) for name, value in headers.items())
    if size > LONGEST_HEADERS:
        raise ValueError(f"must have no more than {LONGEST_HEADERS} characters together")
    return headers


HeaderName = Annotated[str, AfterValidator(_may_be_sent)]
HeaderValue = Annotated[SecretStr, AfterValidator(_fits_a_header)]
Headers = Annotated[
    dict[HeaderName, HeaderValue],
    Field(max_length=MOST_HEADERS),
    AfterValidator(_fit_together),
]
Url = Annotated[SafeText, StringConstraints(min_length=1, max_length=2048)]
Description = Annotated[SafeText, StringConstraints(strip_whitespace=True, max_length=1000)]
ToolName = Annotated[SafeText, StringConstraints(min_length=1, max_length=256)]
AllowedTools = Annotated[list[ToolName], Field(min_length=1, max_length=MOST_ALLOWED)]
Timeout = Annotated[float, Field(gt=0, le=LONGEST_TIMEOUT)]


class _WithHeaders(Input):
    """A body that may bring headers."""

    headers: Headers | None = None

    @property
    def opened_headers(self) -> Mapping[str, str]:
        """The headers themselves, for whoever seals or sends them."""
        return {name: value.get_secret_value() for name, value in (self.headers or {}).items()}


class McpServerCreate(_WithHeaders):
    """A server to register; `allowed_tools` null takes all that it offers.

    `description` tells models what the server is for; null has it made of the tools' names.
    `call_timeout` is in seconds.
    """

    name: Name
    url: Url
    description: Description | None = None
    allowed_tools: AllowedTools | None = None
    call_timeout: Timeout = DEFAULT_TIMEOUT


class McpServerChange(_WithHeaders):
    """What to change; a field that is left out stays, null clears one that may be empty."""

    name: Name | None = None
    url: Url | None = None
    description: Description | None = None
    allowed_tools: AllowedTools | None = None
    call_timeout: Timeout | None = None

    @field_validator("name", "url", "call_timeout", mode="before")
    @classmethod
    def _is_given(cls, value: object) -> object:
        if value is None:
            raise ValueError("cannot be null")
        return value

    def changes(self, field: str) -> bool:
        """Whether the client sent this field, be it as null."""
        return field in self.model_fields_set


class McpServerQuery(ListQuery[McpServerSort]):
    """Which MCP servers to list; `search` looks into their names and addresses."""


class McpToolRead(Output):
    """One tool as models know it."""

    name: str
    description: str


class McpServerRead(Output):
    """A registered server; of its headers, only the names.

    `plugin_id` is what an orchestrator's `active_plugin_ids` names, `tools` are what the server
    offered when it was last asked and what is allowed of that.
    """

    id: McpServerId
    plugin_id: UUID
    pid: str
    version: str
    name: str
    url: str
    description: str
    header_names: list[str]
    allowed_tools: list[str] | None
    call_timeout: float
    tools: list[McpToolRead]
    created_at: datetime
    updated_at: datetime


class OfferedToolRead(Output):
    """One tool that a server offers now; `server_name` is what `allowed_tools` calls it."""

    name: str
    server_name: str
    description: str
    is_allowed: bool


class LeftOutRead(Output):
    """One tool that cannot be used, and why."""

    name: str
    reason: str


class McpProblem(Output):
    """Why the server could not be used."""

    code: str
    message: str


class McpTrialAnswer(Output):
    """What the server offers at this moment, and how long it took to say so in any case."""

    ok: bool
    latency_ms: int
    tools: list[OfferedToolRead]
    left_out: list[LeftOutRead]
    error: McpProblem | None
