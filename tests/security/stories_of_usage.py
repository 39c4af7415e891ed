"""What usage leaves to the other organization."""

from cadence.domains.usage.days import Days
from cadence.domains.usage.repository import Used, UsedInRun
from cadence.domains.usage.schemas import UsageQuery
from cadence.engine.spec import Provider
from cadence.kernel.ids import RunId, new_ulid
from tests.security.crossed_rows import THEIR_BOT
from tests.security.tenant_rows import NOON
from tests.security.tenant_store import OURS
from tests.security.wall_stories import Stage, Stories

STORIES = Stories()
EVERYTHING = UsageQuery()
THAT_DAY = Days(NOON.date(), NOON.date())


@STORIES.about("UsageRepository.page")
async def only_our_usage_is_listed_and_only_our_names(stage: Stage) -> None:
    page = await stage.open("UsageRepository").page(EVERYTHING, THAT_DAY)

    shown = {each.orchestrator_id: (each.orchestrator_name, each.runs) for each in page.items}
    assert shown == {OURS.orchestrator: ("bot", 1), THEIR_BOT: (None, 1)}


@STORIES.about("UsageRepository.list_by_day")
async def only_our_usage_is_added_up(stage: Stage) -> None:
    [day] = await stage.open("UsageRepository").list_by_day(EVERYTHING, THAT_DAY)

    assert (day.used.llm_calls, day.used.input_tokens, day.used.output_tokens) == (2, 20, 2)


@STORIES.about("UsageRepository.count_runs")
async def only_our_runs_are_counted(stage: Stage) -> None:
    assert await stage.open("UsageRepository").count_runs(EVERYTHING, THAT_DAY) == 2


@STORIES.about("UsageRepository.add_once")
async def what_is_recorded_is_ours(stage: Stage) -> None:
    usage = stage.open("UsageRepository")
    used = Used(provider=Provider.OPENAI, model="gpt", llm_calls=1, input_tokens=5, output_tokens=5)
    run = UsedInRun(
        run_id=RunId(new_ulid()), orchestrator_id=OURS.orchestrator, used=[used], ended_at=NOON
    )
    await usage.add_once(run)
    await usage.add_once(run)

    assert await usage.count_runs(EVERYTHING, THAT_DAY) == 3
