"""Events as they travel: only ours are opened, and only in their time."""

from datetime import UTC, datetime, timedelta
from typing import Any

import orjson
import pytest
from hypothesis import given
from hypothesis import strategies as st

from cadence.infra.events.envelopes import BadEnvelope, Envelope, open_envelope, seal
from cadence.infra.events.messages import Action, OrchestratorEvent

KEY, OTHER_KEY = b"k" * 32, b"o" * 32
NOON = datetime(2026, 11, 20, 12, tzinfo=UTC)
EVENT = OrchestratorEvent(
    action=Action.RELOAD, organization_id="o", orchestrator_id="i", config_hash="h"
)
ENVELOPE = Envelope(id="1", at=NOON, event=EVENT)


def test_what_was_sealed_opens() -> None:
    assert open_envelope(seal(ENVELOPE, KEY), KEY, now=NOON) == ENVELOPE


def _changed(**changes: Any) -> bytes:
    return orjson.dumps({**orjson.loads(seal(ENVELOPE, KEY)), **changes})


@pytest.mark.parametrize(
    ("content", "reason"),
    [
        pytest.param(seal(ENVELOPE, OTHER_KEY), "signed by somebody else", id="another key"),
        pytest.param(_changed(id="2"), "signed by somebody else", id="another id"),
        pytest.param(_changed(mac=None), "unsigned", id="no signature"),
        pytest.param(_changed(mac="é"), "unsigned", id="a signature that is none"),
        pytest.param(b"", "not JSON", id="nothing"),
        pytest.param(b"[]", "no object", id="a list"),
        pytest.param(b"\xff\xfe", "not JSON", id="no text"),
        pytest.param(b"[" * 4000, "not JSON", id="depth"),
        pytest.param(b"x" * 10_000_000, "too large", id="ten megabytes"),
    ],
)
def test_what_we_did_not_send_is_refused(content: bytes, reason: str) -> None:
    with pytest.raises(BadEnvelope, match=reason):
        open_envelope(content, KEY, now=NOON)


@pytest.mark.parametrize("away", [timedelta(hours=25), -timedelta(minutes=6)])
def test_what_is_out_of_its_time_is_refused(away: timedelta) -> None:
    with pytest.raises(BadEnvelope, match="out of its time"):
        open_envelope(seal(ENVELOPE, KEY), KEY, now=NOON + away)


@given(st.binary(max_size=300))
def test_no_bytes_do_more_than_be_refused(content: bytes) -> None:
    with pytest.raises(BadEnvelope):
        open_envelope(content, KEY, now=NOON)


@given(st.integers(min_value=0), st.integers(min_value=1, max_value=255))
def test_no_changed_byte_opens_as_something_else(place: int, flip: int) -> None:
    content = bytearray(seal(ENVELOPE, KEY))
    content[place % len(content)] ^= flip

    try:
        opened = open_envelope(bytes(content), KEY, now=NOON)
    except BadEnvelope:
        return
    assert opened == ENVELOPE
