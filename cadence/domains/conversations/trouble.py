"""What can keep a turn from starting, and what can end one, as the API's document shows it."""

from cadence.domains.conversations.errors import (
    IdempotencyKeyInUse,
    IdempotencyKeyReused,
    RunBroke,
    RunCancelled,
    WrongOrchestrator,
)
from cadence.domains.orchestrators.errors import OrchestratorDisabled
from cadence.domains.orchestrators.trouble import BUILD_TROUBLE
from cadence.engine.errors import (
    HopLimitReached,
    ModelAnswerInvalid,
    ModelAuthenticationFailed,
    ModelContextExceeded,
    ModelNotFound,
    ModelRateLimited,
    ModelRequestRejected,
    ModelTimeout,
    ModelUnavailable,
    ModelUnreachable,
    RunTimeout,
)
from cadence.infra.away import Store, StoreUnavailable
from cadence.kernel.errors import CadenceError
from cadence.pool.errors import (
    AnchorFailed,
    AnchorRefused,
    AnchorUnavailable,
    ResourceRequired,
    ResourceUnexpected,
)
from cadence.runs.errors import (
    ConversationBusy,
    NodeFull,
    RunInterrupted,
    RunLogLost,
    RunTooLarge,
    ShuttingDown,
    TooManyStreams,
)

READ_TROUBLE: tuple[CadenceError, ...] = (TooManyStreams("person", 10), NodeFull())
START_TROUBLE: tuple[CadenceError, ...] = (
    OrchestratorDisabled(),
    ConversationBusy(),
    WrongOrchestrator(),
    IdempotencyKeyReused(),
    IdempotencyKeyInUse(),
    TooManyStreams("person", 5),
    NodeFull(),
    ShuttingDown(),
)
ANCHOR_TROUBLE: tuple[CadenceError, ...] = (
    ResourceUnexpected(),
    ResourceRequired("Support tickets"),
    AnchorRefused("There is no ticket T-4711."),
    AnchorFailed("Support tickets", "its code failed"),
    AnchorUnavailable("Support tickets"),
)
# In a stream these come as an `error` event.
TURN_TROUBLE: tuple[CadenceError, ...] = (
    *BUILD_TROUBLE,
    RunCancelled(),
    RunInterrupted(),
    RunLogLost(),
    *ANCHOR_TROUBLE,
    # No run's log tells which store it was; answers are kept in this one.
    StoreUnavailable(Store.DATABASE),
    RunTooLarge(8_388_608),
    RunBroke(),
    ModelAuthenticationFailed(),
    ModelNotFound(),
    ModelRequestRejected(),
    ModelContextExceeded(),
    ModelRateLimited(),
    ModelUnavailable(),
    ModelUnreachable(),
    ModelTimeout(),
    ModelAnswerInvalid(),
    HopLimitReached(),
    RunTimeout(),
)
