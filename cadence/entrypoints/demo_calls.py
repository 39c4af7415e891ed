"""The demo's side of the wire: calls of the API, and streams of events."""

import json
from collections.abc import AsyncIterator
from typing import Any

import httpx2


class DemoFailed(Exception):
    """The demo cannot go on; the message says why."""


class Calls:
    """The REST API of one server, for one person once `log_in` has been called.

    Every method raises `DemoFailed` for an answer that is no success, and when there is none.
    """

    def __init__(self, client: httpx2.AsyncClient, base_url: str) -> None:
        self.base_url = base_url
        self._client = client
        self._headers: dict[str, str] = {}

    async def log_in(self, username: str, password: str) -> None:
        """Call as this person from now on."""
        body = {"username": username, "password": password}
        token = (await self.send("POST", "/api/auth/login", json=body))["token"]
        self._headers = {"Authorization": f"Bearer {token}"}

    async def send(self, method: str, path: str, **options: Any) -> Any:
        """Make a call and return the answer's JSON."""
        try:
            answer = await self._client.request(
                method, self.base_url + path, headers=self._headers, **options
            )
        except httpx2.HTTPError as error:
            raise _no_answer(path, error) from error
        return _read(answer)

    async def find(self, path: str, *, name: str) -> dict[str, Any] | None:
        """Return the thing of this name in a list, or None."""
        listed = await self.send("GET", path, params={"limit": 200})
        rows = listed if isinstance(listed, list) else listed["items"]
        return next((row for row in rows if row["name"] == name), None)

    async def stream(
        self, path: str, body: dict[str, str]
    ) -> AsyncIterator[tuple[str, dict[str, Any]]]:
        """Yield the name and the fields of each event as it arrives."""
        address = self.base_url + path
        try:
            async with self._client.stream(
                "POST", address, headers=self._headers, json=body
            ) as answer:
                if answer.is_error:
                    await answer.aread()
                    _read(answer)
                async for event in _events(answer):
                    yield event
        except httpx2.HTTPError as error:
            raise _no_answer(path, error) from error


async def _events(answer: httpx2.Response) -> AsyncIterator[tuple[str, dict[str, Any]]]:
    name = ""
    async for line in answer.aiter_lines():
        if line.startswith("event: "):
            name = line.removeprefix("event: ")
        elif line.startswith("data: "):
            yield name, json.loads(line.removeprefix("data: "))


def _read(answer: httpx2.Response) -> Any:
    if answer.is_success:
        return answer.json()
    error = answer.json()["error"]
    told = (f"{field['path']}: {field['message']}" for field in error["fields"])
    fields = "".join(f" {each.removesuffix('.')}." for each in told)
    raise DemoFailed(f"{answer.request.url.path} answered: {error['message']}{fields}")


def _no_answer(path: str, error: httpx2.HTTPError) -> DemoFailed:
    return DemoFailed(f"{path} did not answer ({type(error).__name__}).")
