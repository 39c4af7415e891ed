"""How the supervisor mode decides."""

import pytest

from cadence.engine.errors import HopLimitReached
from cadence.engine.limits import Hops
from cadence.engine.supervision import (
    Round,
    Verdict,
    after_supervisor,
    after_validation,
    judge,
    read_verdict,
)
from cadence.engine.tools import ToolErrorCode, ToolOutcome

FINE = ToolOutcome(content="3", shown=3)
SOME = Hops(limit=3, taken=1)
NONE_LEFT = Hops(limit=3, taken=3)
GOOD, BAD = Verdict(is_valid=True, reason="fits"), Verdict(is_valid=False, reason="does not fit")


def failed(code: ToolErrorCode) -> ToolOutcome:
    return ToolOutcome.failure(code, "It failed.")


@pytest.mark.parametrize(
    ("asked", "has_results", "follows"),
    [
        ([], False, "conversational"),
        ([], True, "synthesizer"),
        (["add"], False, "control_tools"),
        (["add", "add"], True, "control_tools"),
        (["unknown"], False, "control_tools"),
        (["route_to_facilitator"], False, "facilitator"),
        (["route_to_conversational"], True, "conversational"),
        (["route_to_conversational", "route_to_facilitator"], False, "conversational"),
        (["route_to_facilitator", "add"], False, "control_tools"),
    ],
)
def test_what_follows_the_supervisor(asked: list[str], *, has_results: bool, follows: str) -> None:
    assert after_supervisor(asked, has_results=has_results) == follows


@pytest.mark.parametrize(
    ("outcomes", "judged"),
    [
        ([FINE], Round.USABLE),
        ([FINE, failed(ToolErrorCode.FAILED)], Round.USABLE),
        ([failed(ToolErrorCode.FAILED)], Round.FAILED),
        ([failed(ToolErrorCode.TIMEOUT), failed(ToolErrorCode.RESULT_TOO_LARGE)], Round.FAILED),
        ([failed(ToolErrorCode.UNKNOWN)], Round.CORRECTABLE),
        ([failed(ToolErrorCode.ARGUMENTS_INVALID)], Round.CORRECTABLE),
        ([failed(ToolErrorCode.FAILED), failed(ToolErrorCode.UNKNOWN)], Round.CORRECTABLE),
    ],
)
def test_a_round_is_judged_by_its_best_outcome(outcomes: list[ToolOutcome], judged: Round) -> None:
    assert judge(outcomes) is judged


@pytest.mark.parametrize(
    ("judged", "verdict", "hops", "has_results", "follows"),
    [
        (Round.USABLE, None, SOME, True, "supervisor"),
        (Round.USABLE, GOOD, SOME, True, "supervisor"),
        (Round.USABLE, BAD, SOME, False, "supervisor"),
        (Round.USABLE, None, NONE_LEFT, True, "synthesizer"),
        (Round.USABLE, BAD, NONE_LEFT, False, "error_handler"),
        (Round.CORRECTABLE, None, SOME, False, "supervisor"),
        (Round.CORRECTABLE, None, NONE_LEFT, True, "synthesizer"),
        (Round.FAILED, None, SOME, True, "error_handler"),
        (Round.FAILED, None, NONE_LEFT, False, "error_handler"),
    ],
)
def test_what_follows_the_validation(
    judged: Round, *, verdict: Verdict | None, hops: Hops, has_results: bool, follows: str
) -> None:
    assert after_validation(judged, verdict, hops=hops, has_results=has_results) == follows


def test_a_turn_with_nothing_to_say_and_no_hop_left_fails() -> None:
    with pytest.raises(HopLimitReached):
        after_validation(Round.CORRECTABLE, None, hops=NONE_LEFT, has_results=False)


def test_hops_are_counted_up_to_their_limit() -> None:
    hops = Hops(limit=2).next().next()

    assert hops.are_used_up
    with pytest.raises(HopLimitReached):
        hops.next()


@pytest.mark.parametrize(
    ("said", "verdict"),
    [
        ({"is_valid": True, "reason": "fits"}, GOOD),
        ({"is_valid": False, "reason": "does not fit"}, BAD),
        ({"is_valid": False}, Verdict(is_valid=False, reason="No reason was given.")),
        ({"is_valid": "true"}, None),
        ({}, None),
        (None, None),
    ],
)
def test_a_verdict_is_read_to_the_letter(
    said: dict[str, object] | None, verdict: Verdict | None
) -> None:
    assert read_verdict(said) == verdict
