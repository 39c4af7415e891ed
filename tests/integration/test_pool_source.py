"""What the pool reads of the database: blueprints, hashes to compare, and what was used last."""

from collections.abc import AsyncIterator
from uuid import UUID

import pytest

from cadence.bootstrap import (
    build_egress_rules,
    database_url,
    offline_base_url,
)
from cadence.domains.llm_configs.dependencies import LlmConfigWorkshop
from cadence.domains.llm_configs.rules import Surroundings
from cadence.domains.orchestrators.blueprints import DatabaseBlueprints
from cadence.infra.database.engine import STATEMENT_SECONDS, build_sessions, open_database
from cadence.infra.secrets.chosen_keys import load_keyring
from cadence.infra.secrets.sealing import Sealer
from cadence.kernel.clock import SystemClock
from cadence.kernel.errors import NotFound
from cadence.kernel.ids import OrchestratorId, OrganizationId, new_uuid
from cadence.pool.ports import Key
from tests.fakes.model_server import ModelServer, Say
from tests.fixtures.clients import Organization
from tests.fixtures.orchestrators import Bot, create_bot
from tests.fixtures.service import Service


@pytest.fixture
async def blueprints(service: Service) -> AsyncIterator[DatabaseBlueprints]:
    """The source as a process has it, on the database of the running service."""
    settings, clock = service.settings, SystemClock()
    around = Surroundings(
        egress_rules=build_egress_rules(settings), offline_base_url=offline_base_url(settings)
    )
    workshop = LlmConfigWorkshop(sealer=Sealer(load_keyring(settings)), clock=clock, around=around)
    url = database_url(settings)
    async with open_database(url, pool_size=2, statement_seconds=STATEMENT_SECONDS) as engine:
        yield DatabaseBlueprints(
            sessions=build_sessions(engine), llm_configs=workshop, environment=settings.first_tier
        )


def key_of(bot: Bot) -> Key:
    return (OrganizationId(UUID(bot.admin.organization_id)), OrchestratorId(UUID(bot.id)))


async def hash_of(blueprints: DatabaseBlueprints, bot: Bot) -> str | None:
    """Return the hash to compare, once it is certain that a build would have the same."""
    key = key_of(bot)
    compared = (await blueprints.current_hashes([key]))[key]
    assert compared == (await blueprints.load(*key)).build_hash
    return compared


async def test_each_change_that_a_build_reads_changes_both_hashes_alike(
    bot: Bot, blueprints: DatabaseBlueprints
) -> None:
    place = f"{{org}}/orchestrators/{bot.id}"
    llm = f"{{org}}/llm-configs/{bot.llm_config_id}"
    setting = {"mode_config": {"max_agent_hops": 3}}
    greeting = {bot.plugin_id: {"greeting": "Good day"}}
    hashes = [await hash_of(blueprints, bot)]

    for path, change in (
        (f"{place}/config", {"config": setting}),
        (f"{place}/plugin-settings", {"plugin_settings": greeting}),
        (llm, {"api_key": "sk-another-model-key"}),
        ("{org}/settings", {"temperature": 0.5}),
    ):
        answer = await bot.admin.patch(path, change)
        assert answer.status_code == 200, answer.text
        hashes.append(await hash_of(blueprints, bot))

    assert len(set(hashes)) == 5


async def test_a_name_is_nothing_to_build_anew(bot: Bot, blueprints: DatabaseBlueprints) -> None:
    before = await hash_of(blueprints, bot)

    await bot.admin.patch(f"{{org}}/orchestrators/{bot.id}", {"name": "renamed"})

    assert await hash_of(blueprints, bot) == before


async def test_what_turns_may_not_use_has_no_hash(
    bot: Bot, other_organization: Organization, blueprints: DatabaseBlueprints
) -> None:
    own = key_of(bot)
    stolen = (OrganizationId(UUID(other_organization.id)), own[1])
    unknown = (own[0], OrchestratorId(new_uuid()))

    found = await blueprints.current_hashes([own, stolen, unknown])
    assert found[own] is not None
    assert found[stolen] is None
    assert found[unknown] is None
    with pytest.raises(NotFound):
        await blueprints.load(*stolen)

    await bot.admin.patch(f"{{org}}/orchestrators/{bot.id}", {"status": "disabled"})
    assert (await blueprints.current_hashes([own]))[own] is None


async def test_what_was_talked_to_last_comes_first(
    organization: Organization,
    other_organization: Organization,
    *,
    model: ModelServer,
    blueprints: DatabaseBlueprints,
) -> None:
    first = await create_bot(organization, model.openai_url)
    second = await create_bot(other_organization, model.openai_url)
    assert list(await blueprints.list_recent(limit=2)) == [key_of(second), key_of(first)]

    model.script(Say("x"), Say("Hello."))
    assert (await first.chat("Hello")).status_code == 200

    assert list(await blueprints.list_recent(limit=2)) == [key_of(first), key_of(second)]
    await first.admin.patch(f"{{org}}/orchestrators/{first.id}", {"status": "disabled"})
    assert key_of(first) not in await blueprints.list_recent(limit=None)
