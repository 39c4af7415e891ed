"""The key by which a client may send a request again without its being done twice."""

from typing import Annotated

from fastapi import Depends, Header

from cadence.http.at_once import at_once
from cadence.kernel.errors import FieldProblem, InvalidInput

NAME = "Idempotency-Key"
LONGEST = 255


def idempotency_key(
    idempotency_key: Annotated[
        str | None,
        Header(
            alias=NAME,
            description="Any text of one's own. The same request with the same key is one run.",
        ),
    ] = None,
) -> str | None:
    """Read `Idempotency-Key`, None when there is none; raises `InvalidInput`."""
    if idempotency_key is None:
        return None
    is_printable = idempotency_key.isascii() and idempotency_key.isprintable()
    if not is_printable or not 0 < len(idempotency_key) <= LONGEST:
        raise InvalidInput.of(
            FieldProblem(NAME, f"must be 1 to {LONGEST} printable ASCII characters")
        )
    return idempotency_key


IdempotencyKey = Annotated[str | None, Depends(at_once(idempotency_key))]
