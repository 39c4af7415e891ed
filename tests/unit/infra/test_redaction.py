"""Secrets are masked by name, by shape and by value, wherever in an event they stand (T14)."""

import json
from collections import UserDict
from dataclasses import dataclass

import pytest
from hypothesis import given
from hypothesis import strategies as st
from pydantic import BaseModel, ValidationError

from cadence.infra.secrets.keyring import Keyring, generate_key
from cadence.infra.secrets.sealing import Sealer
from cadence.infra.telemetry.redaction import MASK, Redaction, is_secret_name

CANARY = "Kq7canaryZ93"
REDACTION = Redaction()

SEALED = Sealer(Keyring.parse(f"k1:{generate_key()}")).seal(
    "", organization_id=None, purpose="llm_config.api_key", secret_id=CANARY
)
JWT = "eyJhbGciOiJIUzI1NiIsInR5cCI6ImF0K2p3dCJ9.eyJzdWIiOiJLcTdjYW5hcnlaOTMifQ.c2ln-bmF0_dXJl"


def redacted(**event: object) -> str:
    """Return the whole event as text, after the mask."""
    return json.dumps(REDACTION(None, "info", event))


@pytest.mark.parametrize(
    "name",
    [
        "api_key",
        "apiKey",
        "API_KEY",
        "x-api-key",
        "X-Goog-Api-Key",
        "openai_api_key",
        "password",
        "old_password",
        "passwd",
        "password_hash",
        "token",
        "access_token",
        "refreshToken",
        "Authorization",
        "proxy-authorization",
        "secret",
        "client_secret",
        "clientSecret",
        "secret_key",
        "encryption_keys",
        "set-cookie",
        "Cookie",
        "credentials",
        "jwt",
    ],
)
@pytest.mark.parametrize("value", [CANARY, [CANARY], {"x": CANARY}, CANARY.encode()], ids=repr)
def test_what_stands_under_a_secrets_name_is_masked(name: str, value: object) -> None:
    assert is_secret_name(name)
    assert CANARY not in redacted(**{name: value})
    assert CANARY not in redacted(request={"items": [{name: value}]})


@pytest.mark.parametrize(
    "name",
    ["max_tokens", "input_tokens", "secret_id", "tokenizer", "key_id", "kid", "author", "key_hint"],
)
def test_names_that_only_resemble_a_secrets_are_shown(name: str) -> None:
    assert not is_secret_name(name)
    assert redacted(**{name: "shown"}) == json.dumps({name: "shown"})


@pytest.mark.parametrize(
    "text",
    [
        f"Authorization: Bearer {CANARY}",
        f"authorization: bearer {CANARY} and more",
        f"Authorization: ApiKey id {CANARY}",
        f"{{'authorization': 'Bearer {CANARY}'}}",
        f"sent Bearer {CANARY}",
        f"Basic {CANARY}==",
        f"Cookie: theme=dark; session={CANARY}",
        f"Incorrect API key provided: sk-proj-{CANARY}.",
        f"key=sk-{CANARY}",
        f"sk-ant-api03-{CANARY}-AA",
        f"AIzaSy{CANARY}0123456789abcdef",
        f"gsk_{CANARY}{CANARY}",
        f"https://x.example/v1?key={CANARY}&alt=sse",
        f"https://x.example/v1?alt=sse&access_token={CANARY}",
        f"redis://:{CANARY}@redis:6379/0",
        f"postgresql+asyncpg://cadence:{CANARY}@db/cadence",
        f"https://user:{CANARY}@@host/path",
        f"token {JWT}",
        JWT.replace("eyJzdWIi", f"eyJ{CANARY}"),
        f"password={CANARY}",
        f"password = '{CANARY} with blanks'",
        f'password="with \\" quote {CANARY}"',
        f'{{"api_key": "{CANARY}"}}',
        f'"{{\\"api_key\\": \\"{CANARY} with blanks\\"}}"',
        f"{{'api_key': b'{CANARY}', 'x': 1}}",
        f"ModelSpec(model='m', api_key='{CANARY}')",
        f"x-api-key: {CANARY}",
        f"client_secret:{CANARY}",
        f"-----BEGIN RSA PRIVATE KEY-----\n{CANARY}\n-----END RSA PRIVATE KEY-----",
        f"-----BEGIN PRIVATE KEY-----\n{CANARY}",
        f"[SQL: INSERT …]\n[parameters: ('bob', '{CANARY}')]\n(Background on this error)",
    ],
)
def test_what_has_a_secrets_shape_is_masked(text: str) -> None:
    masked = REDACTION.text(f"before {text}")

    assert CANARY not in masked
    assert MASK in masked
    assert masked.startswith("before ")


def test_the_sealed_form_is_masked() -> None:
    assert REDACTION.text(f"row holds {SEALED}") == f"row holds {MASK}"


@pytest.mark.parametrize(
    "text",
    [
        "Application startup complete.",
        "Uvicorn running on http://127.0.0.1:8000 (Press CTRL+C to quit)",
        '127.0.0.1:5000 - "GET /api/orgs?limit=10&after=x HTTP/1.1" 200',
        "task-force-meeting and disk-usage are no keys",
        "https://host:8000/path, mail to bob@example.com",
        "used 120 input_tokens, max_tokens=50",
        "version v1.2.3 of com.example.calculator",
        "0198c0de-0000-7000-8000-00000000000a",
    ],
)
def test_ordinary_words_stay_as_they_are(text: str) -> None:
    assert REDACTION.text(text) == text


@given(
    wrapped=st.recursive(
        st.just({"password": CANARY}) | st.just(f"password={CANARY}"),
        lambda inner: st.one_of(
            st.lists(inner, min_size=1, max_size=3),
            st.tuples(inner),
            st.dictionaries(st.text(max_size=5), inner, min_size=1, max_size=3),
            inner.map(lambda value: UserDict({"x": value})),
            inner.map(repr),
        ),
    )
)
def test_no_nesting_hides_a_secret(wrapped: object) -> None:
    assert CANARY not in redacted(event=wrapped)


def test_a_secret_used_as_a_name_is_masked() -> None:
    assert CANARY not in redacted(seen={f"sk-{CANARY}": 1, (f"sk-{CANARY}",): 2})


def test_exceptions_and_objects_are_masked_like_text() -> None:
    @dataclass
    class Config:
        api_key: str

    error = ValueError(f"bad key sk-{CANARY}")

    shown = redacted(error=error, errors=[error], config=Config(CANARY), kind=Config)

    assert CANARY not in shown
    assert "ValueError: bad key" in shown


def test_what_a_validation_error_quotes_is_masked() -> None:
    class Body(BaseModel):
        number: int
        api_key: int

    with pytest.raises(ValidationError) as failure:
        Body.model_validate({"number": CANARY, "api_key": CANARY})

    assert CANARY in str(failure.value)
    assert CANARY not in redacted(error=failure.value)


def test_the_operators_own_secrets_are_masked_by_value() -> None:
    known = Redaction(["pass with blanks & sk", "short", "", "pass with blanks"])

    assert known.text("it is pass with blanks & sk!") == f"it is {MASK}!"
    assert known.text("it is pass with blanks!") == f"it is {MASK}!"
    assert known.text("a short word") == "a short word"


def test_a_long_text_keeps_its_beginning_and_its_end() -> None:
    text = "begin " + "x" * 200_000 + f" password={CANARY} end"

    shown = REDACTION.text(text)

    assert len(shown) < 17_000
    assert shown.startswith("begin x")
    assert shown.endswith("end")
    assert CANARY not in shown


def test_a_structure_without_end_is_cut() -> None:
    endless: list[object] = [f"sk-{CANARY}"]
    endless.append(endless)

    shown = redacted(value=endless, many=list(range(1000)))

    assert "[too deep]" in shown
    assert CANARY not in shown
    assert "999" not in shown


@pytest.mark.parametrize(
    "text",
    [
        "token=" * 30_000,
        'token="' * 30_000,
        "token=\\'" * 30_000,
        'token=\\"' + "\\" * 200_000,
        "token" + "\\" * 200_000,
        "bearer " * 30_000,
        "bearer" + " " * 200_000,
        "eyJ" * 60_000,
        "eyJaaaaaaaa." * 15_000,
        "input_value=" * 15_000,
        "://" * 60_000,
        "://a:" * 30_000,
        "-----BEGIN " * 15_000,
        "v1." * 60_000,
        "sk-" * 60_000,
    ],
    ids=lambda text: text[:12],
)
def test_no_text_makes_the_patterns_run_for_ever(text: str) -> None:
    assert isinstance(REDACTION.text(text), str)
