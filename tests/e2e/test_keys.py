"""`cadence keys`, as an operator goes from one sealing key to the next."""

import asyncio
import re
from collections.abc import Awaitable, Callable
from pathlib import Path

import pytest

from cadence.infra.database.engine import build_sessions, open_database
from cadence.infra.database.reach import PLATFORM
from cadence.infra.database.tables import LlmConfig
from cadence.infra.database.transaction import transaction
from cadence.infra.secrets.keyring import (
    Keyring,
    generate_key,
    load_or_create_development_keys,
)
from cadence.infra.secrets.sealing import Sealer
from cadence.kernel.actors import operator_actor
from tests.factories.sealed import SealedRows
from tests.fixtures.operators import Operator
from tests.fixtures.production import PRODUCTION

pytestmark = pytest.mark.slow

OLD, NEW = generate_key(), generate_key()
BEFORE = {"CADENCE_ENCRYPTION_KEYS": f"k1:{OLD}"}
DURING = {"CADENCE_ENCRYPTION_KEYS": f"k2:{NEW},k1:{OLD}"}
AFTER = {"CADENCE_ENCRYPTION_KEYS": f"k2:{NEW}"}


@pytest.fixture
def migrated(operator: Operator) -> Operator:
    assert operator.types("keys", "status", **BEFORE).code == 0
    return operator


def in_store(folder: Path, act: Callable[[SealedRows], Awaitable[None]]) -> None:
    """Do something to what is stored below the operator's folder."""

    async def run() -> None:
        url = f"sqlite:///{folder / 'var' / 'cadence.db'}"
        async with open_database(url, pool_size=1) as engine:
            await act(SealedRows(sessions=build_sessions(engine)))

    asyncio.run(run())


def fill(folder: Path, sealer: Sealer) -> None:
    """Store three keys and four plugin settings."""

    async def act(rows: SealedRows) -> None:
        organization_id = await rows.add_organization("Acme")
        await rows.add_configs(sealer, organization_id, count=3)
        await rows.add_orchestrators(sealer, organization_id, count=2)

    in_store(folder, act)


def spoil_first_key(folder: Path) -> None:
    async def act(rows: SealedRows) -> None:
        first, second, *_ = sorted((await rows.configs()).values(), key=lambda row: row.id)
        async with transaction(rows.sessions, PLATFORM, actor=operator_actor()) as session:
            (await session.get_one(LlmConfig, first.id)).sealed_key = second.sealed_key

    in_store(folder, act)


def sealer_of(ring: dict[str, str]) -> Sealer:
    return Sealer(Keyring.parse(ring["CADENCE_ENCRYPTION_KEYS"]))


def test_a_key_goes_out_of_use_step_by_step(migrated: Operator) -> None:
    fill(migrated.folder, sealer_of(BEFORE))

    before = migrated.types("keys", "status", **DURING)
    early = migrated.types("keys", "retire", "k1", **DURING)
    rotated = migrated.types("keys", "rotate", **DURING)
    after = migrated.types("keys", "status", **DURING)
    retired = migrated.types("keys", "retire", "k1", **DURING)
    alone = migrated.types("keys", "status", **AFTER)

    assert [done.code for done in (before, early, rotated, after, retired, alone)] == [
        0,
        2,
        0,
        0,
        0,
        0,
    ]
    assert before.out.splitlines() == [
        "primary          k2",
        "LLM config keys  k1 3",
        "plugin settings  k1 4",
        "MCP headers      none",
        "note             `cadence keys rotate` brings 7 under k2",
    ]
    assert early.reasons == [
        "k1 still seals 3 LLM config keys and 4 plugin settings: run `cadence keys rotate` first."
    ]
    assert rotated.out.splitlines() == [
        "LLM config keys: 3 brought under k2; none left.",
        "LLM config keys: none left under other keys than k2.",
        "plugin settings: 4 brought under k2; none left.",
        "plugin settings: none left under other keys than k2.",
        "MCP headers: none left under other keys than k2.",
        "Next: `cadence keys retire k1`.",
    ]
    assert after.out.splitlines() == [
        "primary          k2",
        "LLM config keys  k2 3",
        "plugin settings  k2 4",
        "MCP headers      none",
        "unused           k1: `cadence keys retire k1`",
    ]
    assert "remove the entry that begins with `k1:` from CADENCE_ENCRYPTION_KEYS" in retired.out
    assert "BAD" not in alone.out
    for done in (before, early, rotated, after, retired, alone):
        assert OLD not in done.out + done.err
        assert NEW not in done.out + done.err
        assert "canary" not in done.out + done.err


def lacking(sealed: str) -> str:
    return (
        f"CADENCE_ENCRYPTION_KEYS lacks the key k1, which seals {sealed}: put it back as one more "
        "entry; docs/keys.md says what to do when it is lost."
    )


def test_nothing_starts_without_a_key_that_something_is_sealed_with(migrated: Operator) -> None:
    fill(migrated.folder, sealer_of(BEFORE))
    told = [lacking("3 LLM config keys"), lacking("4 plugin settings")]

    served = migrated.types("serve", **AFTER)
    examined = migrated.types("doctor", **AFTER)
    status = migrated.types("keys", "status", **AFTER)
    rotated = migrated.types("keys", "rotate", **AFTER)

    assert (served.code, served.reasons) == (2, told)
    assert examined.code == status.code == rotated.code == 1
    for written in (examined.out, status.out):
        bad = [line for line in written.splitlines() if line.startswith("BAD")]
        assert [line.partition("CADENCE")[2] for line in bad] == [
            line.removeprefix("CADENCE") for line in told
        ]
    assert "LLM config 1: what is sealed there cannot be opened" in rotated.out
    assert migrated.types("doctor", **DURING).code == 0


def test_a_lost_key_is_replaced_by_one_that_opens_nothing(migrated: Operator) -> None:
    """So that the service starts, and what was lost can be entered again (docs/keys.md)."""
    fill(migrated.folder, sealer_of(BEFORE))
    ring = {"CADENCE_ENCRYPTION_KEYS": f"k2:{NEW},k1:{generate_key()}"}

    started = migrated.types("doctor", **ring)
    rotated = migrated.types("keys", "rotate", **ring)

    assert started.code == 0
    assert rotated.code == 1
    assert len(re.findall("cannot be opened", rotated.out)) == 5


def test_a_key_that_does_not_open_is_named_and_the_rest_is_rotated(migrated: Operator) -> None:
    fill(migrated.folder, sealer_of(BEFORE))
    spoil_first_key(migrated.folder)

    rotated = migrated.types("keys", "rotate", **DURING)
    refused = migrated.types("keys", "retire", "k1", **DURING)

    assert rotated.code == 1
    assert "LLM config 1: what is sealed there cannot be opened; left as it is." in rotated.out
    assert rotated.out.splitlines()[-1] == "Not everything could be brought under the primary key."
    assert refused.reasons == ["k1 still seals 1 LLM config keys: run `cadence keys rotate` first."]


@pytest.mark.parametrize(
    ("kid", "told"),
    [
        pytest.param("k2", "k2 is the primary key: put another one before it first.", id="primary"),
        pytest.param(
            "k9",
            "CADENCE_ENCRYPTION_KEYS has no key of this id; it has k2, k1.",
            id="unknown",
        ),
    ],
)
def test_some_keys_are_never_retired(migrated: Operator, kid: str, told: str) -> None:
    refused = migrated.types("keys", "retire", kid, **DURING)

    assert (refused.code, refused.reasons) == (2, [told])


def test_development_keys_are_added_and_removed_in_their_file(operator: Operator) -> None:
    path = operator.folder / "var" / "dev-keys.json"
    assert operator.types("keys", "status").code == 0
    fill(operator.folder, Sealer(load_or_create_development_keys(path)))

    added = operator.types("keys", "generate", "--add")
    rotated = operator.types("keys", "rotate")
    retired = operator.types("keys", "retire", "dev1")
    status = operator.types("keys", "status")

    assert [done.code for done in (added, rotated, retired, status)] == [0, 0, 0, 0]
    assert added.out.splitlines()[0] == (
        "Added dev2 to var/dev-keys.json; it seals from the next start on."
    )
    assert retired.out == "Removed dev1 from var/dev-keys.json: nothing is sealed with it.\n"
    assert load_or_create_development_keys(path).kids == ("dev2",)
    assert status.out.splitlines() == [
        "primary          dev2",
        "LLM config keys  dev2 3",
        "plugin settings  dev2 4",
        "MCP headers      none",
    ]


def test_an_added_key_is_printed_where_keys_are_set(operator: Operator) -> None:
    present = PRODUCTION["CADENCE_ENCRYPTION_KEYS"]
    added = operator.types("keys", "generate", "--add", **PRODUCTION)

    entry = added.out.splitlines()[-1]
    assert added.code == 0
    assert Keyring.parse(f"{entry},{present}").kids == ("k2", "k1")
    assert present not in added.out
    assert "CADENCE_ENCRYPTION_KEYS" in added.out


def test_no_key_is_made_up_where_production_lacks_one(operator: Operator) -> None:
    for command in (["status"], ["rotate"], ["retire", "k1"], ["generate", "--add"]):
        refused = operator.types("keys", *command, CADENCE_ENVIRONMENT="production")
        assert refused.code == 2
        assert any("CADENCE_ENCRYPTION_KEYS" in reason for reason in refused.reasons)
    assert list(operator.folder.iterdir()) == []


def test_a_database_that_lacks_migrations_is_told(operator: Operator, postgres_url: str) -> None:
    refused = operator.types("keys", "rotate", CADENCE_POSTGRES_URL=postgres_url, **DURING)

    assert refused.reasons == [
        "The database lacks migrations: run `cadence migrate`, then start again."
    ]
