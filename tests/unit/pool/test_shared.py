"""Shared parts are made once, counted, and gone when nobody holds them."""

from concurrent.futures import ThreadPoolExecutor

import pytest

from cadence.kernel.ids import OrganizationId, new_uuid
from cadence.pool.shared import PartKey, PartKind, SharedParts

KEY = PartKey(OrganizationId(new_uuid()), PartKind.MODEL, ("openai", 1))


def test_a_part_is_made_once_and_gone_after_the_last_one_gave_it_back() -> None:
    parts: SharedParts[object] = SharedParts()
    first, second = parts.take(KEY, object), parts.take(KEY, object)

    assert first.value is second.value
    assert len(parts) == 1
    assert not parts.give_back(first)
    assert parts.give_back(second)
    assert len(parts) == 0
    assert parts.take(KEY, object).value is not first.value


@pytest.mark.parametrize(
    "other",
    [
        PartKey(OrganizationId(new_uuid()), KEY.kind, KEY.traits),
        PartKey(KEY.organization_id, PartKind.PLUGIN, KEY.traits),
        PartKey(KEY.organization_id, KEY.kind, ("openai", 2)),
    ],
    ids=["organization", "kind", "traits"],
)
def test_another_key_gets_another_part(other: PartKey) -> None:
    parts: SharedParts[object] = SharedParts()

    assert parts.take(KEY, object).value is not parts.take(other, object).value


def test_what_cannot_be_made_is_not_held() -> None:
    parts: SharedParts[object] = SharedParts()

    def fail() -> object:
        raise ZeroDivisionError

    with pytest.raises(ZeroDivisionError):
        parts.take(KEY, fail)

    assert len(parts) == 0


def test_a_withdrawn_part_is_lent_to_nobody_else_but_is_still_given_back_by_its_holders() -> None:
    parts: SharedParts[object] = SharedParts()
    broken, also_broken = parts.take(KEY, object), parts.take(KEY, object)

    parts.withdraw(broken)
    sound = parts.take(KEY, object)

    assert sound.value is not broken.value
    assert not parts.give_back(broken)
    assert parts.give_back(also_broken)
    assert len(parts) == 1
    assert parts.give_back(sound)


def test_threads_that_ask_at_once_get_the_same_part_and_leave_none_behind() -> None:
    parts: SharedParts[object] = SharedParts()
    made: list[object] = []

    def make() -> object:
        made.append(object())
        return made[-1]

    def hold(_: int) -> bool:
        return parts.give_back(parts.take(KEY, make))

    with ThreadPoolExecutor(8) as threads:
        ended = sum(threads.map(hold, range(2000)))

    assert ended == len(made)
    assert len(parts) == 0
