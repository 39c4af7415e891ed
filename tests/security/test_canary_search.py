"""That the search for canaries finds what is there, however it is written."""

import base64
import json
from urllib.parse import quote

import pytest

from cadence.infra.secrets.keyring import generate_key
from tests.security.canaries import find, new_canary, secret_key, secret_text

PLANTED = new_canary()
WAYS = {
    "as it is": PLANTED,
    "shortened": f"{PLANTED[:30]}…",
    "the end of it": f"…{PLANTED[-30:]}",
    "in JSON": json.dumps({"key": [PLANTED]}),
    "in a URL": f"https://example.org/?key={quote(PLANTED, safe='')}",
    "in base64": base64.b64encode(f"user:{PLANTED}".encode()).decode(),
    "in base64 of a base64url": base64.urlsafe_b64encode(f"a:{PLANTED}:b".encode()).decode(),
    "in hexadecimal": PLANTED.encode().hex(),
    "in capitals": PLANTED.encode().hex().upper(),
    "as bytes in a representation": repr(PLANTED.encode()),
}


@pytest.mark.parametrize("way", WAYS)
def test_the_search_finds_a_planted_canary(way: str) -> None:
    wanted = [secret_text("planted", PLANTED), secret_text("another", new_canary())]

    found = find(f"before {WAYS[way]} after".encode(), wanted)

    assert {leak.partition(":")[0] for leak in found} == {"planted"}


@pytest.mark.parametrize("shift", range(3))
def test_the_search_finds_a_key_in_base64_wherever_it_begins(shift: int) -> None:
    raw = base64.b64decode(generate_key())
    around = b"x" * shift + raw + b"more"

    for encoded in (base64.b64encode(around), base64.urlsafe_b64encode(around)):
        assert find(encoded, [secret_key("key", raw)])
    assert find(base64.b64encode(b"x" * 40), [secret_key("key", raw)]) == []
