"""What the demo does, call by call; whoever reads it has read the API."""

import io
import json
import zipfile
from collections.abc import AsyncIterator
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import httpx2

from cadence.entrypoints.demo_notes import DemoNotes
from cadence.entrypoints.demo_terminal import Terminal

EXAMPLES = Path(__file__).resolve().parents[2] / "sdk" / "examples"
PLUGINS = ("calculator", "knowledge_base")
PIDS = ("com.cadence.calculator", "com.cadence.knowledge_base")
QUESTION = "What is (12 + 8) * 3, and how long does a refund take?"
CREATED = (200, 201)
CONFLICT = 409


class DemoFailed(Exception):
    """The demo cannot go on; the message says why."""


@dataclass(slots=True)
class Heard:
    """What one run has sent: the tools that gave a result, and how it ended."""

    tools: set[str] = field(default_factory=set)
    outcome: str = "nothing"

    def note(self, name: str, fields: dict[str, Any]) -> None:
        """Take one event in."""
        if name == "tool_end" and not fields["is_error"]:
            self.tools.add(fields["tool"])
        if name == "metadata" and fields.get("final"):
            self.outcome = fields["outcome"]

    @property
    def is_good(self) -> bool:
        """Whether the run ended well, with a result from each of the plugins."""
        has_all = all(any(tool.startswith(pid) for tool in self.tools) for pid in PIDS)
        return self.outcome == "completed" and has_all


class DemoStory:
    """Composes what PRODUCT.md describes and asks each orchestrator one question."""

    def __init__(self, client: httpx2.AsyncClient, terminal: Terminal) -> None:
        self._client = client
        self._terminal = terminal

    async def tell(self, notes: DemoNotes) -> bool:
        """Do everything; False when an orchestrator did not answer with its tools."""
        await self._log_in(notes)
        org = await self._organization()
        model = await self._llm_config(org)
        plugins = [await self._plugin(org, name) for name in PLUGINS]
        answered = {}
        for kind in await self._kinds():
            instance = await self._orchestrator(org, kind, model=model, plugins=plugins)
            answered[instance] = await self._ask(org, kind, instance)
        self._show_next_steps(notes, org, next(iter(answered)))
        return all(answered.values())

    async def _log_in(self, notes: DemoNotes) -> None:
        body = {"username": notes.username, "password": notes.password}
        token = (await self._call("POST", "/api/auth/login", json=body))["token"]
        self._client.headers["Authorization"] = f"Bearer {token}"
        self._terminal.step(f"logged in as {notes.username}")

    async def _organization(self) -> str:
        for found in await self._call("GET", "/api/orgs"):
            if found["name"] == "Acme":
                return str(found["org_id"])
        made = await self._call("POST", "/api/admin/orgs", json={"name": "Acme"})
        self._terminal.step("organization Acme")
        return str(made["org_id"])

    async def _llm_config(self, org: str) -> int:
        address = f"/api/orgs/{org}/llm-configs"
        for found in (await self._call("GET", address))["items"]:
            if found["name"] == "offline":
                return int(found["id"])
        body = {"name": "offline", "provider": "offline", "api_key": "none-needed"}
        made = await self._call("POST", address, json=body)
        self._terminal.step("LLM config offline: the rule-based stand-in, no key needed")
        return int(made["id"])

    async def _plugin(self, org: str, name: str) -> str:
        files = {"file": (f"{name}.zip", _zipped(EXAMPLES / name), "application/zip")}
        row = await self._call("POST", f"/api/orgs/{org}/plugins/upload", files=files)
        self._terminal.step(f"plugin {row['pid']} {row['version']}")
        return str(row["id"])

    async def _kinds(self) -> list[tuple[str, str]]:
        offers = await self._call("GET", "/api/engine/frameworks")
        return [(offer["framework_type"], mode) for offer in offers for mode in offer["modes"]]

    async def _orchestrator(
        self, org: str, kind: tuple[str, str], *, model: int, plugins: list[str]
    ) -> str:
        address = f"/api/orgs/{org}/orchestrators"
        name = "-".join(kind)
        body = {
            "name": name,
            "framework_type": kind[0],
            "mode": kind[1],
            "active_plugin_ids": plugins,
            "config": {"default_llm_config_id": model},
        }
        answer = await self._client.post(address, json=body)
        if answer.status_code != CONFLICT:
            return str(_checked(answer)["id"])
        page = await self._call("GET", address, params={"limit": 200})
        row = next(item for item in page["items"] if item["name"] == name)
        change = {"active_plugin_ids": plugins, "config": body["config"]}
        await self._call("PATCH", f"{address}/{row['id']}/config", json=change)
        return str(row["id"])

    async def _ask(self, org: str, kind: tuple[str, str], instance: str) -> bool:
        self._terminal.title(" ".join(kind), QUESTION)
        heard = Heard()
        body = {"instance_id": instance, "message": QUESTION}
        address = f"/api/orgs/{org}/completion/stream"
        async with self._client.stream("POST", address, json=body) as answer:
            if answer.is_error:
                await answer.aread()
                _checked(answer)
            async for name, fields in _events(answer):
                heard.note(name, fields)
                self._terminal.event(name, fields)
        if not heard.is_good:
            self._terminal.failure(f"{heard.outcome}, with results of {sorted(heard.tools)}")
        return heard.is_good

    def _show_next_steps(self, notes: DemoNotes, org: str, instance: str) -> None:
        url = str(self._client.base_url).rstrip("/")
        say = self._terminal.line
        self._terminal.title("Try next", f"{url}/docs has every call")
        say(f"  URL {url}   username {notes.username}   password {notes.password}")
        say(
            f"  TOKEN=$(curl -s {url}/api/auth/login -H 'Content-Type: application/json' "
            f'-d \'{{"username": "{notes.username}", "password": "{notes.password}"}}\' '
            "| python3 -c 'import json, sys; print(json.load(sys.stdin)[\"token\"])')"
        )
        say(f'  curl -s {url}/api/orgs -H "Authorization: Bearer $TOKEN"')
        say(
            f'  curl -N {url}/api/orgs/{org}/completion/stream -H "Authorization: Bearer $TOKEN" '
            f"-H 'Content-Type: application/json' "
            f'-d \'{{"instance_id": "{instance}", "message": "Convert 26.2 miles to km"}}\''
        )

    async def _call(self, method: str, address: str, **options: Any) -> Any:
        return _checked(await self._client.request(method, address, **options))


async def _events(answer: httpx2.Response) -> AsyncIterator[tuple[str, dict[str, Any]]]:
    name = ""
    async for line in answer.aiter_lines():
        if line.startswith("event: "):
            name = line.removeprefix("event: ")
        elif line.startswith("data: "):
            yield name, json.loads(line.removeprefix("data: "))


def _checked(answer: httpx2.Response) -> Any:
    if answer.is_success:
        return answer.json()
    error = answer.json()["error"]
    fields = "; ".join(f"{field['path']} {field['message']}" for field in error["fields"])
    raise DemoFailed(f"{answer.request.url.path}: {error['message']} {fields}".rstrip())


def _zipped(folder: Path) -> bytes:
    """Zip a plugin's folder, the same bytes each time, as the catalog compares them."""
    packed = io.BytesIO()
    with zipfile.ZipFile(packed, "w", zipfile.ZIP_DEFLATED) as archive:
        for path in sorted(folder.rglob("*")):
            if path.is_file() and "__pycache__" not in path.parts:
                entry = zipfile.ZipInfo(str(Path(folder.name) / path.relative_to(folder)))
                entry.compress_type = zipfile.ZIP_DEFLATED
                entry.external_attr = 0o644 << 16
                archive.writestr(entry, path.read_bytes())
    return packed.getvalue()
