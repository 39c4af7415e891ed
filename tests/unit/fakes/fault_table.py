"""What each real client raises for each fault, as seen by running them; a test keeps it true.

A cell holds the exception's class without and with streaming, or one class when they are alike.
`fine` means that the client raises nothing, and `waits` that it reads for ever, whatever its read
timeout. `responses` and `ChatOpenAI(responses)` are only listed where they differ.

Where the classes live: `chat`, `responses` and `anthropic` raise their own SDK's (`APIError` and
below, with `status_code` and `body`), `genai` raises `google.genai.errors` (with `code` and
`status`) or plain `httpx`. LangChain's own derive from `langchain_core.exceptions.Model…Error` or
`ContextOverflowError`; the SDK's error is their `__cause__` and, but for most of Google's, also
their base class.

What the classes do not tell, and a translation must look for elsewhere:

* A wrong key is a 401 but for Google, who answers 400 with `API_KEY_INVALID` in its details, so
  it arrives as an invalid request.
* A prompt that is too long is a 400: by `code` at OpenAI (`context_length_exceeded`), by nothing
  but its message at Anthropic and Google. LangChain knows those two; it looks for OpenAI's code
  in the text of the error, where openai 3 no longer puts it.
* A spent quota (`insufficient_quota`) is a 429 at OpenAI; waiting does not help.
* Waiting times are in the header `retry-after`, but at Google in the details (`RetryInfo`).
* An error event in a begun stream loses its status: `APIError` without one at OpenAI,
  `APIStatusError` with status 200 at Anthropic (its type is in the body), and an ordinary
  `response.failed` event on Responses, which LangChain makes a `ValueError`.
* Bytes that are no answer raise whatever came first: `JSONDecodeError`, `UnicodeDecodeError`,
  `AttributeError`, `IndexError`, `ValueError`.
* Anthropic does not wrap what goes wrong on the socket once it streams: `httpx2` errors.
* An answer that ends early is `fine`. Only the finish reason is missing, and half a tool call is
  "repaired" into a whole one with fewer arguments. So are arguments that are broken JSON.
* No client bounds an answer: not its size, and not its time as long as bytes keep coming.
"""

from dataclasses import dataclass

from tests.fakes.model_server import (
    Call,
    ContextExceeded,
    Drip,
    DropMidStream,
    EmptyChoices,
    EndEarly,
    Endless,
    Fail,
    FailMidStream,
    Garbage,
    GarbageMidStream,
    Hang,
    HangUp,
    HugeChunk,
    InvalidArguments,
    RefuseKey,
    Say,
    Step,
    TruncatedJson,
    UnknownTool,
)

ADD_CALL = Call(("add", {"a": 12, "b": 34}))
NO_ONE_MINDS = {
    "chat": "fine",
    "anthropic": "fine",
    "genai": "fine",
    "ChatOpenAI": "fine",
    "ChatAnthropic": "fine",
    "ChatGoogle": "fine",
}


@dataclass(frozen=True, slots=True)
class Row:
    """One fault and what each client raises."""

    fault: Step
    raised: dict[str, str]

    @property
    def complete(self) -> dict[str, str]:
        """The row with the two ways to ask Responses."""
        same = {
            "responses": self.raised["chat"],
            "ChatOpenAI(responses)": self.raised["ChatOpenAI"],
        }
        return {**same, **self.raised}


TABLE = (
    Row(
        Fail(400),
        {
            "chat": "BadRequestError",
            "anthropic": "BadRequestError",
            "genai": "ClientError",
            "ChatOpenAI": "OpenAIInvalidRequestError",
            "ChatAnthropic": "AnthropicInvalidRequestError",
            "ChatGoogle": "GoogleInvalidRequestError",
        },
    ),
    Row(
        RefuseKey(),
        {
            "chat": "AuthenticationError",
            "anthropic": "AuthenticationError",
            "genai": "ClientError",
            "ChatOpenAI": "OpenAIAuthenticationError",
            "ChatAnthropic": "AnthropicAuthenticationError",
            "ChatGoogle": "GoogleInvalidRequestError",
        },
    ),
    Row(
        Fail(403),
        {
            "chat": "PermissionDeniedError",
            "anthropic": "PermissionDeniedError",
            "genai": "ClientError",
            "ChatOpenAI": "OpenAIPermissionDeniedError",
            "ChatAnthropic": "AnthropicPermissionDeniedError",
            "ChatGoogle": "GooglePermissionDeniedError",
        },
    ),
    Row(
        Fail(404),
        {
            "chat": "NotFoundError",
            "anthropic": "NotFoundError",
            "genai": "ClientError",
            "ChatOpenAI": "OpenAIModelNotFoundError",
            "ChatAnthropic": "AnthropicModelNotFoundError",
            "ChatGoogle": "GoogleModelNotFoundError",
        },
    ),
    Row(
        ContextExceeded(),
        {
            "chat": "BadRequestError",
            "anthropic": "BadRequestError",
            "genai": "ClientError",
            "ChatOpenAI": "OpenAIInvalidRequestError",
            "ChatAnthropic": "AnthropicContextOverflowError",
            "ChatGoogle": "GoogleContextOverflowError",
        },
    ),
    Row(
        Fail(429, retry_after=3),
        {
            "chat": "RateLimitError",
            "anthropic": "RateLimitError",
            "genai": "ClientError",
            "ChatOpenAI": "OpenAIRateLimitError",
            "ChatAnthropic": "AnthropicRateLimitError",
            "ChatGoogle": "GoogleRateLimitError",
        },
    ),
    Row(
        Fail(429, "insufficient_quota"),
        {
            "chat": "RateLimitError",
            "anthropic": "RateLimitError",
            "genai": "ClientError",
            "ChatOpenAI": "OpenAIRateLimitError",
            "ChatAnthropic": "AnthropicRateLimitError",
            "ChatGoogle": "GoogleRateLimitError",
        },
    ),
    Row(
        Fail(500),
        {
            "chat": "InternalServerError",
            "anthropic": "InternalServerError",
            "genai": "ServerError",
            "ChatOpenAI": "OpenAIAPIError",
            "ChatAnthropic": "AnthropicAPIError",
            "ChatGoogle": "GoogleAPIError",
        },
    ),
    Row(
        Fail(503),
        {
            "chat": "InternalServerError",
            "anthropic": "ServiceUnavailableError",
            "genai": "ServerError",
            "ChatOpenAI": "OpenAIAPIError",
            "ChatAnthropic": "AnthropicAPIError",
            "ChatGoogle": "GoogleAPIError",
        },
    ),
    Row(
        Fail(529),
        {
            "chat": "InternalServerError",
            "anthropic": "OverloadedError",
            "genai": "ServerError",
            "ChatOpenAI": "OpenAIAPIError",
            "ChatAnthropic": "AnthropicOverloadedError",
            "ChatGoogle": "GoogleAPIError",
        },
    ),
    Row(
        Garbage(),
        {
            "chat": "fine",
            "anthropic": "fine",
            "genai": "JSONDecodeError / UnknownApiResponseError",
            "ChatOpenAI": "ValueError",
            "ChatOpenAI(responses)": "AttributeError / ValueError",
            "ChatAnthropic": "AttributeError / ValueError",
            "ChatGoogle": "JSONDecodeError / UnknownApiResponseError",
        },
    ),
    Row(
        TruncatedJson(),
        {
            "chat": "JSONDecodeError",
            "anthropic": "JSONDecodeError",
            "genai": "JSONDecodeError / UnknownApiResponseError",
            "ChatOpenAI": "JSONDecodeError",
            "ChatAnthropic": "JSONDecodeError",
            "ChatGoogle": "JSONDecodeError / UnknownApiResponseError",
        },
    ),
    Row(
        EmptyChoices(),
        {
            "chat": "fine",
            "anthropic": "fine",
            "genai": "fine",
            "ChatOpenAI": "IndexError / fine",
            "ChatOpenAI(responses)": "fine",
            "ChatAnthropic": "fine",
            "ChatGoogle": "fine",
        },
    ),
    Row(
        DropMidStream(3),
        {
            "chat": "APIConnectionError",
            "anthropic": "APIConnectionError / RemoteProtocolError",
            "genai": "RemoteProtocolError",
            "ChatOpenAI": "OpenAIConnectionError",
            "ChatAnthropic": "AnthropicConnectionError / RemoteProtocolError",
            "ChatGoogle": "RemoteProtocolError",
        },
    ),
    Row(
        EndEarly(3),
        {
            "chat": "JSONDecodeError / fine",
            "anthropic": "JSONDecodeError / fine",
            "genai": "JSONDecodeError / fine",
            "ChatOpenAI": "JSONDecodeError / fine",
            "ChatAnthropic": "JSONDecodeError / fine",
            "ChatGoogle": "JSONDecodeError / fine",
        },
    ),
    Row(
        EndEarly(1, of=ADD_CALL),
        {
            "chat": "JSONDecodeError / fine",
            "anthropic": "JSONDecodeError / fine",
            "genai": "JSONDecodeError / fine",
            "ChatOpenAI": "JSONDecodeError / fine",
            "ChatAnthropic": "JSONDecodeError / fine",
            "ChatGoogle": "JSONDecodeError / fine",
        },
    ),
    Row(
        DropMidStream(1, of=ADD_CALL),
        {
            "chat": "APIConnectionError",
            "anthropic": "APIConnectionError / RemoteProtocolError",
            "genai": "RemoteProtocolError",
            "ChatOpenAI": "OpenAIConnectionError",
            "ChatAnthropic": "AnthropicConnectionError / RemoteProtocolError",
            "ChatGoogle": "RemoteProtocolError",
        },
    ),
    Row(
        GarbageMidStream(),
        {
            "chat": "UnicodeDecodeError",
            "anthropic": "UnicodeDecodeError",
            "genai": "JSONDecodeError / UnknownApiResponseError",
            "ChatOpenAI": "UnicodeDecodeError",
            "ChatAnthropic": "UnicodeDecodeError",
            "ChatGoogle": "JSONDecodeError / UnknownApiResponseError",
        },
    ),
    Row(
        FailMidStream(),
        {
            "chat": "InternalServerError / APIError",
            "responses": "InternalServerError / fine",
            "anthropic": "InternalServerError / APIStatusError",
            "genai": "ServerError",
            "ChatOpenAI": "OpenAIAPIError / APIError",
            "ChatOpenAI(responses)": "OpenAIAPIError / ValueError",
            "ChatAnthropic": "AnthropicAPIError / APIStatusError",
            "ChatGoogle": "GoogleAPIError",
        },
    ),
    Row(
        FailMidStream(status=529),
        {
            "chat": "InternalServerError / APIError",
            "responses": "InternalServerError / fine",
            "anthropic": "OverloadedError / APIStatusError",
            "genai": "ServerError",
            "ChatOpenAI": "OpenAIAPIError / APIError",
            "ChatOpenAI(responses)": "OpenAIAPIError / ValueError",
            "ChatAnthropic": "AnthropicOverloadedError / APIStatusError",
            "ChatGoogle": "GoogleAPIError",
        },
    ),
    Row(
        Hang(),
        {
            "chat": "APITimeoutError",
            "anthropic": "APITimeoutError",
            "genai": "ReadTimeout",
            "ChatOpenAI": "OpenAITimeoutError",
            "ChatAnthropic": "AnthropicTimeoutError",
            "ChatGoogle": "ReadTimeout",
        },
    ),
    Row(
        HangUp(),
        {
            "chat": "APIConnectionError",
            "anthropic": "APIConnectionError",
            "genai": "RemoteProtocolError",
            "ChatOpenAI": "OpenAIConnectionError",
            "ChatAnthropic": "AnthropicConnectionError",
            "ChatGoogle": "RemoteProtocolError",
        },
    ),
    Row(
        Drip(5),
        {
            "chat": "APITimeoutError",
            "anthropic": "APITimeoutError / ReadTimeout",
            "genai": "ReadTimeout",
            "ChatOpenAI": "OpenAITimeoutError",
            "ChatAnthropic": "AnthropicTimeoutError / ReadTimeout",
            "ChatGoogle": "ReadTimeout",
        },
    ),
    Row(HugeChunk(100_000), NO_ONE_MINDS),
    Row(
        Endless(pause=0.05),
        {
            "chat": "waits",
            "anthropic": "waits",
            "genai": "waits",
            "ChatOpenAI": "waits",
            "ChatAnthropic": "waits",
            "ChatGoogle": "waits",
        },
    ),
    Row(UnknownTool(), NO_ONE_MINDS),
    Row(InvalidArguments(), NO_ONE_MINDS),
    Row(Say("nul \x00 here"), NO_ONE_MINDS),
    Row(Say("lone \ud800 here"), NO_ONE_MINDS),
)
