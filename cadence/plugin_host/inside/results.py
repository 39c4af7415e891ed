"""What a tool returned, as the bytes that leave the host."""

import orjson

from cadence.kernel.plain_json import ResultTooLarge, write_plain_json
from cadence.kernel.text import clean


def write_results(read: object, shown: object, *, limit: int) -> bytes:
    """Return both results as a JSON object, the second one left out where it is the first.

    Raises `ResultTooLarge` when one has more than `limit` bytes, and `ResultUnreadable`.
    """
    body = b'{"read":' + _written(read, limit)
    if shown is not read:
        body += b',"shown":' + _written(shown, limit)
    return body + b"}"


def _written(result: object, limit: int) -> bytes:
    if not isinstance(result, str):
        return write_plain_json(result, limit=limit)
    # As in the engine: a text is measured as it is read, not as JSON quotes it.
    if len(result) > limit or len(result.encode(errors="replace")) > limit:
        raise ResultTooLarge
    return orjson.dumps(clean(result))
