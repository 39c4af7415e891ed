"""How Google words its errors: `google.rpc.Status` as JSON."""

from tests.fakes.model_plan import Reason, Refusal
from tests.fakes.model_request import JsonObject

# google.rpc.Code by HTTP status.
STATUSES = {
    400: "INVALID_ARGUMENT",
    401: "UNAUTHENTICATED",
    403: "PERMISSION_DENIED",
    404: "NOT_FOUND",
    429: "RESOURCE_EXHAUSTED",
    500: "INTERNAL",
    503: "UNAVAILABLE",
    504: "DEADLINE_EXCEEDED",
}
MESSAGES = {
    429: "You exceeded your current quota, please check your plan and billing details.",
    500: "An internal error has occurred. Please retry.",
    503: "The model is overloaded. Please try again later.",
}
KEY_INVALID = "API_KEY_INVALID"


def body(refusal: Refusal) -> JsonObject:
    """Return `{"error": {code, message, status, details}}`; waiting times are a detail here."""
    details = _details(refusal)
    error: JsonObject = {
        "code": refusal.status,
        "message": refusal.message or MESSAGES.get(refusal.status, "The request failed."),
        "status": _status(refusal),
    }
    if details:
        error["details"] = details
    return {"error": error}


def refusal(reason: Reason) -> Refusal:
    """Return the refusal; Google answers a wrong key with 400, not 401."""
    match reason:
        case Reason.KEY_REFUSED:
            message = "API key not valid. Please pass a valid API key."
            return Refusal(400, KEY_INVALID, message)
        case Reason.CONTEXT_EXCEEDED:
            message = (
                "The input token count (1210000) exceeds the maximum number of tokens "
                "allowed (1048576)."
            )
            return Refusal(400, message=message)


def _status(refusal: Refusal) -> str:
    expected = STATUSES.get(refusal.status, "UNKNOWN")
    return expected if refusal.code in (None, KEY_INVALID) else str(refusal.code)


def _details(refusal: Refusal) -> list[JsonObject]:
    details: list[JsonObject] = []
    if refusal.code == KEY_INVALID:
        details.append(
            {
                "@type": "type.googleapis.com/google.rpc.ErrorInfo",
                "reason": KEY_INVALID,
                "domain": "googleapis.com",
                "metadata": {"service": "generativelanguage.googleapis.com"},
            }
        )
    if refusal.retry_after is not None:
        details.append(
            {
                "@type": "type.googleapis.com/google.rpc.RetryInfo",
                "retryDelay": f"{refusal.retry_after:g}s",
            }
        )
    return details
