"""The list of real clients, for tests that hold for each of them."""

from dataclasses import dataclass

import pytest

from tests.fakes.model_server import Wire
from tests.unit.fakes import langchain_clients as langchain
from tests.unit.fakes import sdk_clients as sdk
from tests.unit.fakes.clients import Ask


@dataclass(frozen=True, slots=True)
class Client:
    """A way to ask, and the wire it takes."""

    name: str
    wire: Wire
    ask: Ask


CLIENTS = (
    Client("openai-chat", Wire.OPENAI_CHAT, sdk.ask_openai_chat),
    Client("openai-responses", Wire.OPENAI_RESPONSES, sdk.ask_openai_responses),
    Client("anthropic", Wire.ANTHROPIC, sdk.ask_anthropic),
    Client("google-genai", Wire.GEMINI, sdk.ask_genai),
    Client("ChatOpenAI", Wire.OPENAI_CHAT, langchain.ask_chat_openai),
    Client("ChatOpenAI-responses", Wire.OPENAI_RESPONSES, langchain.ask_chat_openai_responses),
    Client("AzureChatOpenAI", Wire.OPENAI_CHAT, langchain.ask_azure),
    Client("ChatAnthropic", Wire.ANTHROPIC, langchain.ask_chat_anthropic),
    Client("ChatGoogleGenerativeAI", Wire.GEMINI, langchain.ask_chat_google),
)

every_client = pytest.mark.parametrize(
    "client", [pytest.param(client, id=client.name) for client in CLIENTS]
)
streaming_and_not = pytest.mark.parametrize(
    "stream", [pytest.param(True, id="streaming"), pytest.param(False, id="whole")]
)
