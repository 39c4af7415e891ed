"""Shows one fault to every client at once and tells what each of them makes of it."""

import asyncio
from collections.abc import Awaitable, Callable

from tests.fakes.model_server import Drip, Endless, Hang, ModelServer, Step, open_model_server
from tests.unit.fakes import langchain_clients as langchain
from tests.unit.fakes import sdk_clients as sdk
from tests.unit.fakes.clients import Asking

# Seconds; short only for the faults that are there to use them up, so that a busy machine, or the
# first call of a client that is still importing, changes no result.
LONG = 60.0
SHORT = 1.0

HearOut = Callable[[ModelServer, Asking], Awaitable[object]]

LISTENERS: dict[str, HearOut] = {
    "chat": sdk.hear_out_openai_chat,
    "responses": sdk.hear_out_openai_responses,
    "anthropic": sdk.hear_out_anthropic,
    "genai": sdk.hear_out_genai,
    "ChatOpenAI": langchain.ask_chat_openai,
    "ChatOpenAI(responses)": langchain.ask_chat_openai_responses,
    "ChatAnthropic": langchain.ask_chat_anthropic,
    "ChatGoogle": langchain.ask_chat_google,
}


async def trials(step: Step) -> dict[str, str]:
    """Return, by client, the name of the exception without and with streaming.

    `fine` means that the client reports nothing, `waits` that it would read for ever; one word
    stands for both ways when they are alike.
    """
    async with open_model_server(strict=False) as server, asyncio.TaskGroup() as group:
        runs = {
            name: [group.create_task(_trial(server, step, name, stream=on)) for on in (False, True)]
            for name in LISTENERS
        }
    return {name: _both(*(run.result() for run in pair)) for name, pair in runs.items()}


async def _trial(server: ModelServer, step: Step, name: str, *, stream: bool) -> str:
    key = f"{name}-{stream}"
    server.script_for(key, step)
    read_timeout = SHORT if isinstance(step, Hang | Drip | Endless) else LONG
    asking = Asking(stream=stream, key=key, timeout=read_timeout)
    # Longer than the read timeout, which is to be seen not to help.
    patience = asyncio.timeout(3 * SHORT if isinstance(step, Endless) else LONG)
    try:
        async with patience:
            await LISTENERS[name](server, asking)
    except Exception as error:  # noqa: BLE001  # which one it is, is the question
        return "waits" if patience.expired() else type(error).__name__
    return "fine"


def _both(whole: str, streaming: str) -> str:
    return whole if whole == streaming else f"{whole} / {streaming}"
