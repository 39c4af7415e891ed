"""How OpenAI words its errors, on Chat Completions and on Responses alike."""

from tests.fakes.model_plan import Reason, Refusal
from tests.fakes.model_request import JsonObject, ModelRequest, Wire
from tests.fakes.wire import retry_after

# The words of platform.openai.com/docs/guides/error-codes, as (type, code, message).
KNOWN: dict[int, tuple[str, str | None, str]] = {
    400: ("invalid_request_error", None, "Invalid value in the request."),
    401: ("invalid_request_error", "invalid_api_key", "Incorrect API key provided."),
    403: (
        "request_forbidden",
        "unsupported_country_region_territory",
        "Country, region, or territory not supported",
    ),
    404: (
        "invalid_request_error",
        "model_not_found",
        "The model does not exist or you do not have access to it.",
    ),
    429: ("requests", "rate_limit_exceeded", "Rate limit reached for requests."),
    500: ("server_error", None, "The server had an error while processing your request. Sorry!"),
    503: ("server_error", None, "The engine is currently overloaded, please try again later."),
}
TOO_LONG = {
    Wire.OPENAI_CHAT: (
        "This model's maximum context length is 128000 tokens. However, your messages resulted "
        "in 210000 tokens. Please reduce the length of the messages."
    ),
    Wire.OPENAI_RESPONSES: (
        "Your input exceeds the context window of this model. "
        "Please adjust your input and try again."
    ),
}
UNKNOWN = ("server_error", None, "The request failed.")


def body(refusal: Refusal) -> JsonObject:
    """Return `{"error": {message, type, param, code}}`."""
    kind, code, message = KNOWN.get(refusal.status, UNKNOWN)
    # A spent quota is a 429 of its own type, though not a matter of waiting.
    if refusal.code == "insufficient_quota":
        kind = "insufficient_quota"
    return {
        "error": {
            "message": refusal.message or message,
            "type": kind,
            "param": None,
            "code": refusal.code or code,
        }
    }


def refusal(reason: Reason, request: ModelRequest) -> Refusal:
    """Return the refusal; like the real one, it shows the two ends of a wrong key."""
    match reason:
        case Reason.KEY_REFUSED:
            key = request.api_key
            shown = f"{key[:8]}{'*' * 8}{key[-4:]}"
            return Refusal(401, "invalid_api_key", f"Incorrect API key provided: {shown}.")
        case Reason.CONTEXT_EXCEEDED:
            return Refusal(400, "context_length_exceeded", TOO_LONG[request.wire])


def headers(request: ModelRequest, refusal: Refusal | None) -> tuple[tuple[str, str], ...]:
    """Return the request id, the cookie that the real address sets, and how long to wait."""
    return (
        ("x-request-id", f"req_{request.number:032x}"),
        ("set-cookie", f"_cfuvid=visitor-{request.number}; path=/; HttpOnly"),
        *retry_after(refusal),
    )
