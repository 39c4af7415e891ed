"""How a list is asked for and answered."""

from typing import Annotated, Generic, TypeVar

from fastapi import Depends, Query

from cadence.http.bodies import Output
from cadence.kernel.paging import DEFAULT_LIMIT, MAX_LIMIT, PageRequest, decode_cursor

Item = TypeVar("Item")


class PageAnswer(Output, Generic[Item]):
    """Some items, and the cursor to pass as `after` for the next ones; null at the end."""

    items: list[Item]
    next: str | None


def read_page_request(
    limit: Annotated[int, Query(ge=1, le=MAX_LIMIT)] = DEFAULT_LIMIT,
    after: Annotated[str | None, Query(max_length=512)] = None,
) -> PageRequest:
    """Read `?limit=&after=`; raises `InvalidInput` for a cursor that is not ours."""
    return PageRequest(limit, None if after is None else decode_cursor(after))


PageQuery = Annotated[PageRequest, Depends(read_page_request)]
