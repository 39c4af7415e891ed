"""The fuzzing targets hold for what they start from, and the search finds what breaks."""

from random import Random

import pytest

from tests.fuzz.mutations import mutate, search
from tests.fuzz.targets import TARGETS


@pytest.mark.parametrize("name", TARGETS)
def test_a_target_holds_for_its_seeds_and_a_thousand_changes_of_them(name: str) -> None:
    target, random = TARGETS[name], Random(7)  # noqa: S311  # no secret
    given = [*target.seeds, *(mutate(target.seeds, random) for _ in range(1000))]

    for each in given:
        target.run(each)

    assert len(set(given)) > 900


def test_the_search_finds_bytes_that_break_a_target() -> None:
    def fragile(given: bytes) -> None:
        if b"../" in given:
            raise RecursionError

    found = search(fragile, [b"harmless"], Random(7), runs=10_000)  # noqa: S311

    assert found is not None
    assert b"../" in found.given
    assert isinstance(found.error, RecursionError)


def test_a_search_that_finds_nothing_says_so() -> None:
    seen: list[bytes] = []

    assert search(seen.append, [b"harmless"], Random(7), runs=50) is None  # noqa: S311
    assert len(seen) == 50
