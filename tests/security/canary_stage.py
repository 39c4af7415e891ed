"""The stage of the story with the canaries: a real process, and all that its callers see of it."""

import sqlite3
from collections.abc import AsyncIterator, Iterator
from contextlib import asynccontextmanager, contextmanager
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import httpx

from tests.fakes.model_server import ModelServer, open_model_server
from tests.fixtures.clients import Client
from tests.security.canaries import Secret, new_canary, secret_text, secret_token
from tests.security.canary_model import answer

# Calls whose answer exists to hand a secret to the one who asks, and the field that it is in.
HANDED_OUT = {"/api/auth/login": "token", "/users": "password"}


@dataclass(frozen=True, slots=True)
class Answer:
    """One answer as it came over the wire; `content` is without what it exists to hand out."""

    call: str
    status: int
    code: str | None
    head: bytes
    content: bytes


@dataclass(slots=True)
class Stage:
    """What the chapters of the story share; `secrets` and `private` grow as it is told.

    `private` are words that their author may read again, and that no log may have.
    """

    http: httpx.AsyncClient
    model: ModelServer
    database: Path
    secrets: list[Secret]
    private: list[Secret] = field(default_factory=list)
    answers: list[Answer] = field(default_factory=list)
    organization_id: str = "none"

    @property
    def nobody(self) -> Client:
        """Somebody without a token."""
        return Client(self.http, None, self.organization_id)

    def canary(self, name: str) -> str:
        """Make up a secret."""
        text = new_canary()
        self.secrets.append(secret_text(name, text))
        return text

    def message(self, wish: str) -> str:
        """Return a message that says what it wants and something that is nobody else's business."""
        words = new_canary()
        self.private.append(secret_text(f"words said with {wish}", words))
        return f"{wish} {words}"

    async def log_in(self, username: str, password: str) -> Client:
        """Log in; the token is one more secret."""
        body = {"username": username, "password": password}
        response = await self.nobody.post("/api/auth/login", body)
        token = str(response.json()["token"])
        self.secrets.append(secret_token(f"token of {username}", token))
        return Client(self.http, token, self.organization_id)

    async def note(self, response: httpx.Response) -> None:
        """Keep an answer, headers and all."""
        await response.aread()
        head = "\n".join(f"{name}: {value}" for name, value in response.headers.items())
        self.answers.append(
            Answer(
                f"{response.request.method} {response.request.url.raw_path.decode()}",
                response.status_code,
                _error_code(response),
                head.encode(),
                response.content.replace(self._handed_out(response), b""),
            )
        )

    def _handed_out(self, response: httpx.Response) -> bytes:
        path = response.request.url.path
        fields = [name for place, name in HANDED_OUT.items() if path.endswith(place)]
        if not (fields and response.request.method == "POST" and response.is_success):
            return b""
        handed = str(response.json()[fields[0]] or "")
        if handed and fields[0] == "password":
            self.secrets.append(secret_text("password made up for a user", handed))
        return handed.encode()

    @contextmanager
    def failing_writes(self, table: str) -> Iterator[None]:
        """Have the database fail at every insert into a table, with the row's values at hand."""
        self._change(f"CREATE TRIGGER spoil BEFORE INSERT ON {table} BEGIN SELECT json('{{'); END")
        try:
            yield
        finally:
            self._change("DROP TRIGGER spoil")

    def _change(self, statement: str) -> None:
        connection = sqlite3.connect(self.database, timeout=30)
        try:
            connection.execute(statement)
            connection.commit()
        finally:
            connection.close()


@asynccontextmanager
async def open_stage(
    base_url: str, *, database: Path, secrets: list[Secret]
) -> AsyncIterator[Stage]:
    """Open a client that remembers every answer, and the model's server."""
    async with (
        open_model_server(strict=False) as model,
        httpx.AsyncClient(base_url=base_url, timeout=60) as http,
    ):
        model.respond(answer)
        stage = Stage(http, model, database, secrets)
        http.event_hooks = {"response": [stage.note]}
        yield stage


def _error_code(response: httpx.Response) -> str | None:
    try:
        body: Any = response.json()
    except ValueError:
        return None
    found = body.get("error") if isinstance(body, dict) else None
    return found.get("code") if isinstance(found, dict) else None
