"""The one place where settings that change while the service runs are declared."""

from collections.abc import Mapping
from functools import partial

from cadence.config.declaring import Definition, Tier, Value, ValueType
from cadence.config.resolving import Said, resolve

_of_orchestrators = partial(Definition, group="default", lowest_tier=Tier.ORCHESTRATOR)
_count = partial(_of_orchestrators, type=ValueType.INTEGER)
_seconds = partial(
    _of_orchestrators, type=ValueType.NUMBER, unit="seconds", minimum=1, maximum=600, default=60.0
)
_rate = partial(
    Definition,
    type=ValueType.INTEGER,
    unit="requests per minute",
    minimum=1,
    maximum=1_000_000,
    group="rate",
    lowest_tier=Tier.ORGANIZATION,
    operator_only=True,
)

_streams = partial(
    Definition,
    type=ValueType.INTEGER,
    unit="runs at once",
    minimum=1,
    maximum=1_000_000,
    group="rate",
    lowest_tier=Tier.ORGANIZATION,
    operator_only=True,
)

_ALL = (
    _count(
        key="max_agent_hops",
        field="max_agent_hops",
        default=None,
        minimum=1,
        maximum=50,
        unit="hops",
        description=(
            "How often a turn may go from an agent or a tool back to the model."
            " Unset, each mode keeps its own: a coordinator 20, the others 10."
        ),
    ),
    _of_orchestrators(
        key="parallel_tool_calls",
        field="parallel_tool_calls",
        type=ValueType.BOOLEAN,
        default=True,
        description="Whether the tools that a model asks for at once run at once.",
    ),
    _seconds(
        key="invoke_timeout",
        field="invoke_timeout",
        description="How long a whole turn may take.",
    ),
    _seconds(
        key="supervisor_timeout",
        field="supervisor_timeout",
        description="How long one call of a model may take, whichever agent makes it.",
    ),
    _of_orchestrators(
        key="temperature",
        field="temperature",
        type=ValueType.NUMBER,
        default=None,
        minimum=0,
        maximum=2,
        description="How freely models choose their words. Unset, the provider decides.",
    ),
    _count(
        key="max_tokens",
        field="max_tokens",
        default=None,
        minimum=1,
        maximum=1_000_000,
        unit="tokens",
        description="The longest answer of one call of a model. Unset, the provider decides.",
    ),
    _count(
        key="message_window",
        field="message_window",
        default=50,
        minimum=0,
        maximum=1000,
        unit="messages",
        description="How many earlier messages of a conversation a turn is given at most.",
    ),
    _count(
        key="context_tokens",
        field="context_tokens",
        default=None,
        minimum=100,
        maximum=10_000_000,
        unit="tokens",
        description=(
            "How much of those messages a turn is given, by an estimate of four characters a"
            " token. Unset, all of them."
        ),
    ),
    _of_orchestrators(
        key="compaction",
        field="compaction",
        type=ValueType.CHOICE,
        choices=("none", "trim", "summarize"),
        default="trim",
        description=(
            "What happens to messages beyond `context_tokens`: sent all the same, left out, or"
            " replaced by a summary."
        ),
    ),
    _rate(
        key="rate_organization_per_minute",
        field="organization_per_minute",
        default=3000,
        description="Requests to the organization, whoever sends them.",
    ),
    _rate(
        key="rate_completion_per_minute",
        field="completion_per_minute",
        default=300,
        description="Turns that are started in the organization.",
    ),
    _rate(
        key="rate_write_per_minute",
        field="write_per_minute",
        default=600,
        description="Other requests that change something in the organization.",
    ),
    _rate(
        key="rate_upload_per_minute",
        field="upload_per_minute",
        default=30,
        description="Plugins that are uploaded or validated.",
    ),
    _rate(
        key="rate_probe_per_minute",
        field="probe_per_minute",
        default=30,
        description="Trial calls of the organization's LLM configs.",
    ),
    _streams(
        key="streams_per_user",
        field="streams_per_user",
        default=5,
        description=(
            "Runs of one person that are under way; service keys are bounded by the organization's"
            " limit alone. Twice as many connections may read them."
        ),
    ),
    _streams(
        key="streams_per_organization",
        field="streams_per_organization",
        default=50,
        description="Runs of the organization that are under way, whoever began them.",
    ),
    Definition(
        key="conversation_retention_days",
        field="retention_days",
        type=ValueType.INTEGER,
        unit="days",
        default=None,
        minimum=1,
        maximum=36_500,
        group="conversation",
        lowest_tier=Tier.ORGANIZATION,
        description=(
            "How long a conversation is kept after its last message. Unset, until somebody"
            " deletes it."
        ),
    ),
)

DEFINITIONS: Mapping[str, Definition] = {definition.key: definition for definition in _ALL}
ORCHESTRATOR_DEFINITIONS = tuple(
    definition for definition in _ALL if definition.lowest_tier is Tier.ORCHESTRATOR
)
RATE_DEFINITIONS = tuple(definition for definition in _ALL if definition.group == "rate")


def effective_rates(
    environment: Mapping[str, Value | None],
    global_rows: Mapping[str, Said],
    organization_rows: Mapping[str, Said],
) -> Mapping[str, int]:
    """Return one organization's rate limits by key, in requests per minute."""
    resolved = resolve(
        RATE_DEFINITIONS,
        environment=environment,
        global_rows=global_rows,
        organization_rows=organization_rows,
        orchestrator_values={},
    )
    return {key: int(found.value) for key, found in resolved.items() if found.value is not None}
