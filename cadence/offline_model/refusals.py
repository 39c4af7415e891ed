"""Why the stand-in refuses a request, and how OpenAI and Gemini would say so."""

from collections.abc import Mapping
from enum import StrEnum

from cadence.offline_model.request import JsonObject


class Reason(StrEnum):
    """What is wrong with a request."""

    KEY_MISSING = "key_missing"
    KEY_INVALID = "key_invalid"
    MODEL_UNKNOWN = "model_unknown"
    BODY_TOO_LARGE = "body_too_large"
    BODY_MALFORMED = "body_malformed"
    REQUEST_INVALID = "request_invalid"


class Refused(Exception):
    """The request cannot be served; `field` names what is wrong in it, when it is one field.

    The message is the stand-in's own sentence and holds nothing secret.
    """

    def __init__(self, reason: Reason, message: str, *, field: str | None = None) -> None:
        super().__init__(message)
        self.reason = reason
        self.message = message
        self.field = field


# Status and code of api.openai.com; 413 comes from the proxy before it and has no code.
_OPENAI: Mapping[Reason, tuple[int, str | None]] = {
    Reason.KEY_MISSING: (401, None),
    Reason.KEY_INVALID: (401, "invalid_api_key"),
    Reason.MODEL_UNKNOWN: (404, "model_not_found"),
    Reason.BODY_TOO_LARGE: (413, None),
    Reason.BODY_MALFORMED: (400, None),
    Reason.REQUEST_INVALID: (400, "invalid_value"),
}

# Status and name of generativelanguage.googleapis.com, which answers 400 to a wrong key.
_GEMINI: Mapping[Reason, tuple[int, str]] = {
    Reason.KEY_MISSING: (403, "PERMISSION_DENIED"),
    Reason.KEY_INVALID: (400, "INVALID_ARGUMENT"),
    Reason.MODEL_UNKNOWN: (404, "NOT_FOUND"),
    Reason.BODY_TOO_LARGE: (413, "INVALID_ARGUMENT"),
    Reason.BODY_MALFORMED: (400, "INVALID_ARGUMENT"),
    Reason.REQUEST_INVALID: (400, "INVALID_ARGUMENT"),
}


def openai_error(refused: Refused) -> tuple[int, JsonObject]:
    """Return the status and the body with which OpenAI refuses."""
    status, code = _OPENAI[refused.reason]
    error: JsonObject = {
        "message": refused.message,
        "type": "invalid_request_error",
        "param": refused.field,
        "code": code,
    }
    return status, {"error": error}


def gemini_error(refused: Refused) -> tuple[int, JsonObject]:
    """Return the status and the body with which Gemini refuses."""
    status, name = _GEMINI[refused.reason]
    error: JsonObject = {"code": status, "message": refused.message, "status": name}
    if refused.reason is Reason.KEY_INVALID:
        error["details"] = [
            {
                "@type": "type.googleapis.com/google.rpc.ErrorInfo",
                "reason": "API_KEY_INVALID",
                "domain": "googleapis.com",
                "metadata": {"service": "generativelanguage.googleapis.com"},
            }
        ]
    return status, {"error": error}
