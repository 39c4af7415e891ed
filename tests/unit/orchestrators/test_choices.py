"""Which plugins follow, and what becomes of it when one gives way to another version."""

import pytest

from cadence.domains.orchestrators.choices import (
    Choice,
    choose,
    exchange,
    follower_problems,
    followers_of,
    ids_of,
)
from cadence.kernel.ids import new_uuid

FIRST, SECOND, OTHER = new_uuid(), new_uuid(), new_uuid()


def test_the_order_is_the_plugins_and_following_is_by_choice() -> None:
    chosen = choose([SECOND, FIRST], [FIRST])

    assert ids_of(chosen) == [SECOND, FIRST]
    assert followers_of(chosen) == [FIRST]


@pytest.mark.parametrize("follows_latest", [True, False])
@pytest.mark.parametrize("is_latest", [True, False])
def test_only_one_that_followed_and_comes_to_the_latest_goes_on_following(
    *, follows_latest: bool, is_latest: bool
) -> None:
    chosen = [Choice(FIRST, follows_latest), Choice(SECOND, follows_latest=True)]

    now = exchange(chosen, FIRST, OTHER, is_latest=is_latest)

    assert now == [
        Choice(OTHER, follows_latest and is_latest),
        Choice(SECOND, follows_latest=True),
    ]


def test_each_follower_that_is_not_active_is_named_by_its_place() -> None:
    problems = follower_problems([FIRST, OTHER, OTHER], [FIRST, SECOND])

    assert [problem.path for problem in problems] == ["follow_latest.1", "follow_latest.2"]
