"""How usage is asked for and shown."""

import re
from datetime import date
from typing import Annotated
from urllib.parse import urlencode
from uuid import UUID

from pydantic import BaseModel, BeforeValidator, ConfigDict, Field, StringConstraints

from cadence.engine.spec import Provider
from cadence.http.bodies import Output
from cadence.http.paging import After, Limit, PageAnswer, Perhaps
from cadence.http.text import SafeText
from cadence.kernel.paging import DEFAULT_LIMIT, ListRequest

# ISO 8601, the one form that everybody reads alike.
_DAY = re.compile(r"\d{4}-\d\d-\d\d", re.ASCII)
LONGEST_MODEL = 200


def _iso_8601(given: object) -> object:
    # Pydantic would take a number of seconds as well.
    if isinstance(given, str) and _DAY.fullmatch(given) is None:
        raise ValueError("must be a day such as 2026-11-20")
    return given


Day = Annotated[date, BeforeValidator(_iso_8601)]
Cost = Annotated[
    str | None,
    Field(
        description="US dollars as a decimal number, exactly as the prices give it; null when no "
        "price is known.",
        examples=["0.0123"],
    ),
]


class UsageQuery(BaseModel):
    """Which usage to list, newest day first; days are in UTC and both ends are included."""

    model_config = ConfigDict(frozen=True, extra="forbid")

    limit: Limit = DEFAULT_LIMIT
    after: After = None
    first_day: Perhaps[Day] = Field(
        default=None, alias="from", description="The first day; 30 days are shown without it."
    )
    last_day: Perhaps[Day] = Field(
        default=None, alias="to", description="The last day; today when it is left out."
    )
    instance_id: Perhaps[UUID] = Field(
        default=None, description="Only of this orchestrator, also when it is gone."
    )
    model: Perhaps[
        Annotated[SafeText, StringConstraints(min_length=1, max_length=LONGEST_MODEL)]
    ] = Field(default=None, description="Only of models of exactly this name.")

    def request(self) -> ListRequest:
        """Return what a page is cut by."""
        asked = self.model_dump(mode="json", exclude={"limit", "after"}, exclude_none=True)
        walk = f"{type(self).__name__}?{urlencode(sorted(asked.items()))}"
        return ListRequest(limit=self.limit, after=self.after, walk=walk)


class UsageByDay(Output):
    """What one orchestrator has used of one model on one day.

    `instance_name` is null once the orchestrator is gone. A run counts on the day it ended, and in
    the row of every model that it used.
    """

    day: date
    instance_id: UUID
    instance_name: str | None
    provider: Provider
    model: str
    runs: int
    llm_calls: int
    input_tokens: int
    output_tokens: int
    cost_usd: Cost


class UsageTotals(Output):
    """The same over all days, orchestrators and models that were asked for.

    Every run counts once. `cost_usd` is of what has a price, and `unpriced_llm_calls` tells how
    many calls have none.
    """

    runs: int
    llm_calls: int
    input_tokens: int
    output_tokens: int
    cost_usd: Cost
    unpriced_llm_calls: int


class UsageReport(PageAnswer[UsageByDay]):
    """A page of usage; the range and its totals are the same on every page."""

    model_config = ConfigDict(validate_by_name=True)

    first_day: date = Field(alias="from")
    last_day: date = Field(alias="to")
    totals: UsageTotals
    price_source: str = Field(
        description="The list that costs are estimated by.", examples=["genai-prices 0.2.3"]
    )
