"""Sealed secrets open where they were sealed and nowhere else (SECURITY.md §6, T31)."""

import base64
import json
import re
import string
from uuid import UUID

import pytest
from cryptography.hazmat.primitives.ciphers.aead import AESGCM
from cryptography.hazmat.primitives.hashes import SHA256
from cryptography.hazmat.primitives.kdf.hkdf import HKDF
from hypothesis import assume, given
from hypothesis import strategies as st

from cadence.infra.secrets.keyring import Keyring, generate_key
from cadence.infra.secrets.sealing import Sealer, SecretUnreadable, kid_of
from cadence.kernel.errors import Kind
from cadence.kernel.ids import OrganizationId

OLD, NEW = generate_key(), generate_key()
SEALER = Sealer(Keyring.parse(f"k2:{NEW},k1:{OLD}"))
ACME = OrganizationId(UUID("0198c0de-0000-7000-8000-00000000000a"))
OTHER = OrganizationId(UUID("0198c0de-0000-7000-8000-00000000000b"))
PURPOSE = "llm_config.api_key"
ROW = "01K0CADENCE"

organizations = st.one_of(st.none(), st.uuids().map(OrganizationId))
names = st.text(max_size=40)


@given(plaintext=st.text(), organization_id=organizations, purpose=names, secret_id=names)
def test_what_was_sealed_opens_in_its_place(
    *, plaintext: str, organization_id: OrganizationId | None, purpose: str, secret_id: str
) -> None:
    sealed = SEALER.seal(
        plaintext, organization_id=organization_id, purpose=purpose, secret_id=secret_id
    )

    opened = SEALER.open(
        sealed, organization_id=organization_id, purpose=purpose, secret_id=secret_id
    )

    assert opened == plaintext


@given(
    here=st.tuples(organizations, names, names),
    there=st.tuples(organizations, names, names),
)
def test_nothing_opens_in_another_organization_purpose_or_row(
    here: tuple[OrganizationId | None, str, str], there: tuple[OrganizationId | None, str, str]
) -> None:
    assume(here != there)
    sealed = SEALER.seal("sk-canary", organization_id=here[0], purpose=here[1], secret_id=here[2])

    with pytest.raises(SecretUnreadable):
        SEALER.open(sealed, organization_id=there[0], purpose=there[1], secret_id=there[2])


@given(data=st.data(), replacement=st.characters())
def test_no_changed_character_opens(data: st.DataObject, replacement: str) -> None:
    sealed = seal("sk-canary")
    place = data.draw(st.integers(0, len(sealed) - 1))
    assume(sealed[place] != replacement)

    with pytest.raises(SecretUnreadable):
        reopen(sealed[:place] + replacement + sealed[place + 1 :])


@given(data=st.data(), flip=st.integers(1, 255))
def test_no_changed_byte_of_nonce_ciphertext_or_tag_opens(data: st.DataObject, flip: int) -> None:
    head, body = split(seal("sk-canary"))
    place = data.draw(st.integers(0, len(body) - 1))
    changed = body[:place] + bytes([body[place] ^ flip]) + body[place + 1 :]

    with pytest.raises(SecretUnreadable):
        reopen(head + base64.urlsafe_b64encode(changed).decode().rstrip("="))


@pytest.mark.parametrize("plaintext", ["", "a", "ab", "abc"])
def test_no_other_spelling_of_the_same_bytes_opens(plaintext: str) -> None:
    sealed = seal(plaintext)

    for last in string.ascii_letters + string.digits + "-_":
        if last != sealed[-1]:
            with pytest.raises(SecretUnreadable):
                reopen(sealed[:-1] + last)


@given(text=st.one_of(st.text(), st.from_regex(r"\Av1\.k[12]\.[A-Za-z0-9_-]{0,60}\Z")))
def test_no_other_text_opens(text: str) -> None:
    with pytest.raises(SecretUnreadable):
        reopen(text)


@pytest.mark.parametrize(
    "change",
    [
        pytest.param(lambda text: text + "=", id="padded"),
        pytest.param(lambda text: text + "\n", id="line break after it"),
        pytest.param(lambda text: text[:-1], id="one short"),
        pytest.param(lambda text: text.replace("v1.", "v2.", 1), id="another version"),
        pytest.param(lambda text: text.replace(".k2.", ".k1.", 1), id="another key"),
        pytest.param(lambda text: text.replace(".k2.", ".k9.", 1), id="a key that is gone"),
    ],
)
def test_a_rewritten_envelope_does_not_open(change: object) -> None:
    assert callable(change)

    with pytest.raises(SecretUnreadable):
        reopen(change(seal("sk-canary")))


def test_equal_secrets_look_different_and_never_show() -> None:
    first, second = seal("sk-canary"), seal("sk-canary")

    assert first != second
    assert "canary" not in first


def test_after_a_rotation_old_rows_open_and_new_rows_use_the_new_key() -> None:
    before = Sealer(Keyring.parse(f"k1:{OLD}")).seal(
        "sk-canary", organization_id=ACME, purpose=PURPOSE, secret_id=ROW
    )

    assert kid_of(before) == "k1"
    assert reopen(before) == "sk-canary"
    assert kid_of(seal("sk-canary")) == "k2"


def test_resealing_brings_a_secret_under_the_primary_in_its_place() -> None:
    before = Sealer(Keyring.parse(f"k1:{OLD}")).seal(
        "sk-canary", organization_id=ACME, purpose=PURPOSE, secret_id=ROW
    )

    after = SEALER.reseal(before, organization_id=ACME, purpose=PURPOSE, secret_id=ROW)

    assert kid_of(after) == "k2"
    assert reopen(after) == "sk-canary"
    with pytest.raises(SecretUnreadable):
        SEALER.open(after, organization_id=ACME, purpose=PURPOSE, secret_id="another row")


def test_resealing_leaves_what_the_primary_has_sealed() -> None:
    sealed = seal("sk-canary")

    assert SEALER.reseal(sealed, organization_id=ACME, purpose=PURPOSE, secret_id=ROW) == sealed


@pytest.mark.parametrize(
    ("organization_id", "purpose", "secret_id"),
    [
        pytest.param(OTHER, PURPOSE, ROW, id="another organization"),
        pytest.param(ACME, "orchestrator.plugin_setting", ROW, id="another column"),
        pytest.param(ACME, PURPOSE, "another row", id="another row"),
    ],
)
def test_a_secret_is_not_resealed_into_another_place(
    organization_id: OrganizationId, purpose: str, secret_id: str
) -> None:
    before = Sealer(Keyring.parse(f"k1:{OLD}")).seal(
        "sk-canary", organization_id=ACME, purpose=PURPOSE, secret_id=ROW
    )

    with pytest.raises(SecretUnreadable):
        SEALER.reseal(before, organization_id=organization_id, purpose=purpose, secret_id=secret_id)


def test_the_stored_form_is_the_documented_one() -> None:
    head, body = split(seal("sk-canary"))

    key = HKDF(
        algorithm=SHA256(), length=32, salt=None, info=f"cadence/secret/v1/{ACME}".encode()
    ).derive(base64.b64decode(NEW))
    associated = json.dumps(
        ["cadence-v1", "k2", str(ACME), PURPOSE, ROW], separators=(",", ":")
    ).encode()

    assert head == "v1.k2."
    assert AESGCM(key).decrypt(body[:12], body[12:], associated) == b"sk-canary"


def test_an_organization_cannot_be_mistaken_for_the_system() -> None:
    sealed = SEALER.seal("sk-canary", organization_id=None, purpose=PURPOSE, secret_id=ROW)

    with pytest.raises(SecretUnreadable):
        SEALER.open(sealed, organization_id=ACME, purpose=PURPOSE, secret_id=ROW)


def test_the_error_says_what_to_do_and_nothing_of_the_secret() -> None:
    sealed = seal("sk-canary")

    with pytest.raises(SecretUnreadable) as refusal:
        SEALER.open(sealed, organization_id=OTHER, purpose=PURPOSE, secret_id=ROW)

    assert refusal.value.code == "secret_unreadable"
    assert refusal.value.kind is Kind.UNAVAILABLE
    assert "Enter it again" in refusal.value.message
    assert sealed not in refusal.value.message
    assert not re.search(r"k[12]", refusal.value.message)


def seal(plaintext: str) -> str:
    return SEALER.seal(plaintext, organization_id=ACME, purpose=PURPOSE, secret_id=ROW)


def reopen(sealed: str) -> str:
    return SEALER.open(sealed, organization_id=ACME, purpose=PURPOSE, secret_id=ROW)


def split(sealed: str) -> tuple[str, bytes]:
    """Take a well-formed sealed text apart: everything before the body, and the body's bytes."""
    head, encoded = sealed.rsplit(".", 1)
    return f"{head}.", base64.urlsafe_b64decode(encoded + "=" * (-len(encoded) % 4))
