"""Orchestrators of all kinds under a steady load of streams, each of which shows what it ran on."""

import asyncio
import re
import time
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any
from uuid import UUID

from cadence.engine.modes import Framework, Mode
from cadence.kernel.ids import OrchestratorId, OrganizationId
from cadence.pool.pool import Pool
from cadence.pool.ports import Key
from cadence.pool.tiers import Tier
from tests.fakes.model_server import Call, ModelRequest, ModelServer, Say, Step
from tests.fixtures.clients import Organization
from tests.fixtures.orchestrators import read_events
from tests.integration.reload_stories import FIRST_WORD, KEY, TOKENS, Kept, Story, Streamed
from tests.integration.witness_plugin import witness_plugin

STORY = " ".join(f"word{number}" for number in range(8))
PAUSE = 0.7
FOLLOWED_WITHIN = 30.0
LOOK_EVERY = 0.02
_STREAM = re.compile(r"\(stream (\d+)\)")
_TOLD = re.compile(r"This is generation (\d+)\.")


def act(request: ModelRequest) -> Step:
    """Have the plugin greet, then tell the story slowly, whatever the mode."""
    greet = next((name for name in request.tool_names if name.endswith("_greet")), None)
    if greet is not None and not any(each.name == greet for each in request.tool_results):
        return Call((greet, {"name": "Ada"}))
    if "route_to_conversational" in request.tool_names:
        return Say("DONE")
    if greet is None and request.tool_names and not request.tool_results:
        return Call((request.tool_names[0], {}))
    return Say(STORY, delay_per_word=PAUSE)


@dataclass(kw_only=True)
class Scene:
    """One organization's orchestrators on a server whose pool can be looked at."""

    organization: Organization
    model: ModelServer
    pool: Pool
    llm_config_id: int
    prompts: Mapping[str, str]
    bots: Sequence[Kept] = ()
    keys: Story = field(default_factory=lambda: Story(KEY))
    streamed: list[Streamed] = field(default_factory=list)
    under_way: int = 0
    _last: int = 0

    async def stream(self, bot: Kept) -> None:
        """Have one turn and keep what came of it."""
        self._last += 1
        number, sent = self._last, time.monotonic()
        body = {"instance_id": bot.id, "message": f"Greet Ada, please. (stream {number})"}
        self.under_way += 1
        answer = await self.organization.member.post("{org}/completion/stream", body)
        self.under_way -= 1
        assert answer.status_code == 200, answer.text
        self.streamed.append(
            Streamed(
                number=number,
                bot=bot,
                sent=sent,
                events=read_events(answer),
            )
        )

    async def change_config(self, bot: Kept, number: int) -> None:
        """Give an orchestrator its next generation, which each call of its model shows."""
        tokens = TOKENS + number
        change = {"max_tokens": tokens, **self._told(bot.mode, tokens)}
        sent = await self._patch(
            f"{{org}}/orchestrators/{bot.id}/config", {"config": {"mode_config": change}}, bot
        )
        bot.generations.add(tokens, sent=sent)

    async def change_plugin(self, bot: Kept, number: int) -> None:
        """Give an orchestrator's plugin another word, which its results show."""
        await self._set_word(bot, f"word-{number}")

    async def _set_word(self, bot: Kept, word: str | None) -> None:
        sent = await self._patch(
            f"{{org}}/orchestrators/{bot.id}/plugin-settings",
            {"plugin_settings": {bot.plugin_id: {"word": word}}},
            bot,
        )
        bot.words.add(word or FIRST_WORD, sent=sent)

    async def reset_plugins(self) -> None:
        """Give every plugin the word that it began with."""
        for bot in self.bots:
            if bot.words.newest != FIRST_WORD:
                await self._set_word(bot, None)

    async def rotate_key(self, number: int) -> None:
        """Change the key of the model that all orchestrators use."""
        key = f"sk-rotated-{number}"
        sent = await self._patch(
            f"{{org}}/llm-configs/{self.llm_config_id}", {"api_key": key}, *self.bots
        )
        self.keys.add(key, sent=sent)

    async def until_hot(self, *, instead_of: Mapping[Key, str | None]) -> None:
        """Wait until each is built from something else than before."""
        async with asyncio.timeout(FOLLOWED_WITHIN):
            while not all(self._is_new(key, before) for key, before in instead_of.items()):  # noqa: ASYNC110  # in another thread
                await asyncio.sleep(LOOK_EVERY)

    def calls_of_streams(self) -> Mapping[int, Sequence[ModelRequest]]:
        """Return each stream's calls of the model, oldest first."""
        calls: dict[int, list[ModelRequest]] = {}
        for call in self.model.calls:
            found = {int(number) for each in call.messages for number in _STREAM.findall(each.text)}
            (number,) = found
            calls.setdefault(number, []).append(call)
        return calls

    async def _patch(self, path: str, body: object, *bots: Kept) -> float:
        """Send a change and wait until these are built from it; return when it was sent."""
        before = {bot.key: self.pool.find(bot.key).build_hash for bot in bots}
        sent = time.monotonic()
        answer = await self.organization.admin.patch(path, body)
        assert answer.status_code == 200, answer.text
        await self.until_hot(instead_of=before)
        return sent

    def _told(self, mode: Mode, tokens: int) -> dict[str, Any]:
        told = f"This is generation {tokens}."
        if mode is Mode.SUPERVISOR:
            return {
                f"{node}_node": {"prompt_override": f"{self.prompts[node]}\n{told}"}
                for node in ("supervisor", "synthesizer")
            }
        return {"handoff_instructions": told} if mode is Mode.HANDOFF else {}

    def _is_new(self, key: Key, before: str | None) -> bool:
        found = self.pool.find(key)
        is_ready = found.tier is Tier.HOT and not found.is_building
        return is_ready and found.build_hash != before


def generations_of(calls: Sequence[ModelRequest]) -> set[object]:
    """Return every generation that calls were made by, by their limits and by their prompts."""
    told = {int(number) for call in calls for number in _TOLD.findall(call.system)}
    return {*(call.max_tokens for call in calls), *told}


async def compose(
    organization: Organization, model: ModelServer, pool: Pool, *, folder: Path
) -> Scene:
    """Make one orchestrator of each kind on one shared plugin, and three with plugins alone."""
    model.respond(act)
    admin = organization.admin
    llm = await admin.post(
        "{org}/llm-configs",
        {
            "name": "scripted",
            "provider": "openai_compatible",
            "api_key": KEY,
            "model_name": "scripted",
            "base_url": model.openai_url,
        },
    )
    assert llm.status_code == 201, llm.text
    listed = (await admin.get("/api/engine/supervisor/prompts")).json()
    scene = Scene(
        organization=organization,
        model=model,
        pool=pool,
        llm_config_id=llm.json()["id"],
        prompts={item["node"]: item["prompt"] for item in listed},
    )
    shared = await _upload(organization, folder, is_alone=False)
    alone = await _upload(organization, folder, is_alone=True)
    kinds = [(framework, mode) for framework in Framework for mode in Mode]
    scene.bots = [
        *[await _create(scene, kind, shared, is_alone=False) for kind in kinds],
        # One of each framework and of each mode.
        *[await _create(scene, kind, alone, is_alone=True) for kind in kinds[::4]],
    ]
    for bot in scene.bots:
        loaded = await admin.post(f"{{org}}/orchestrators/{bot.id}/load", {"tier": "hot"})
        assert loaded.status_code == 202, loaded.text
    await scene.until_hot(instead_of={bot.key: None for bot in scene.bots})
    return scene


async def _upload(organization: Organization, folder: Path, *, is_alone: bool) -> str:
    package = witness_plugin(folder, is_alone=is_alone)
    made = await organization.admin.upload("{org}/plugins/upload", package)
    assert made.status_code == 201, made.text
    return str(made.json()["id"])


async def _create(
    scene: Scene, kind: tuple[Framework, Mode], plugin_id: str, *, is_alone: bool
) -> Kept:
    organization = scene.organization
    framework, mode = kind
    made = await organization.admin.post(
        "{org}/orchestrators",
        {
            "name": f"{framework} {mode} {'alone' if is_alone else 'shared'}",
            "framework_type": framework,
            "mode": mode,
            "active_plugin_ids": [plugin_id],
            "config": {
                "default_llm_config_id": scene.llm_config_id,
                "mode_config": {"max_tokens": TOKENS},
            },
        },
    )
    assert made.status_code == 201, made.text
    id_ = made.json()["id"]
    return Kept(
        id=id_,
        key=(OrganizationId(UUID(organization.id)), OrchestratorId(UUID(id_))),
        mode=mode,
        plugin_id=plugin_id,
        is_alone=is_alone,
    )
