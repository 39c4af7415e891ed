"""Long conversations: trimmed, or condensed with the summary stored beside the messages."""

from tests.fakes.model_server import Fail, Hang, ModelServer, Say
from tests.fixtures.clients import Organization
from tests.fixtures.orchestrators import Bot, create_bot

LONG = "The order number is 4711. " * 18


async def _long_conversation(bot: Bot, model: ModelServer) -> str:
    model.script(Say("x"), Say("Noted: 4711."))
    conversation: str = (await bot.chat(LONG)).json()["conversation_id"]
    return conversation


def _heard(model: ModelServer) -> str:
    return "\n".join(message.text for message in model.calls[-1].messages)


async def test_what_no_longer_fits_is_condensed_once_and_kept_beside(
    organization: Organization, model: ModelServer
) -> None:
    bot = await create_bot(
        organization, model.openai_url, compaction="summarize", context_tokens=100
    )
    conversation = await _long_conversation(bot, model)
    model.script(Say("The order is 4711."), Say("x"), Say("It is 4711."))

    second = await bot.chat("Which order?", conversation_id=conversation)

    assert second.json()["message"] == "It is 4711."
    assert second.json()["usage"]["llm_calls"] == 3
    assert "The order is 4711." in _heard(model)
    assert LONG.strip() not in _heard(model)
    stored = (await bot.member.get(f"{{org}}/conversations/{conversation}/messages")).json()
    assert stored["items"][0]["content"] == LONG
    assert len(stored["items"]) == 4

    model.script(Say("x"), Say("Still 4711."))
    third = await bot.chat("Again?", conversation_id=conversation)
    assert third.json()["usage"]["llm_calls"] == 2
    assert "The order is 4711." in _heard(model)


async def test_a_summary_that_fails_costs_memory_and_not_the_turn(
    organization: Organization, model: ModelServer
) -> None:
    bot = await create_bot(
        organization, model.openai_url, compaction="summarize", context_tokens=100
    )
    conversation = await _long_conversation(bot, model)
    model.script(Fail(500), Say("x"), Say("I do not remember."))

    answer = await bot.chat("Which order?", conversation_id=conversation)

    assert answer.json()["message"] == "I do not remember."


async def test_a_summary_that_hangs_is_given_up_and_the_turn_goes_on(
    organization: Organization, model: ModelServer
) -> None:
    bot = await create_bot(
        organization,
        model.openai_url,
        compaction="summarize",
        context_tokens=100,
        supervisor_timeout=2,
    )
    conversation = await _long_conversation(bot, model)
    model.script(Hang(), Say("x"), Say("I do not remember."))

    answer = await bot.chat("Which order?", conversation_id=conversation)

    assert answer.json()["message"] == "I do not remember."


async def test_trimming_leaves_out_the_oldest(
    organization: Organization, model: ModelServer
) -> None:
    bot = await create_bot(organization, model.openai_url, context_tokens=100)
    conversation = await _long_conversation(bot, model)
    model.script(Say("x"), Say("Which one?"))

    await bot.chat("Which order?", conversation_id=conversation)

    assert LONG.strip() not in _heard(model)
