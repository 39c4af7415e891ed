"""Tokens that the service must not take: T18 and T21 of SECURITY.md, against the running server."""

import pytest

from tests.fixtures.clients import Client
from tests.fixtures.service import Service
from tests.security.forged_tokens import FORGED, Forge, RealToken


@pytest.fixture
def real(sys_admin: Client, service: Service) -> RealToken:
    """The sys_admin's own token: what a forger would want most."""
    secret = service.settings.secret.key
    assert secret is not None
    assert sys_admin.token is not None
    return RealToken(sys_admin.token, secret.get_secret_value())


def _bearing(token: str) -> dict[str, bytes]:
    return {"Authorization": b"Bearer " + token.encode("utf-8", "surrogatepass")}


def test_there_are_more_forgeries_than_the_threat_model_asks_for() -> None:
    assert len(FORGED) >= 17


@pytest.mark.parametrize("forge", [pytest.param(forge, id=name) for name, forge in FORGED.items()])
async def test_a_forged_token_is_refused_and_the_real_one_still_good(
    anonymous: Client, sys_admin: Client, real: RealToken, *, forge: Forge
) -> None:
    forged = forge(real)

    answer = await anonymous.get("/api/me", headers=_bearing(forged))

    assert answer.status_code == 401
    assert answer.headers["WWW-Authenticate"] == "Bearer"
    assert set(answer.json()) == {"error"}
    assert answer.json()["error"]["code"] == "not_signed_in"
    assert answer.json()["error"]["fields"] == []
    assert (await sys_admin.get("/api/me")).status_code == 200


async def test_the_same_claims_signed_again_are_taken(anonymous: Client, real: RealToken) -> None:
    # Or the forgeries above might be refused for a mistake of the forger's.
    again = real.signed_again(header={"kid": real.header["kid"]})

    answer = await anonymous.get("/api/me", headers=_bearing(again))

    assert answer.status_code == 200


@pytest.mark.parametrize(
    "value",
    [
        pytest.param("", id="empty"),
        pytest.param("Bearer", id="no token"),
        pytest.param("Basic cm9vdDpyb290", id="another scheme"),
        pytest.param("Bearer{token}", id="no blank"),
        pytest.param("Token {token}", id="a made-up scheme"),
        pytest.param("Bearer {token} {token}", id="the token twice"),
        pytest.param("Bearer {token},Bearer {token}", id="two in one header"),
    ],
)
async def test_a_header_that_is_no_bearer_token_is_refused(
    anonymous: Client, real: RealToken, *, value: str
) -> None:
    written = value.format(token=real.text)

    answer = await anonymous.get("/api/me", headers={"Authorization": written})

    assert answer.status_code == 401
    assert answer.json()["error"]["code"] == "not_signed_in"


@pytest.mark.parametrize("place", ["query", "cookie"])
async def test_a_token_counts_nowhere_but_in_its_header(
    anonymous: Client, real: RealToken, *, place: str
) -> None:
    named = {"token": real.text, "access_token": real.text, "authorization": f"Bearer {real.text}"}
    sent = "; ".join(f"{name}={value}" for name, value in named.items())

    answer = await anonymous.get(
        "/api/me",
        params=named if place == "query" else {},
        headers={"Cookie": sent} if place == "cookie" else {},
    )

    assert answer.status_code == 401
