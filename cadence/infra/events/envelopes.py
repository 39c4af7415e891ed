"""An event as it travels: signed, so that whoever reaches the broker cannot make one up.

It names an orchestrator and a hash and holds nothing secret; whoever receives it reads the database
(SECURITY.md T28).
"""

import hashlib
import hmac
from dataclasses import asdict, dataclass
from datetime import UTC, datetime, timedelta

import orjson
from pydantic import TypeAdapter, ValidationError

from cadence.infra.events.messages import OrchestratorEvent

VERSION = 1
# Ten times what the largest event of ours needs.
MOST_BYTES = 4096
# An event may wait in the outbox while the broker is away, but not as long as this.
OLDEST = timedelta(hours=24)
CLOCK_SKEW = timedelta(minutes=5)


class BadEnvelope(Exception):
    """Bytes that no process of ours has sent, or not lately; the message says which of them."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Envelope:
    """An event with the id that tells a repetition, and the time it was written at."""

    id: str
    at: datetime
    event: OrchestratorEvent


_EVENT = TypeAdapter(OrchestratorEvent)


def seal(envelope: Envelope, key: bytes) -> bytes:
    """Return the bytes to send."""
    body = {
        "v": VERSION,
        "id": envelope.id,
        "ts": envelope.at.timestamp(),
        "event": asdict(envelope.event),
    }
    return orjson.dumps({**body, "mac": _mac(body, key)})


def open_envelope(content: bytes, key: bytes, *, now: datetime) -> Envelope:
    """Return what was sent; raises `BadEnvelope` for whatever we did not send, or long ago."""
    body = _read(content)
    mac = body.pop("mac", None)
    if not isinstance(mac, str) or not mac.isascii():
        raise BadEnvelope("unsigned")
    if not hmac.compare_digest(mac, _mac(body, key)):
        raise BadEnvelope("signed by somebody else")
    # From here on it is ours, perhaps by another version.
    if body.get("v") != VERSION:
        raise BadEnvelope("of another version")
    at = datetime.fromtimestamp(float(str(body["ts"])), UTC)
    if not now - OLDEST <= at <= now + CLOCK_SKEW:
        raise BadEnvelope("out of its time")
    try:
        event = _EVENT.validate_python(body["event"])
    except ValidationError:
        raise BadEnvelope("of another version") from None
    return Envelope(id=str(body["id"]), at=at, event=event)


def _read(content: bytes) -> dict[str, object]:
    if len(content) > MOST_BYTES:
        raise BadEnvelope("too large")
    try:
        body = orjson.loads(content)
    except orjson.JSONDecodeError:
        raise BadEnvelope("not JSON") from None
    if not isinstance(body, dict):
        raise BadEnvelope("no object")
    return body


def _mac(body: dict[str, object], key: bytes) -> str:
    canonical = orjson.dumps(body, option=orjson.OPT_SORT_KEYS)
    return hmac.new(key, canonical, hashlib.sha256).hexdigest()
