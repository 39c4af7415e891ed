"""Plugin settings: what is sealed, what is shown, and what only pretends to be sealed."""

from typing import Any
from uuid import UUID

import pytest

from cadence.domains.orchestrators.plugin_values import (
    MASK,
    SEALED,
    PluginValueSealer,
    masked,
    place_of,
    problems_with,
    sealed_texts,
)
from cadence.infra.secrets.keyring import Keyring, generate_key
from cadence.infra.secrets.sealing import Sealer, kid_of
from cadence.kernel.ids import OrchestratorId, OrganizationId

OLD, NEW = generate_key(), generate_key()
PLUGIN = UUID("0198c0de-0000-7000-8000-000000000001")
SCHEMA: list[dict[str, Any]] = [
    {"key": "token", "type": "str", "description": "A secret.", "sensitive": True},
    {"key": "options", "type": "dict", "description": "No secret."},
]
VALUES = {"token": "canary", "options": {"depth": 3}}


def seals(ring: str) -> PluginValueSealer:
    return PluginValueSealer(
        sealer=Sealer(Keyring.parse(ring)),
        organization_id=OrganizationId(UUID("0198c0de-0000-7000-8000-00000000000a")),
        orchestrator_id=OrchestratorId(UUID("0198c0de-0000-7000-8000-00000000000b")),
    )


def test_sensitive_values_alone_are_sealed_masked_and_opened() -> None:
    stored = seals(f"k1:{OLD}").seal(PLUGIN, SCHEMA, VALUES)

    assert sealed_texts(stored).keys() == {"token"}
    assert masked(stored) == {"token": MASK, "options": {"depth": 3}}
    assert seals(f"k1:{OLD}").open(PLUGIN, stored) == VALUES


def test_a_renewed_value_opens_with_the_primary_alone() -> None:
    stored = seals(f"k1:{OLD}").seal(PLUGIN, SCHEMA, VALUES)
    sealed = sealed_texts(stored)["token"]

    renewed = seals(f"k2:{NEW},k1:{OLD}").renew(PLUGIN, "token", sealed)

    assert kid_of(str(renewed[SEALED])) == "k2"
    assert seals(f"k2:{NEW}").open(PLUGIN, {**stored, "token": renewed}) == VALUES


@pytest.mark.parametrize(
    "forged",
    [
        pytest.param({SEALED: "v1.k9.AAAA"}, id="a kid of one's own"),
        pytest.param({SEALED: 5}, id="no text"),
        pytest.param({SEALED: None, "more": 1}, id="beside others"),
    ],
)
def test_a_client_cannot_send_what_would_be_taken_for_sealed(forged: object) -> None:
    problems = problems_with(place_of(PLUGIN), SCHEMA, {"options": forged})

    assert [(problem.path, problem.message) for problem in problems] == [
        (f"plugin_settings.{PLUGIN}.options", "must not have the key $sealed")
    ]


def test_deeper_down_the_word_is_free() -> None:
    values = {"options": {"note": {SEALED: "v1.k9.AAAA"}}}

    assert problems_with(place_of(PLUGIN), SCHEMA, values) == []
    assert sealed_texts(values) == {}
