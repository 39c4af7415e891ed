"""The operator's sealing keys: what is accepted, what is refused and in which words."""

import base64
import json
import stat
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import pytest

from cadence.infra.secrets.keyring import (
    Keyring,
    KeyringInvalid,
    generate_key,
    load_or_create_development_keys,
)

FIRST, SECOND = generate_key(), generate_key()


def encoded(raw: bytes) -> str:
    return base64.b64encode(raw).decode()


def test_the_first_entry_is_primary_and_every_entry_is_found() -> None:
    ring = Keyring.parse(f" k2:{SECOND} , k1:{FIRST},")

    assert ring.primary == "k2"
    assert ring.kids == ("k2", "k1")
    assert ring.find("k1") == base64.b64decode(FIRST)
    assert ring.find("k3") is None


def test_both_alphabets_of_base64_are_read_padded_or_not() -> None:
    raw = bytes(range(224, 256))

    ring = Keyring.parse(f"a:{base64.urlsafe_b64encode(raw).decode().rstrip('=')}")

    assert ring.find("a") == raw


@pytest.mark.parametrize(
    ("text", "trouble"),
    [
        pytest.param("", "holds no key", id="empty"),
        pytest.param(" , ", "holds no key", id="only commas"),
        pytest.param(FIRST, "Entry 1 of CADENCE_ENCRYPTION_KEYS has no kid", id="no kid"),
        pytest.param(f"k.1:{FIRST}", "has no kid", id="dot in kid"),
        pytest.param(f"{'k' * 33}:{FIRST}", "has no kid", id="long kid"),
        pytest.param("k1:not base64!", "is not base64", id="not base64"),
        pytest.param("k1:ключ", "is not base64", id="not ASCII"),
        pytest.param(f"k1:{encoded(b'short')}", "holds 5 bytes instead of 32", id="short"),
        pytest.param(f"k1:{encoded(bytes(range(33)))}", "holds 33 bytes", id="long"),
        pytest.param(f"k1:{encoded(bytes(32))}", "is a placeholder", id="zeros"),
        pytest.param(f"k1:{encoded(b'changeme' * 4)}", "is a placeholder", id="typed"),
        pytest.param(f"k1:{FIRST},k1:{SECOND}", "Entry 2 of", id="kid twice"),
        pytest.param(f"k1:{FIRST},k2:{FIRST}", "repeats the kid or the key", id="key twice"),
    ],
)
def test_a_bad_keyring_is_refused_with_the_remedy_and_without_the_key(
    text: str, trouble: str
) -> None:
    with pytest.raises(KeyringInvalid) as refusal:
        Keyring.parse(text)

    message = str(refusal.value)
    assert trouble in message
    assert "cadence keys generate" in message
    assert FIRST not in message
    assert SECOND not in message


def test_a_keyring_never_prints_its_keys() -> None:
    ring = Keyring.parse(f"k1:{FIRST}")

    assert FIRST not in repr(ring)
    assert repr(base64.b64decode(FIRST)) not in repr(ring)


def test_two_generated_keys_differ() -> None:
    assert generate_key() != generate_key()


@pytest.mark.parametrize(
    "secret",
    [
        pytest.param(FIRST, id="same text"),
        pytest.param(FIRST.rstrip("="), id="unpadded"),
        pytest.param(
            base64.urlsafe_b64encode(base64.b64decode(FIRST)).decode(), id="other alphabet"
        ),
    ],
)
def test_a_sealing_key_that_is_also_the_operators_secret_is_refused(secret: str) -> None:
    ring = Keyring.parse(f"k2:{SECOND},k1:{FIRST}")

    with pytest.raises(KeyringInvalid, match="CADENCE_SECRET_KEY") as refusal:
        ring.require_apart_from(secret)

    assert secret not in str(refusal.value)


def test_another_operators_secret_is_accepted() -> None:
    Keyring.parse(f"k1:{FIRST}").require_apart_from("an operator's secret, long & not base64")


def test_development_keys_are_made_once_for_the_owner_alone(tmp_path: Path) -> None:
    path = tmp_path / "var" / "dev-keys.json"

    made = load_or_create_development_keys(path)
    read = load_or_create_development_keys(path)

    assert made == read
    assert stat.S_IMODE(path.stat().st_mode) == 0o600
    assert [file.name for file in path.parent.iterdir()] == ["dev-keys.json"]


def test_processes_that_start_at_once_share_their_development_keys(tmp_path: Path) -> None:
    path = tmp_path / "dev-keys.json"

    with ThreadPoolExecutor(8) as threads:
        rings = list(threads.map(load_or_create_development_keys, [path] * 32))

    assert all(ring == rings[0] for ring in rings)


@pytest.mark.parametrize("content", ["", "{}", "[]", '"k1"', '{"keys": "k1:AAAA"}', '{"keys": 7}'])
def test_an_unreadable_development_file_is_refused_and_kept(tmp_path: Path, content: str) -> None:
    path = tmp_path / "dev-keys.json"
    path.write_text(content)

    with pytest.raises(KeyringInvalid, match=r"Restore the file; or delete it"):
        load_or_create_development_keys(path)

    assert path.read_text() == content


def test_the_development_file_holds_nothing_but_the_keys(tmp_path: Path) -> None:
    path = tmp_path / "dev-keys.json"

    ring = load_or_create_development_keys(path)

    assert Keyring.parse(json.loads(path.read_text())["keys"]) == ring
