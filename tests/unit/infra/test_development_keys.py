"""The file of development keys: a key more, a key less, never a key lost."""

import json
import stat
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import pytest

from cadence.infra.secrets.development_keys import (
    add_development_key,
    remove_development_key,
    unused_kid,
)
from cadence.infra.secrets.keyring import (
    KeyringInvalid,
    load_or_create_development_keys,
)


@pytest.fixture
def path(tmp_path: Path) -> Path:
    return tmp_path / "var" / "dev-keys.json"


def test_an_added_key_is_primary_and_the_others_stay(path: Path) -> None:
    before = load_or_create_development_keys(path)

    kid = add_development_key(path)

    after = load_or_create_development_keys(path)
    assert (kid, after.kids) == ("dev2", ("dev2", "dev1"))
    assert after.find("dev1") == before.find("dev1")
    assert after.find("dev2") != before.find("dev1")


def test_adding_to_nothing_makes_the_file(path: Path) -> None:
    add_development_key(path)

    assert load_or_create_development_keys(path).kids == ("dev2", "dev1")


def test_a_removed_key_is_gone_and_the_others_stay(path: Path) -> None:
    add_development_key(path)
    before = load_or_create_development_keys(path)

    remove_development_key(path, "dev1")

    after = load_or_create_development_keys(path)
    assert after.kids == ("dev2",)
    assert after.find("dev2") == before.find("dev2")


def test_the_only_key_is_not_removed(path: Path) -> None:
    before = load_or_create_development_keys(path)

    with pytest.raises(KeyringInvalid):
        remove_development_key(path, "dev1")

    assert load_or_create_development_keys(path).find("dev1") == before.find("dev1")


def test_nobody_else_may_read_the_file_and_no_draft_stays(path: Path) -> None:
    add_development_key(path)

    assert stat.S_IMODE(path.stat().st_mode) == 0o600
    assert list(path.parent.iterdir()) == [path]


def test_of_many_keys_added_at_once_none_is_lost(path: Path) -> None:
    with ThreadPoolExecutor(8) as threads:
        added = list(threads.map(lambda _: add_development_key(path), range(16)))

    assert sorted(load_or_create_development_keys(path).kids) == sorted(["dev1", *added])
    assert len(set(added)) == 16


def test_a_file_that_cannot_be_read_stays_as_it_is(path: Path) -> None:
    path.parent.mkdir()
    path.write_text(json.dumps({"keys": "dev1:damaged"}), encoding="utf-8")

    with pytest.raises(KeyringInvalid, match="cannot be read"):
        add_development_key(path)

    assert "damaged" in path.read_text("utf-8")


@pytest.mark.parametrize(
    ("kids", "unused"),
    [
        pytest.param(["k1"], "k2", id="one more"),
        pytest.param(["k10", "k9"], "k11", id="numbers and not letters"),
        pytest.param(["k3"], "k4", id="never one that was retired"),
        pytest.param(["main", "k"], "k1", id="names of another kind"),
        pytest.param([f"k{'9' * 31}"], "k1", id="longer than a kid may be"),
    ],
)
def test_a_new_kid_is_one_that_was_not_used(kids: list[str], unused: str) -> None:
    assert unused_kid(kids, stem="k") == unused
