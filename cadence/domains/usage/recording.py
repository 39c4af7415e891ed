"""Records what a run has used, once it has ended."""

from collections.abc import Iterator, Sequence
from datetime import UTC, datetime

from sqlalchemy.ext.asyncio import AsyncSession

from cadence.domains.usage.repository import UsageRepository, Used, UsedInRun
from cadence.engine.contract import ModelCall
from cadence.kernel.ids import OrchestratorId, OrganizationId, RunId

# What a column holds; a run has many calls.
MOST_TOKENS = 2**31 - 1


class UsageRecorder:
    """Records runs of one organization within the caller's transaction."""

    def __init__(self, session: AsyncSession, organization_id: OrganizationId) -> None:
        self._usage = UsageRepository(session, organization_id)

    async def record(
        self,
        *,
        run_id: RunId,
        orchestrator_id: OrchestratorId,
        calls: Sequence[ModelCall],
        now: datetime,
    ) -> None:
        """Record a run's calls by one statement, or by none when it has made no call.

        A run that was recorded before, by whichever process, keeps what was recorded then.
        """
        run = UsedInRun(
            run_id=run_id,
            orchestrator_id=orchestrator_id,
            used=list(by_model(calls)),
            ended_at=now.astimezone(UTC),
        )
        await self._usage.add_once(run)


def by_model(calls: Sequence[ModelCall]) -> Iterator[Used]:
    """Yield what was used of each model, in the order in which they were first called."""
    for provider, model in dict.fromkeys((call.provider, call.model) for call in calls):
        own = [call for call in calls if (call.provider, call.model) == (provider, model)]
        yield Used(
            provider=provider,
            model=model,
            llm_calls=len(own),
            input_tokens=_within_column(sum(call.input_tokens for call in own)),
            output_tokens=_within_column(sum(call.output_tokens for call in own)),
        )


def _within_column(tokens: int) -> int:
    return min(max(tokens, 0), MOST_TOKENS)
