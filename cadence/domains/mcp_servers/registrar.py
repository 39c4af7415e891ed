"""Registers MCP servers: each is asked what it offers, with no transaction open meanwhile."""

from collections.abc import Awaitable, Callable, Sequence
from contextlib import AbstractAsyncContextManager

from cadence.domains.mcp_servers.drafts import (
    Draft,
    Tools,
    address_problems,
    allowing_problems,
    asks_the_server,
    changed,
    draft_of_new,
    moving_problems,
    shown_tools,
)
from cadence.domains.mcp_servers.schemas import McpServerChange, McpServerCreate
from cadence.domains.mcp_servers.service import McpServerService
from cadence.domains.mcp_servers.summary import McpServerSummary
from cadence.infra.egress.rules import EgressRules
from cadence.kernel.errors import FieldProblem, InvalidInput
from cadence.kernel.ids import McpServerId, UserId
from cadence.plugin_host.mcp.endpoint import McpEndpoint, McpLimits
from cadence.plugin_host.mcp.offers import Offer

Look = Callable[[McpEndpoint], Awaitable[Offer]]
Opening = Callable[[], AbstractAsyncContextManager[McpServerService]]


class McpRegistrar:
    """Creates and changes servers of one organization, in short transactions of its own.

    `reading` and `writing` open one each. What a server has to say is waited for in between.
    """

    def __init__(
        self,
        *,
        reading: Opening,
        writing: Opening,
        look: Look,
        limits: McpLimits,
        rules: EgressRules,
        creator: UserId | None,
    ) -> None:
        self._reading = reading
        self._writing = writing
        self._look = look
        self._limits = limits
        self._rules = rules
        self._creator = creator

    async def create(self, asked: McpServerCreate) -> McpServerSummary:
        """Register a server that answers.

        Raises `InvalidInput`, `McpServerNameTaken`, `McpServerUnreachable`, `McpServerRefused` and
        `McpServerUnusable`; then nothing is stored.
        """
        draft = draft_of_new(asked)
        _require_none(address_problems(draft, self._rules))
        async with self._reading() as servers:
            await servers.require_free(draft.name)
        tools = await self._ask(draft)
        async with self._writing() as servers:
            return await servers.create(draft, tools, creator=self._creator)

    async def change(self, server_id: McpServerId, asked: McpServerChange) -> McpServerSummary:
        """Change what was sent; the server is asked again when that decides what is offered.

        Raises as `create` does, `NotFound` and `McpServerChanged`.
        """
        async with self._reading() as servers:
            before = await servers.read(server_id, is_mended=asked.changes("headers"))
        draft = changed(before.draft, asked)
        # An address that stays is not judged again, as in LLM configs; connecting is.
        moved = address_problems(draft, self._rules) if asked.changes("url") else []
        _require_none([*moved, *moving_problems(before.draft, asked)])
        tools = await self._ask(draft) if asks_the_server(asked) else None
        async with self._writing() as servers:
            return await servers.change(server_id, draft, before=before, tools=tools)

    async def _ask(self, draft: Draft) -> Tools:
        offer = await self._look(draft.endpoint)
        _require_none(allowing_problems(draft, offer))
        allowed = draft.endpoint.allowed_tools
        return shown_tools(offer.only(allowed, most=self._limits.offered_tools))


def _require_none(problems: Sequence[FieldProblem]) -> None:
    if problems:
        raise InvalidInput.of(*problems)
