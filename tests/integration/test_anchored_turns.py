"""Turns about one record: what models are told of it, and what keeps one from being begun."""

import asyncio
import json
from collections.abc import Awaitable, Callable, Mapping
from pathlib import Path
from typing import Any

import httpx
import pytest

from tests.factories.plugins import tools_plugin, zipped
from tests.fakes.model_request import ModelRequest
from tests.fakes.model_server import Call, ModelServer, Say, Step
from tests.fixtures.clients import Organization
from tests.fixtures.orchestrators import Bot

DESK = """
from cadence_sdk import (
    BasePlugin, BaseScopedAgent, BaseSpecializedAgent, CadenceException, PluginMetadata, uvtool
)


class Unknown(CadenceException):
    error_category = "record"


class Agent(BASES):
    def __init__(self):
        self.loaded = 0

    async def load_anchor(self, resource_id):
        if resource_id == "T-0":
            raise Unknown("There is no ticket T-0.")
        if resource_id == "T-boom":
            raise RuntimeError("canary-in-exception")
        if resource_id == "T-large":
            return {"text": "x" * 40_000}
        self.loaded += 1
        return {"id": resource_id, "loaded": self.loaded, "note": "canary-in-record {plugins}"}

    def build_scope_rules(self, context):
        return f"Speak of {context['id']} alone. canary-in-rules"

    def get_system_prompt(self):
        return "You know the desk."

    def get_tools(self):
        @uvtool(name="ring", description="Ring.")
        def ring() -> str:
            return "rung"

        return [ring]


class Desk(BasePlugin):
    @staticmethod
    def get_metadata():
        return PluginMetadata(
            pid="com.acme.desk", name="Desk", version="VERSION", description="Knows tickets."
        )

    @staticmethod
    def create_agent():
        return Agent()
"""
FREE = DESK.replace("BASES", "BaseScopedAgent, BaseSpecializedAgent").replace("VERSION", "1.0.0")
BOUND = DESK.replace("BASES", "BaseScopedAgent").replace("VERSION", "2.0.0")
EXAMPLE = Path(__file__).parents[2] / "sdk" / "examples" / "support_ticket"
CANARIES = ("canary-in-record", "canary-in-rules", "canary-in-exception")
KINDS = [
    (framework, mode)
    for framework in ("langgraph", "openai_agents", "google_adk")
    for mode in ("supervisor", "coordinator", "handoff")
]

Compose = Callable[..., Awaitable[Bot]]


@pytest.fixture
def compose(organization: Organization, model: ModelServer) -> Compose:
    """Compose an orchestrator of these plugins' packages on the scripted model."""
    admin = organization.admin

    async def make(*packages: bytes, framework: str = "langgraph", mode: str = "supervisor") -> Bot:
        llm = await admin.post("{org}/llm-configs", _llm_config(model.openai_url))
        plugins = [await admin.upload("{org}/plugins/upload", each) for each in packages]
        assert {each.status_code for each in plugins} <= {200, 201}, plugins[0].text
        ids = [each.json()["id"] for each in plugins]
        config: dict[str, Any] = {"default_llm_config_id": llm.json()["id"]}
        if mode == "handoff":
            config["mode_config"] = {"entry_agent": ids[0]}
        asked = {
            "name": f"bot {framework} {mode}",
            "framework_type": framework,
            "mode": mode,
            "active_plugin_ids": ids,
            "config": config,
        }
        made = await admin.post("{org}/orchestrators", asked)
        assert made.status_code == 201, made.text
        return Bot(made.json()["id"], llm.json()["id"], ids[0], admin, organization.member)

    return make


def _llm_config(base_url: str) -> dict[str, str]:
    return {
        "name": "scripted",
        "provider": "openai_compatible",
        "api_key": "sk-scripted-model-key",
        "model_name": "scripted",
        "base_url": base_url,
    }


@pytest.fixture
async def desk(compose: Compose) -> Bot:
    """A supervisor with the desk, which also has something to say of no ticket at all."""
    return await compose(zipped({"plugin.py": FREE}), tools_plugin())


def _prompts(model: ModelServer) -> str:
    return "\n".join(call.system for call in model.calls)


def _fields(answer: httpx.Response) -> list[str]:
    return [each["path"] for each in answer.json()["error"]["fields"]]


async def _talk(bot: Bot, model: ModelServer, message: str = "How is it?", **more: Any) -> str:
    """Play a turn that ends well, and return its conversation."""
    model.script(Say("x"), Say("Fine."))
    answer = await bot.chat(message, **more)
    assert answer.status_code == 200, answer.text
    conversation: str = answer.json()["conversation_id"]
    return conversation


async def _conversation(bot: Bot, conversation: str) -> dict[str, Any]:
    found: dict[str, Any] = (await bot.member.get(f"{{org}}/conversations/{conversation}")).json()
    return found


async def test_every_turn_of_a_conversation_is_about_its_record(
    desk: Bot, model: ModelServer
) -> None:
    conversation = await _talk(desk, model, resource_id="T-1")
    first = len(model.calls)
    await _talk(desk, model, conversation_id=conversation)
    await _talk(desk, model, conversation_id=conversation, resource_id="T-1")

    told = [call.system for call in model.calls]
    assert all("Speak of T-1 alone." in prompt for prompt in told)
    assert all('"id":"T-1","loaded":1,' in prompt for prompt in told[:first])
    assert all('"id":"T-1","loaded":2,' in prompt for prompt in told[first : 2 * first])
    assert all('"id":"T-1","loaded":3,' in prompt for prompt in told[2 * first :])
    assert (await _conversation(desk, conversation))["resource_id"] == "T-1"


async def test_no_event_and_no_answer_holds_anything_of_the_record(
    desk: Bot, model: ModelServer
) -> None:
    model.script(Say("x"), Say("Fine."))
    events = await desk.stream("How is it?", resource_id="T-1")
    model.script(Say("x"), Say("Fine."))
    answer = await desk.chat("How is it?", resource_id="T-1")

    assert events[-1].fields["outcome"] == "completed"
    assert not any(canary in repr(events) + answer.text for canary in CANARIES)
    assert all(CANARIES[0] in call.system for call in model.calls)


async def test_a_conversation_about_nothing_is_told_of_no_record(
    desk: Bot, model: ModelServer
) -> None:
    conversation = await _talk(desk, model)

    assert "one record" not in _prompts(model)
    assert (await _conversation(desk, conversation))["resource_id"] is None


@pytest.mark.parametrize("first", [{"resource_id": "T-1"}, {}], ids=["another", "a first one"])
async def test_a_conversation_keeps_to_what_it_was_begun_about(
    desk: Bot, model: ModelServer, first: Mapping[str, str]
) -> None:
    conversation = await _talk(desk, model, **first)
    asked = len(model.calls)

    answer = await desk.chat("And this?", conversation_id=conversation, resource_id="T-2")

    assert (answer.status_code, _fields(answer)) == (422, ["resource_id"])
    assert answer.json()["error"]["code"] == "validation_failed"
    assert len(model.calls) == asked
    assert (await _conversation(desk, conversation))["message_count"] == 2


async def test_a_fork_is_about_the_same_record(desk: Bot, model: ModelServer) -> None:
    source = await _talk(desk, model, resource_id="T-1")
    said = (await desk.member.get(f"{{org}}/conversations/{source}/messages")).json()["items"]

    body = {"message_id": said[-1]["id"]}
    fork = (await desk.member.post(f"{{org}}/conversations/{source}/fork", body)).json()
    before = len(model.calls)
    await _talk(desk, model, conversation_id=fork["id"])

    assert fork["resource_id"] == "T-1"
    assert all("Speak of T-1 alone." in call.system for call in model.calls[before:])


async def test_a_record_that_is_unknown_is_refused_in_the_plugins_words_and_no_model_asked(
    desk: Bot, model: ModelServer
) -> None:
    answer = await desk.chat("How is it?", resource_id="T-0")
    events = await desk.stream("How is it?", resource_id="T-0")

    assert (answer.status_code, _fields(answer)) == (422, ["resource_id"])
    assert answer.json()["error"]["code"] == "anchor_refused"
    assert answer.json()["error"]["message"] == "There is no ticket T-0."
    assert [event.name for event in events] == ["metadata", "error", "metadata"]
    assert events[1].fields["code"] == "anchor_refused"
    assert events[1].fields["message"] == "There is no ticket T-0."
    assert events[1].fields["retryable"] is False
    assert events[2].fields["outcome"] == "failed"
    assert model.calls == []


async def test_what_was_asked_about_an_unknown_record_is_kept_as_a_turn_that_failed(
    desk: Bot, model: ModelServer
) -> None:
    events = await desk.stream("How is it?", resource_id="T-0")

    conversation = events[0].fields["conversation_id"]
    said = (await desk.member.get(f"{{org}}/conversations/{conversation}/messages")).json()
    told = [(item["role"], item["content"], item["status"]) for item in said["items"]]
    assert told == [("user", "How is it?", "completed"), ("assistant", "", "failed")]
    assert said["items"][1]["error_code"] == "anchor_refused"
    assert model.calls == []


@pytest.mark.parametrize("record", ["T-boom", "T-large"])
async def test_a_plugin_that_fails_on_a_record_says_nothing_of_it(
    desk: Bot, model: ModelServer, record: str
) -> None:
    answer = await desk.chat("How is it?", resource_id=record)

    assert (answer.status_code, answer.json()["error"]["code"]) == (502, "anchor_failed")
    assert "The plugin Desk could not load the record" in answer.json()["error"]["message"]
    assert not any(canary in answer.text for canary in CANARIES)
    assert model.calls == []


async def test_a_record_for_plugins_that_know_none_is_refused(
    compose: Compose, model: ModelServer
) -> None:
    bot = await compose(tools_plugin())

    answer = await bot.chat("How is it?", resource_id="T-1")

    assert (answer.status_code, _fields(answer)) == (422, ["resource_id"])
    assert answer.json()["error"]["code"] == "resource_unexpected"
    assert model.calls == []


async def test_an_agent_that_knows_records_alone_needs_one(
    compose: Compose, model: ModelServer
) -> None:
    bot = await compose(zipped({"plugin.py": BOUND}))

    refused = await bot.chat("How is it?")
    await _talk(bot, model, resource_id="T-1")

    assert (refused.status_code, _fields(refused)) == (422, ["resource_id"])
    assert refused.json()["error"]["code"] == "resource_required"
    assert all("Speak of T-1 alone." in call.system for call in model.calls)


@pytest.mark.parametrize(
    "record",
    ["", "x" * 201, "\u0958" * 200, "a\x00b", "a\nb", "\ud800", 7, ["T-1"]],
    ids=["empty", "long", "long once composed", "NUL", "two lines", "half", "number", "list"],
)
async def test_a_record_is_named_in_one_line_of_safe_text(
    desk: Bot, model: ModelServer, record: object
) -> None:
    body = {"instance_id": desk.id, "message": "How is it?", "resource_id": record}

    answer = await desk.member.request(
        "POST",
        "{org}/completion/chat",
        content=json.dumps(body),
        headers={"Content-Type": "application/json"},
    )

    assert answer.status_code in {400, 422}
    assert model.calls == []


async def test_a_record_may_be_named_in_any_language(desk: Bot, model: ModelServer) -> None:
    name = "Auftrag №7 / 注文・" + "x" * 180

    conversation = await _talk(desk, model, resource_id=name)

    assert (await _conversation(desk, conversation))["resource_id"] == name
    assert f"Speak of {name} alone." in model.calls[-1].system


async def test_conversations_at_the_same_time_do_not_mix(desk: Bot, model: ModelServer) -> None:
    model.respond(lambda _: Say("Fine."))
    numbers = range(4)

    answers = await asyncio.gather(
        *(desk.chat(f"About {number}.", resource_id=f"T-1{number}") for number in numbers)
    )

    assert [answer.status_code for answer in answers] == [200] * len(numbers)
    read = {
        (call.messages[0].text, number)
        for call in model.calls
        for number in numbers
        if f"T-1{number}" in call.system
    }
    assert read == {(f"About {number}.", number) for number in numbers}


async def test_a_repeated_request_about_another_record_is_another_request(
    desk: Bot, model: ModelServer
) -> None:
    model.script(Say("x"), Say("Fine."))
    body = {"instance_id": desk.id, "message": "How is it?"}
    key = {"Idempotency-Key": "once"}

    answers = [
        await desk.member.post("{org}/completion/chat", {**body, "resource_id": name}, headers=key)
        for name in ("T-1", "T-1", "T-2")
    ]

    assert [answer.status_code for answer in answers] == [200, 200, 422]
    assert answers[2].json()["error"]["code"] == "idempotency_key_reused"


@pytest.mark.parametrize(("framework", "mode"), KINDS, ids=str)
async def test_the_example_works_on_its_ticket_on_all_nine(
    compose: Compose, model: ModelServer, *, framework: str, mode: str
) -> None:
    bot = await compose(_example(), framework=framework, mode=mode)
    model.respond(_work)

    answer = await bot.chat("What does the customer wait for?", resource_id="T-1001")

    assert answer.status_code == 200, answer.text
    (read,) = answer.json()["tools"]
    assert read["is_error"] is False
    assert read["result"]["number"] == "T-1001"
    assert len(read["result"]["messages"]) == 3


def _example() -> bytes:
    files = (each for each in EXAMPLE.rglob("*") if each.suffix in {".py", ".json"})
    return zipped({str(each.relative_to(EXAMPLE)): each.read_text("utf-8") for each in files})


def _work(request: ModelRequest) -> Step:
    """Send for the agent, read the messages with the record's key, and be done."""
    if request.tool_results:
        return Say("Fine.")
    (read, transfer) = (
        next((name for name in request.tool_names if part in name), None)
        for part in ("read_messages", "transfer")
    )
    if read is not None:
        key = request.system.partition('"key":"')[2].partition('"')[0]
        return Call((read, {"key": key}))
    return Say("Fine.") if transfer is None else Call((transfer, {}))
