"""How a list is asked for and answered.

The order of a page is the client's choice among those that a list names, and cursors belong to the
list, order and filters that they were made with: anything else answers 422 at `after`.
"""

from typing import Annotated, Generic, TypeVar
from urllib.parse import urlencode

from fastapi import Depends, Query
from pydantic import (
    BaseModel,
    ConfigDict,
    Field,
    GetJsonSchemaHandler,
    StringConstraints,
    field_validator,
)
from pydantic.json_schema import JsonSchemaValue
from pydantic_core import CoreSchema

from cadence.http.at_once import at_once
from cadence.http.bodies import Output
from cadence.http.text import SafeText
from cadence.kernel.paging import DEFAULT_LIMIT, MAX_LIMIT, ListRequest, PageRequest, decode_cursor

Item = TypeVar("Item")
Value = TypeVar("Value")
SortName = TypeVar("SortName", bound=str)

# A name of 128 characters, of up to six bytes each once folded, and an id; in base64.
LONGEST_CURSOR = 2048
LONGEST_SEARCH = 128


class _NeverNull:
    """Documents what may be left out and is never null: a URL has no way to write that."""

    def __get_pydantic_json_schema__(
        self, core: CoreSchema, describe: GetJsonSchemaHandler
    ) -> JsonSchemaValue:
        schema = describe(core)
        (only,) = (each for each in schema.pop("anyOf") if each != {"type": "null"})
        return {**only, **schema}


Perhaps = Annotated[Value | None, _NeverNull()]
SearchText = Annotated[
    SafeText, StringConstraints(strip_whitespace=True, max_length=LONGEST_SEARCH)
]
Limit = Annotated[int, Field(ge=1, le=MAX_LIMIT, description="How many items at most.")]
After = Annotated[
    Perhaps[Annotated[str, StringConstraints(max_length=LONGEST_CURSOR)]],
    Field(description="The `next` of the page before; of use with the same order and filters."),
]


class PageAnswer(Output, Generic[Item]):
    """Some items, and the cursor to pass as `after` for the next ones; null at the end."""

    items: list[Item]
    next: str | None


def read_page_request(
    limit: Annotated[Limit, Query()] = DEFAULT_LIMIT,
    after: Annotated[After, Query()] = None,
) -> PageRequest:
    """Read `?limit=&after=`; raises `InvalidInput` for a cursor that is not ours."""
    return PageRequest(limit, None if after is None else decode_cursor(after))


PageQuery = Annotated[PageRequest, Depends(at_once(read_page_request))]


class SearchQuery(BaseModel):
    """What narrows a list; a list adds filters of its own, each of which may be left out.

    A parameter that the list does not have is refused: a misspelt filter must not show everything.
    """

    model_config = ConfigDict(frozen=True, extra="forbid")

    search: Perhaps[SearchText] = Field(
        default=None,
        description="Only what has this text in it, whatever the case of the letters.",
    )

    @field_validator("search")
    @classmethod
    def _asks_for_something(cls, search: str | None) -> str | None:
        return search or None


class ListQuery(SearchQuery, Generic[SortName]):
    """The same for a list in pages, which `SortName` names the orders of."""

    limit: Limit = DEFAULT_LIMIT
    after: After = None
    sort: Perhaps[SortName] = Field(
        default=None,
        description="What to sort by, without regard to case; `-` turns the order around.",
    )

    def request(self) -> ListRequest:
        """Return what a page is cut by."""
        asked = self.model_dump(mode="json", exclude={"limit", "after"}, exclude_none=True)
        walk = f"{type(self).__name__}?{urlencode(sorted(asked.items()))}"
        return ListRequest(limit=self.limit, after=self.after, sort=self.sort, walk=walk)
