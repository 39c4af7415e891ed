"""Turns through the API: events, history, what is stored, what happens when things go wrong."""

import asyncio
from typing import Any

import pytest

from tests.fakes.model_server import (
    Call,
    ContextExceeded,
    DropMidStream,
    Fail,
    Garbage,
    ModelServer,
    Say,
)
from tests.fakes.sockets import unused_port
from tests.fixtures.clients import Client, Organization
from tests.fixtures.orchestrators import Bot, SseEvent, create_bot, read_events

GREET = "com_acme_tools_greet"


def _greeting_turn(model: ModelServer) -> None:
    model.script(Call((GREET, {"name": "Ada"})), Say("Done."), Say("She was greeted: Hello, Ada!"))


def _answer(events: list[SseEvent]) -> str:
    return "".join(event.fields["content"] for event in events if event.name == "message")


async def test_a_turn_streams_its_story_in_order(bot: Bot, model: ModelServer) -> None:
    _greeting_turn(model)

    events = await bot.stream("Greet Ada")

    assert [event.id for event in events] == list(range(1, len(events) + 1))
    assert events[0].name == "metadata"
    assert events[0].fields["instance_id"] == bot.id
    tools = [event for event in events if event.name in {"tool_start", "tool_end"}]
    assert [event.name for event in tools] == ["tool_start", "tool_end"]
    assert tools[0].fields["tool"] == "com.acme.tools.greet"
    assert tools[0].fields["args"] == {"name": "Ada"}
    assert tools[1].fields["result"] == "Hello, Ada!"
    assert tools[1].fields["is_error"] is False
    assert _answer(events) == "She was greeted: Hello, Ada!"
    final = events[-1]
    assert final.name == "metadata"
    assert final.fields["final"] is True
    assert final.fields["outcome"] == "completed"
    assert final.fields["usage"]["llm_calls"] == 3


async def test_a_chat_gives_the_same_as_one_answer(bot: Bot, model: ModelServer) -> None:
    _greeting_turn(model)

    answer = await bot.chat("Greet Ada")

    assert answer.status_code == 200
    body = answer.json()
    assert body["message"] == "She was greeted: Hello, Ada!"
    assert [tool["result"] for tool in body["tools"]] == ["Hello, Ada!"]
    assert "supervisor" in body["agents"]
    assert body["usage"]["input_tokens"] > 0


async def test_the_next_turn_knows_the_one_before(bot: Bot, model: ModelServer) -> None:
    model.script(Say("x"), Say("Hello Ada, nice to meet you."))
    first = await bot.stream("My name is Ada")
    conversation = first[0].fields["conversation_id"]
    model.script(Say("x"), Say("Your name is Ada."))

    answer = await bot.chat("What is my name?", conversation_id=conversation)

    assert answer.json()["conversation_id"] == conversation
    heard = [message.text for message in model.calls[-1].messages]
    assert any("My name is Ada" in text for text in heard)
    assert any("nice to meet you" in text for text in heard)


async def test_both_sides_of_a_turn_are_stored(bot: Bot, model: ModelServer) -> None:
    _greeting_turn(model)
    conversation = (await bot.chat("Greet Ada")).json()["conversation_id"]

    messages = (await bot.member.get(f"{{org}}/conversations/{conversation}/messages")).json()

    told = [(item["role"], item["content"], item["status"]) for item in messages["items"]]
    assert told == [
        ("user", "Greet Ada", "completed"),
        ("assistant", "She was greeted: Hello, Ada!", "completed"),
    ]
    assert messages["items"][1]["usage"]["llm_calls"] == 3


async def test_a_run_can_be_read_again_from_any_event(bot: Bot, model: ModelServer) -> None:
    _greeting_turn(model)
    events = await bot.stream("Greet Ada")
    run = events[0].fields["run_id"]

    again = await bot.member.get(
        f"{{org}}/runs/{run}/events", headers={"Last-Event-ID": str(events[3].id)}
    )

    assert read_events(again) == events[4:]


async def test_nobody_else_reads_a_run(
    bot: Bot, model: ModelServer, other_organization: Organization
) -> None:
    _greeting_turn(model)
    run = (await bot.stream("Greet Ada"))[0].fields["run_id"]

    for stranger in (bot.admin, other_organization.admin):
        assert (await stranger.get(f"{{org}}/runs/{run}/events")).status_code == 404
        assert (await stranger.post(f"{{org}}/runs/{run}/cancel")).status_code == 404


async def test_a_cancelled_run_keeps_what_it_said(bot: Bot, model: ModelServer) -> None:
    model.script(Say("x"), Say("one two three four five six seven", delay_per_word=0.3))
    turn = asyncio.ensure_future(bot.stream("Tell me a story"))
    await model.wait_for_calls(2, within=30)
    run = await _running(bot)

    assert (await bot.member.post(f"{{org}}/runs/{run}/cancel")).status_code == 202
    events = await turn

    assert events[-1].fields["outcome"] == "cancelled"
    assert 0 < len(_answer(events).split()) < 7
    conversation = events[0].fields["conversation_id"]
    stored = (await bot.member.get(f"{{org}}/conversations/{conversation}/messages")).json()
    assert stored["items"][1]["status"] == "cancelled"
    assert stored["items"][1]["content"] == _answer(events)
    again = await bot.member.post(f"{{org}}/runs/{run}/cancel")
    assert again.json()["error"]["code"] == "run_not_running"


async def _running(bot: Bot) -> str:
    """Return the run under way, once its answer has begun."""
    while True:
        await asyncio.sleep(0.05)
        conversations = (await bot.member.get("{org}/conversations")).json()["items"]
        if not conversations:
            continue
        place = f"{{org}}/conversations/{conversations[0]['id']}/messages"
        messages = (await bot.member.get(place)).json()["items"]
        await asyncio.sleep(1)
        run: str = messages[0]["run_id"]
        return run


async def test_a_second_turn_at_once_is_refused(bot: Bot, model: ModelServer) -> None:
    model.script(Say("x"), Say("fine"))
    begun = await bot.chat("Begin")
    conversation = begun.json()["conversation_id"]
    model.script(Say("x"), Say("a b c d", delay_per_word=0.3))
    slow = asyncio.ensure_future(bot.chat("First", conversation_id=conversation))
    await asyncio.sleep(0.4)

    second = await bot.chat("Second", conversation_id=conversation)

    assert second.status_code == 409
    assert second.json()["error"]["code"] == "conversation_busy"
    assert (await slow).status_code == 200


async def test_a_turn_under_way_is_as_unknown_to_strangers_as_its_conversation(
    bot: Bot, model: ModelServer
) -> None:
    model.script(Say("x"), Say("fine"))
    conversation = (await bot.chat("Begin")).json()["conversation_id"]
    model.script(Say("x"), Say("a b c d", delay_per_word=0.3))
    slow = asyncio.ensure_future(bot.chat("First", conversation_id=conversation))
    await model.wait_for_calls(4, within=30)

    foreign = {"instance_id": bot.id, "message": "Mine?", "conversation_id": conversation}
    answer = await bot.admin.post("{org}/completion/chat", foreign)

    assert not slow.done()
    assert answer.status_code == 404
    assert (await slow).status_code == 200


TROUBLE = [
    pytest.param(Fail(401), "model_authentication_failed", id="wrong key"),
    pytest.param(Fail(404), "model_not_found", id="unknown model"),
    pytest.param(Garbage(), "model_answer_invalid", id="garbage"),
    pytest.param(ContextExceeded(), "model_context_exceeded", id="too long"),
]


@pytest.mark.parametrize(("step", "code"), TROUBLE)
async def test_model_trouble_gives_one_code_and_the_next_turn_works(
    bot: Bot, model: ModelServer, *, step: Any, code: str
) -> None:
    model.script(step)

    events = await bot.stream("Hello there")

    errors = [event.fields for event in events if event.name == "error"]
    assert [error["code"] for error in errors] == [code]
    assert errors[0]["request_id"]
    assert events[-1].fields["final"] is True
    assert events[-1].fields["outcome"] == "failed"
    conversation = events[0].fields["conversation_id"]
    stored = (await bot.member.get(f"{{org}}/conversations/{conversation}/messages")).json()
    assert [item["role"] for item in stored["items"]] == ["user", "assistant"]
    assert stored["items"][1]["error_code"] == code
    model.script(Say("x"), Say("Works again."))
    following = await bot.chat("And now?", conversation_id=conversation)
    assert following.json()["message"] == "Works again."


async def test_an_unreachable_model_gives_its_code(organization: Organization) -> None:
    bot = await create_bot(organization, f"http://127.0.0.1:{unused_port()}/v1")

    events = await bot.stream("Hello")
    chat = await bot.chat("Hello")

    assert [event.fields["code"] for event in events if event.name == "error"] == [
        "model_unreachable"
    ]
    assert events[-1].fields["outcome"] == "failed"
    assert chat.status_code == 502
    assert chat.json()["error"]["code"] == "model_unreachable"


async def test_a_stream_that_breaks_off_keeps_its_words(bot: Bot, model: ModelServer) -> None:
    model.script(Say("x"), DropMidStream(2, of=Say("one two three four")))

    events = await bot.stream("Count")

    assert _answer(events).split() == ["one", "two"]
    assert [event.fields["code"] for event in events if event.name == "error"] == [
        "model_unavailable"
    ]
    conversation = events[0].fields["conversation_id"]
    stored = (await bot.member.get(f"{{org}}/conversations/{conversation}/messages")).json()
    assert stored["items"][1]["content"].split() == ["one", "two"]


@pytest.mark.parametrize(
    ("tool", "code"),
    [
        pytest.param("boom", "tool_error", id="raises"),
        pytest.param("hang", "tool_timeout", id="hangs"),
        pytest.param("huge", "tool_result_too_large", id="returns ten megabytes"),
    ],
)
async def test_a_bad_tool_gives_one_code_and_the_turn_goes_on(
    bot: Bot, model: ModelServer, *, tool: str, code: str
) -> None:
    model.script(Call((f"com_acme_tools_{tool}", {})), Say("The tool failed, sorry."))

    events = await bot.stream("Try it")

    ended = [event.fields for event in events if event.name == "tool_end"]
    assert [(end["is_error"], end["result"]["code"]) for end in ended] == [(True, code)]
    assert events[-1].fields["outcome"] == "completed"
    assert _answer(events) == "The tool failed, sorry."
    assert "canary-in-exception" not in str(events)
    _greeting_turn(model)
    assert (await bot.chat("Greet Ada")).status_code == 200


async def test_a_message_of_twenty_pages_is_refused_with_its_field(bot: Bot) -> None:
    answer = await bot.chat("words " * 10_000)

    assert answer.status_code == 422
    assert [field["path"] for field in answer.json()["error"]["fields"]] == ["message"]


async def test_a_prompt_override_of_twenty_pages_is_refused_with_its_field(bot: Bot) -> None:
    change = {"mode_config": {"supervisor_node": {"prompt_override": "words " * 10_000}}}

    answer = await bot.admin.patch(f"{{org}}/orchestrators/{bot.id}/config", {"config": change})

    assert answer.status_code == 422
    paths = {field["path"] for field in answer.json()["error"]["fields"]}
    assert paths == {"config.mode_config.supervisor_node.prompt_override"}


async def test_a_changed_configuration_is_used_by_the_next_turn(
    bot: Bot, model: ModelServer
) -> None:
    model.script(Say("x"), Say("one"))
    await bot.chat("Hello")
    changed = await bot.admin.patch(
        f"{{org}}/orchestrators/{bot.id}/plugin-settings",
        {"plugin_settings": {bot.plugin_id: {"greeting": "Good day"}}},
    )
    assert changed.status_code == 200, changed.text
    _greeting_turn(model)

    answer = await bot.chat("Greet Ada")

    assert [tool["result"] for tool in answer.json()["tools"]] == ["Good day, Ada!"]


async def test_a_changed_model_is_used_by_the_next_turn(bot: Bot, model: ModelServer) -> None:
    model.script(Say("x"), Say("one"))
    await bot.chat("Hello")
    changed = await bot.admin.patch(
        f"{{org}}/llm-configs/{bot.llm_config_id}", {"model_name": "another-model"}
    )
    assert changed.status_code == 200, changed.text
    model.script(Say("x"), Say("two"))

    await bot.chat("Hello")

    assert model.calls[-1].model == "another-model"


@pytest.mark.parametrize("who", ["member", "admin"])
async def test_conversations_are_ones_own(
    bot: Bot, model: ModelServer, other_organization: Organization, *, who: str
) -> None:
    model.script(Say("x"), Say("one"))
    conversation = (await bot.chat("Hello")).json()["conversation_id"]
    stranger: Client = bot.admin if who == "admin" else other_organization.member
    place = f"{{org}}/conversations/{conversation}"

    answers = [
        await stranger.get(place),
        await stranger.get(f"{place}/messages"),
        await stranger.patch(place, {"title": "Mine"}),
        await stranger.delete(place),
    ]

    assert [answer.status_code for answer in answers] == [404] * 4
    assert (await bot.member.get(place)).status_code == 200


async def test_a_conversation_can_be_renamed_and_deleted(bot: Bot, model: ModelServer) -> None:
    model.script(Say("x"), Say("one"))
    conversation = (await bot.chat("Hello")).json()["conversation_id"]
    place = f"{{org}}/conversations/{conversation}"

    renamed = await bot.member.patch(place, {"title": "Greetings"})
    removed = await bot.member.delete(place)

    assert renamed.json()["title"] == "Greetings"
    assert removed.status_code == 204
    assert (await bot.member.get(place)).status_code == 404


async def test_a_fork_shares_the_history_and_nothing_after_it(bot: Bot, model: ModelServer) -> None:
    model.script(Say("x"), Say("Hello Ada."))
    original = (await bot.chat("My name is Ada")).json()["conversation_id"]
    place = f"{{org}}/conversations/{original}"
    messages = (await bot.member.get(f"{place}/messages")).json()["items"]
    model.script(Say("x"), Say("Forget it."))
    await bot.chat("Call me Bob", conversation_id=original)

    forked = await bot.member.post(f"{place}/fork", {"message_id": messages[1]["id"]})

    assert forked.status_code == 201
    assert forked.json()["id"] != original
    assert forked.json()["message_count"] == 2
    model.script(Say("x"), Say("Your name is Ada."))
    await bot.chat("What is my name?", conversation_id=forked.json()["id"])
    heard = [message.text for message in model.calls[-1].messages]
    assert any("My name is Ada" in text for text in heard)
    assert not any("Bob" in text for text in heard)
    assert (await bot.member.get(place)).json()["message_count"] == 4


async def test_a_fork_needs_a_message_of_its_own_conversation(bot: Bot, model: ModelServer) -> None:
    model.script(Say("x"), Say("one"), Say("x"), Say("two"))
    first = (await bot.chat("Hello")).json()["conversation_id"]
    second = (await bot.chat("Hello")).json()["conversation_id"]
    foreign = (await bot.member.get(f"{{org}}/conversations/{second}/messages")).json()["items"]
    place = f"{{org}}/conversations/{first}/fork"

    answer = await bot.member.post(place, {"message_id": foreign[0]["id"]})
    stranger = await bot.admin.post(place, {"message_id": foreign[0]["id"]})

    assert answer.status_code == 422
    assert [field["path"] for field in answer.json()["error"]["fields"]] == ["message_id"]
    assert stranger.status_code == 404
