"""What can stop a turn, each with one documented code; a run turns it into its `error` event."""

from cadence.kernel.errors import CadenceError, Kind


class EngineError(CadenceError):
    """A turn that could not be finished; `retryable` tells the client whether to try again."""

    kind = Kind.UPSTREAM
    code = "engine_error"
    retryable = False


class UnsupportedOrchestrator(EngineError):
    """This framework cannot be built in this mode or with this provider."""

    kind = Kind.INVALID
    code = "unsupported_orchestrator"


class ModelAuthenticationFailed(EngineError):
    """The provider refused the API key (401 or 403)."""

    code = "model_authentication_failed"

    def __init__(self) -> None:
        super().__init__("The model provider refused the API key. Check the key of the LLM config.")


class ModelNotFound(EngineError):
    """The provider has no such model or path (404)."""

    code = "model_not_found"

    def __init__(self) -> None:
        super().__init__(
            "The provider does not know this model or address. Check model_name and base_url."
        )


class ModelRequestRejected(EngineError):
    """The provider refused the request itself (400 or 422)."""

    code = "model_request_rejected"

    def __init__(self) -> None:
        super().__init__(
            "The model provider rejected the request. Check the LLM config's model and options."
        )


class ModelContextExceeded(EngineError):
    """The prompt, history and tool results are longer than the model can read."""

    code = "model_context_exceeded"

    def __init__(self) -> None:
        super().__init__(
            "The conversation is longer than this model can read. "
            "Start a new conversation or shorten the message."
        )


class ModelRateLimited(EngineError):
    """The provider answered 429."""

    code = "model_rate_limited"
    retryable = True

    def __init__(self) -> None:
        super().__init__("The model provider is limiting requests. Wait a little and try again.")


class ModelUnavailable(EngineError):
    """The provider answered 5xx or broke the connection."""

    code = "model_unavailable"
    retryable = True

    def __init__(self) -> None:
        super().__init__("The model provider failed to answer. Try again.")


class ModelUnreachable(EngineError):
    """No connection to the provider: refused, no such host, TLS, or not allowed by egress rules."""

    code = "model_unreachable"
    retryable = True

    def __init__(self) -> None:
        super().__init__("The model provider cannot be reached. Check the base_url.")


class ModelTimeout(EngineError):
    """One model call took longer than its limit."""

    kind = Kind.TIMEOUT
    code = "model_timeout"
    retryable = True

    def __init__(self) -> None:
        super().__init__("The model took too long to answer.")


class ModelAnswerInvalid(EngineError):
    """The provider answered something that is not an answer."""

    code = "model_answer_invalid"
    retryable = True

    def __init__(self) -> None:
        super().__init__("The model provider sent an answer that cannot be read.")


class RunTimeout(EngineError):
    """The whole turn took longer than `invoke_timeout`."""

    kind = Kind.TIMEOUT
    code = "run_timeout"
    retryable = True

    def __init__(self) -> None:
        super().__init__("The turn took longer than invoke_timeout allows.")


class HopLimitReached(EngineError):
    """The agents used up `max_agent_hops` without an answer."""

    code = "hop_limit_reached"

    def __init__(self) -> None:
        super().__init__("The agents reached max_agent_hops without an answer.")
