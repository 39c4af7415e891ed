"""What the demo does, call by call; whoever reads it has read the API."""

from collections.abc import Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from cadence.entrypoints.demo_calls import Calls
from cadence.entrypoints.demo_notes import DemoNotes
from cadence.entrypoints.demo_packages import PLUGINS, zip_folder
from cadence.entrypoints.demo_terminal import Terminal

ORGANIZATION = "Acme"
MODEL = "stand-in"
QUESTION = "What is (12 + 8) * 3, and how long does a refund take?"


@dataclass(slots=True)
class Heard:
    """What one run has sent: the tools that gave a result, whether it spoke, how it ended."""

    tools: set[str] = field(default_factory=set)
    has_spoken: bool = False
    outcome: str = "nothing"

    def note(self, name: str, fields: dict[str, Any]) -> None:
        """Take one event in."""
        if name == "tool_end" and not fields["is_error"]:
            self.tools.add(fields["tool"])
        if name == "message" and fields["content"].strip():
            self.has_spoken = True
        if name == "metadata" and fields.get("final"):
            self.outcome = fields["outcome"]

    def find_problem(self) -> str | None:
        """Return what is missing from a good answer, or None."""
        if self.outcome != "completed":
            return f"The run ended with: {self.outcome}."
        if not self.has_spoken:
            return "The run ended without an answer."
        silent = [pid for pid in PLUGINS.values() if not self._has_result_of(pid)]
        return f"No result came from {' and '.join(silent)}." if silent else None

    def _has_result_of(self, pid: str) -> bool:
        return any(tool.startswith(f"{pid}.") for tool in self.tools)


@dataclass(frozen=True, slots=True, kw_only=True)
class Told:
    """How the story went, and an orchestrator to go on with."""

    organization: str
    orchestrator: str
    asked: int
    answered: int


class DemoStory:
    """Composes what PRODUCT.md describes and asks each orchestrator one question.

    Whatever an earlier demo made is used again.
    """

    def __init__(self, calls: Calls, terminal: Terminal, *, examples: Path) -> None:
        self._calls = calls
        self._terminal = terminal
        self._examples = examples

    async def tell(self, notes: DemoNotes) -> Told:
        """Do everything; raises `DemoFailed` when a step cannot be done."""
        await self._calls.log_in(notes.username, notes.password)
        self._terminal.step("signed in", f"{notes.username}, administrator of the platform")
        organization = await self._organization()
        within = f"/api/orgs/{organization}"
        model = await self._llm_config(within)
        plugins = [await self._plugin(within, name) for name in PLUGINS]
        kinds = await self._kinds()
        made = [await self._orchestrator(within, kind, model, plugins=plugins) for kind in kinds]
        pairs = zip(kinds, made, strict=True)
        answered = [await self._ask(within, kind, orchestrator) for kind, orchestrator in pairs]
        return Told(
            organization=organization,
            orchestrator=made[0],
            asked=len(answered),
            answered=sum(answered),
        )

    async def _organization(self) -> str:
        found = await self._calls.find("/api/orgs", name=ORGANIZATION)
        row = found or await self._calls.send(
            "POST", "/api/admin/orgs", json={"name": ORGANIZATION}
        )
        self._step("organization", ORGANIZATION, found)
        return str(row["org_id"])

    async def _llm_config(self, within: str) -> int:
        address = f"{within}/llm-configs"
        found = await self._calls.find(address, name=MODEL)
        body = {"name": MODEL, "provider": "offline"}
        row = found or await self._calls.send("POST", address, json=body)
        self._step("LLM config", f"{MODEL}: the rule-based offline model, no key needed", found)
        return int(row["id"])

    async def _plugin(self, within: str, name: str) -> str:
        address = f"{within}/plugins"
        known = {row["id"]: row for row in await self._calls.send("GET", address)}
        upload = (f"{name}.zip", zip_folder(self._examples / name), "application/zip")
        row = await self._calls.send("POST", f"{address}/upload", files={"file": upload})
        self._step("plugin", f"{row['pid']} {row['version']}", known.get(row["id"]))
        return str(row["id"])

    async def _kinds(self) -> Sequence[tuple[str, str]]:
        offers = await self._calls.send("GET", "/api/engine/frameworks")
        return [(offer["framework_type"], mode) for offer in offers for mode in offer["modes"]]

    async def _orchestrator(
        self, within: str, kind: tuple[str, str], model: int, *, plugins: Sequence[str]
    ) -> str:
        name, address = "-".join(kind), f"{within}/orchestrators"
        wanted = {"active_plugin_ids": plugins, "config": {"default_llm_config_id": model}}
        body = {"name": name, "framework_type": kind[0], "mode": kind[1], **wanted}
        found = await self._calls.find(address, name=name)
        row = found or await self._calls.send("POST", address, json=body)
        if found is not None:
            # The examples may have newer versions than when this one was composed.
            await self._calls.send("PATCH", f"{address}/{row['id']}/config", json=wanted)
        self._step("orchestrator", name, found)
        return str(row["id"])

    async def _ask(self, within: str, kind: tuple[str, str], orchestrator: str) -> bool:
        self._terminal.title(" · ".join(kind))
        self._terminal.question(QUESTION)
        heard = Heard()
        body = {"instance_id": orchestrator, "message": QUESTION}
        async for name, fields in self._calls.stream(f"{within}/completion/stream", body):
            heard.note(name, fields)
            self._terminal.event(name, fields)
        problem = heard.find_problem()
        if problem is not None:
            self._terminal.failure(problem)
        return problem is None

    def _step(self, what: str, which: str, found: object) -> None:
        self._terminal.step(what, which, note="there already" if found else "")
