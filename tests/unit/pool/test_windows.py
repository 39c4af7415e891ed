"""How many messages a turn will want, as far as is known."""

from cadence.config.definitions import DEFINITIONS
from cadence.kernel.ids import OrchestratorId, new_uuid
from cadence.pool.windows import MessageWindows


def test_an_orchestrator_is_expected_to_want_what_it_wanted_last() -> None:
    windows, known = MessageWindows(), OrchestratorId(new_uuid())
    windows.note(known, 7)
    windows.note(known, 9)

    assert windows.expect(known) == 9


def test_an_unknown_one_is_expected_to_want_the_default() -> None:
    assert MessageWindows().expect(OrchestratorId(new_uuid())) == (
        DEFINITIONS["message_window"].default
    )


def test_what_was_noted_longest_ago_makes_room() -> None:
    windows = MessageWindows(most=2)
    first, second, third = (OrchestratorId(new_uuid()) for _ in range(3))
    windows.note(first, 1)
    windows.note(second, 2)
    windows.note(first, 1)
    windows.note(third, 3)

    usual = MessageWindows().expect(second)
    assert [windows.expect(each) for each in (first, second, third)] == [1, usual, 3]
