"""What the calls of the audit trail's test are made with, and how they are told."""

import secrets
from collections.abc import Awaitable, Callable, Sequence
from dataclasses import dataclass, field
from typing import Any

import httpx
from typing_extensions import override

from tests.fakes.model_server import ModelServer, Say
from tests.fixtures.clients import Client, Organization
from tests.fixtures.orchestrators import Bot, create_bot
from tests.fixtures.service import PASSWORD

SECRET = "(secret)"
CANARY = "canary-of-the-audit-trail"
PLATFORM = None


@dataclass(frozen=True, slots=True)
class Told:
    """One entry: the action, the object's id and name, the organization, the change."""

    action: str
    object_id: str
    name: str
    org_id: str | None
    change: dict[str, Any]


@dataclass(frozen=True, slots=True)
class Done:
    """A call that has been answered, who made it, and what must have been told."""

    answer: httpx.Response
    actor: Client
    told: Sequence[Told] = ()


@dataclass(kw_only=True)
class Stage:
    """A fresh organization, a sys_admin, and a model for those who need one."""

    http: httpx.AsyncClient
    root: Client
    organization: Organization
    model: ModelServer
    _bot: Bot | None = field(default=None, init=False)

    @property
    def admin(self) -> Client:
        return self.organization.admin

    @property
    def member(self) -> Client:
        return self.organization.member

    @property
    def org_id(self) -> str:
        return self.organization.id

    async def bot(self) -> Bot:
        if self._bot is None:
            self._bot = await create_bot(self.organization, self.model.openai_url)
        return self._bot

    async def conversation(self) -> str:
        """Have the member say something, and return where."""
        bot = await self.bot()
        self.model.script(Say("x"), Say("Hello."))
        answer = await bot.chat("Hello")
        found: str = answer.json()["conversation_id"]
        return found

    async def user(self, **fields: object) -> dict[str, Any]:
        """Create somebody who belongs nowhere."""
        wanted = {"username": a_name("user"), "password": PASSWORD, **fields}
        return made(await self.root.post("/api/admin/users", wanted))

    async def llm_config(self, **fields: object) -> dict[str, Any]:
        wanted = {"name": "main", "provider": "openai", "api_key": f"sk-{CANARY}", **fields}
        return made(await self.admin.post("{org}/llm-configs", wanted))

    async def name_of(self, client: Client) -> str:
        found: str = (await client.get("/api/me")).json()["username"]
        return found


Case = Callable[[Stage], Awaitable[Done]]


def cases(*acts: Case) -> dict[str, Case]:
    """Return each function by the operation id that it is named after."""
    return {act.__name__: act for act in acts}


class Anything:
    """Equals whatever is there."""

    @override
    def __eq__(self, other: object) -> bool:
        return other is not None

    __hash__ = None  # type: ignore[assignment]  # equal to all


ANYTHING = Anything()


def a_name(kind: str) -> str:
    return f"{kind}-{secrets.token_hex(6)}"


def made(answer: httpx.Response) -> dict[str, Any]:
    assert answer.status_code in {200, 201}, answer.text
    found: dict[str, Any] = answer.json()
    return found
