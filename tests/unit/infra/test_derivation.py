"""Keys derived from the operator's secret stay apart by purpose, and fingerprints hide values."""

import pytest
from hypothesis import assume, given
from hypothesis import strategies as st

from cadence.infra.secrets.derivation import KeyPurpose, derive_key, fingerprint

OPERATORS = "an operator's secret of 32 or more characters"
KEY = derive_key(OPERATORS, KeyPurpose.CACHE_KEY)


def test_each_purpose_has_a_key_of_its_own() -> None:
    keys = {derive_key(OPERATORS, purpose) for purpose in KeyPurpose}

    assert len(keys) == len(KeyPurpose)
    assert {len(key) for key in keys} == {32}


def test_the_same_secret_gives_the_same_key_again() -> None:
    assert derive_key(OPERATORS, KeyPurpose.EVENT_MAC) == derive_key(
        OPERATORS, KeyPurpose.EVENT_MAC
    )
    assert derive_key(OPERATORS, KeyPurpose.EVENT_MAC) != derive_key(
        OPERATORS + "!", KeyPurpose.EVENT_MAC
    )


def test_a_short_secret_is_refused_without_being_quoted() -> None:
    short = "x" * 31

    with pytest.raises(ValueError, match="CADENCE_SECRET_KEY must hold 32") as refusal:
        derive_key(short, KeyPurpose.TOKEN_SIGNING)

    assert short not in str(refusal.value)


@given(first=st.lists(st.text(), max_size=4), second=st.lists(st.text(), max_size=4))
def test_different_parts_have_different_fingerprints(first: list[str], second: list[str]) -> None:
    assume(first != second)

    assert fingerprint(KEY, *first) != fingerprint(KEY, *second)
    assert fingerprint(KEY, *first) == fingerprint(KEY, *first)


def test_a_fingerprint_depends_on_the_key_and_hides_what_it_covers() -> None:
    mark = fingerprint(KEY, "openai", "sk-canary")

    assert "canary" not in mark
    assert mark != fingerprint(derive_key(OPERATORS, KeyPurpose.EVENT_MAC), "openai", "sk-canary")
