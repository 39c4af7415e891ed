"""LLM configs of one organization, on a real database."""

import asyncio
from collections.abc import Awaitable, Callable
from dataclasses import replace
from typing import Any

import pytest
from sqlalchemy import update

from cadence.domains.llm_configs.errors import (
    LlmConfigInUse,
    LlmConfigMissing,
    LlmConfigNameTaken,
    OfflineModelDisabled,
)
from cadence.domains.llm_configs.repository import LlmConfigRepository
from cadence.domains.llm_configs.schemas import LlmConfigChange, LlmConfigCreate, LlmConfigQuery
from cadence.domains.llm_configs.service import LlmConfigService
from cadence.domains.llm_configs.summary import LlmConfigSummary
from cadence.engine.spec import ModelSpec, Provider
from cadence.infra.database.auditing import UNTOLD
from cadence.infra.database.reach import PLATFORM
from cadence.infra.database.tables import LlmConfig
from cadence.infra.database.transaction import transaction
from cadence.infra.events.messages import Action
from cadence.infra.secrets.sealing import SecretUnreadable
from cadence.kernel.actors import operator_actor
from cadence.kernel.errors import CadenceError, InvalidInput, NotFound
from cadence.kernel.ids import LlmConfigId
from cadence.kernel.paging import encode_cursor
from tests.factories.llm_configs import Desk

KEY = "sk-canary-000111222"
UNKNOWN = LlmConfigId(4711)


async def change(desk: Desk, config_id: LlmConfigId, **fields: object) -> LlmConfigSummary:
    async with desk.open() as configs:
        return await configs.change(config_id, LlmConfigChange.model_validate(fields))


async def resolve(desk: Desk, config_id: LlmConfigId) -> ModelSpec:
    async with desk.open() as configs:
        return (await configs.resolve([config_id]))[config_id]


async def test_a_key_is_stored_sealed_and_resolved_open(acme: Desk) -> None:
    config_id = await acme.create(model_name="gpt-4.1")

    row = await acme.row(config_id)
    spec = await resolve(acme, config_id)

    assert row.sealed_key is not None
    assert row.sealed_key.startswith("v1.k1.")
    assert KEY not in row.sealed_key
    assert row.key_hint == KEY[-4:]
    assert spec == ModelSpec(
        provider=Provider.OPENAI,
        model="gpt-4.1",
        base_url="https://api.openai.com/v1",
        api_key=KEY,
        llm_config_id=config_id,
        version=1,
    )
    assert KEY not in repr(spec)


@pytest.mark.parametrize(("key", "hint"), [("k" * 8 + "abc", None), ("k" * 8 + "abcd", "abcd")])
async def test_a_short_key_is_not_hinted_at(acme: Desk, key: str, hint: str | None) -> None:
    config_id = await acme.create(api_key=key)

    async with acme.open() as configs:
        assert (await configs.get(config_id)).key_hint == hint


async def test_the_offline_model_is_resolved_to_this_server(acme: Desk) -> None:
    config_id = await acme.create(provider="offline", api_key=None)

    spec = await resolve(acme, config_id)

    assert (await acme.row(config_id)).base_url is None
    assert spec.base_url == "http://127.0.0.1:8000/offline/v1"
    assert (spec.model, spec.api_key) == ("offline", "")


async def test_an_offline_config_says_so_when_the_model_is_not_served_any_more(acme: Desk) -> None:
    config_id = await acme.create(provider="offline", api_key=None)
    acme.around = replace(acme.around, offline_base_url=None)

    with pytest.raises(OfflineModelDisabled):
        await resolve(acme, config_id)


async def test_a_name_is_taken_once_in_each_organization(acme: Desk, rival: Desk) -> None:
    await acme.create(name="main")
    await rival.create(name="main")

    with pytest.raises(LlmConfigNameTaken):
        await acme.create(name="main")


async def test_a_lost_race_for_a_name_is_a_taken_name_as_well(acme: Desk) -> None:
    await acme.create(name="main")
    row = await acme.row(await acme.create(name="other"))

    async with transaction(acme.sessions, PLATFORM, actor=operator_actor()) as session:
        # Past the service's look-up, as a request that looked a moment earlier would be.
        repository = LlmConfigRepository(session, acme.organization_id)
        with pytest.raises(LlmConfigNameTaken):
            await repository.create(_copy(row, name="main"))


def _copy(row: LlmConfig, *, name: str) -> LlmConfig:
    return LlmConfig(
        organization_id=row.organization_id,
        name=name,
        provider=row.provider,
        options={},
        secret_id=row.secret_id,
        version=1,
        created_at=row.created_at,
        updated_at=row.updated_at,
    )


@pytest.mark.parametrize(
    ("fields", "version"),
    [
        pytest.param({}, 1, id="nothing"),
        pytest.param({"name": "renamed"}, 1, id="name"),
        pytest.param({"model_name": None}, 1, id="the same as before"),
        pytest.param({"api_key": "sk-canary-999888777"}, 2, id="key"),
        pytest.param({"model_name": "gpt-4.1"}, 2, id="model"),
        pytest.param({"options": {"project": "p"}}, 2, id="options"),
        pytest.param(
            {"base_url": "https://eu.api.openai.com/v1", "api_key": "sk-canary-999888777"},
            2,
            id="address and key",
        ),
    ],
)
async def test_what_a_model_must_follow_makes_a_new_version_and_an_event(
    acme: Desk, fields: dict[str, Any], version: int
) -> None:
    config_id = await acme.create()
    user = await acme.use("user", {"default_llm_config_id": config_id})
    await acme.use("other", {"default_llm_config_id": UNKNOWN})

    await change(acme, config_id, **fields)

    assert (await acme.row(config_id)).version == version
    assert [
        (event.action, event.organization_id, event.orchestrator_id, event.config_hash)
        for event in acme.announced
    ] == [(Action.RELOAD, str(acme.organization_id), str(user.id), "hash of user")] * (version - 1)


async def test_a_changed_key_is_the_one_resolved(acme: Desk) -> None:
    config_id = await acme.create()
    before = await acme.row(config_id)

    summary = await change(acme, config_id, api_key="sk-canary-999888777")

    after = await acme.row(config_id)
    assert (await resolve(acme, config_id)).api_key == "sk-canary-999888777"
    assert summary.key_hint == "8777"
    assert after.secret_id != before.secret_id
    assert after.updated_at > before.updated_at


async def test_null_clears_what_may_be_empty(acme: Desk) -> None:
    config_id = await acme.create(
        provider="offline", model_name="m", base_url="https://acme.example/v1"
    )

    summary = await change(
        acme, config_id, api_key=None, model_name=None, base_url=None, options=None
    )

    assert (summary.has_key, summary.key_hint) == (False, None)
    assert (summary.model_name, summary.base_url, summary.options) == (None, None, {})


@pytest.mark.parametrize(
    ("fields", "path"),
    [
        pytest.param({"api_key": None}, "api_key", id="key that is required"),
        pytest.param({"base_url": "https://thief.example/v1"}, "api_key", id="key left behind"),
        pytest.param(
            {"base_url": "http://10.0.0.1/", "api_key": KEY}, "base_url", id="inner address"
        ),
        pytest.param({"options": {"deployment": "d"}}, "options.deployment", id="foreign option"),
    ],
)
async def test_a_refused_change_changes_nothing(
    acme: Desk, fields: dict[str, Any], path: str
) -> None:
    config_id = await acme.create()
    await acme.use("user", {"default_llm_config_id": config_id})
    before = await acme.row(config_id)

    with pytest.raises(InvalidInput) as refused:
        await change(acme, config_id, **fields)

    after = await acme.row(config_id)
    assert [problem.path for problem in refused.value.fields] == [path]
    assert (after.version, after.sealed_key) == (before.version, before.sealed_key)
    assert acme.announced == []


async def test_a_config_in_use_is_kept_and_its_users_are_named(acme: Desk) -> None:
    config_id = await acme.create()
    await acme.use("Support", {"default_llm_config_id": config_id})
    await acme.use(
        "Billing",
        {
            "default_llm_config_id": UNKNOWN,
            "mode_config": {"validation_node": {"llm_config_id": config_id}},
        },
    )

    async with acme.open() as configs:
        with pytest.raises(LlmConfigInUse, match='"Billing", "Support"'):
            await configs.remove(config_id)

    assert (await acme.row(config_id)).id == config_id


async def test_a_long_list_of_users_is_cut_short() -> None:
    message = LlmConfigInUse([f"o{number}" for number in range(12)]).message

    assert message.endswith('"o9" and 2 more.')


async def test_another_organizations_use_does_not_keep_a_config(acme: Desk, rival: Desk) -> None:
    config_id = await acme.create()
    await rival.use("Spy", {"default_llm_config_id": config_id})

    async with acme.open() as configs:
        await configs.remove(config_id)

    async with acme.open() as configs:
        with pytest.raises(NotFound):
            await configs.get(config_id)


@pytest.mark.parametrize(
    "call",
    [
        pytest.param(lambda configs, config_id: configs.get(config_id), id="get"),
        pytest.param(lambda configs, config_id: configs.remove(config_id), id="remove"),
        pytest.param(
            lambda configs, config_id: configs.change(config_id, LlmConfigChange(name="x")),
            id="change",
        ),
        pytest.param(lambda configs, config_id: configs.resolve([config_id]), id="resolve"),
    ],
)
async def test_a_foreign_config_is_as_unknown_as_one_that_never_was(
    acme: Desk, rival: Desk, call: Callable[[LlmConfigService, LlmConfigId], Awaitable[object]]
) -> None:
    theirs = await rival.create()
    before = await rival.row(theirs)

    refusals: list[CadenceError] = []
    for config_id in (theirs, UNKNOWN):
        async with acme.open() as configs:
            with pytest.raises((NotFound, LlmConfigMissing)) as refused:
                await call(configs, config_id)
        refusals.append(refused.value)

    after = await rival.row(theirs)
    assert refusals[0].message == refusals[1].message
    assert (after.name, after.updated_at) == (before.name, before.updated_at)


async def test_missing_ids_are_told_from_own_ones(acme: Desk, rival: Desk) -> None:
    ours, theirs = await acme.create(), await rival.create()

    async with acme.open() as configs:
        missing = await configs.missing([ours, ours, theirs, UNKNOWN, LlmConfigId(2**70)])

    assert missing == {theirs, UNKNOWN, LlmConfigId(2**70)}


async def test_pages_walk_all_configs_in_order_and_no_foreign_one(acme: Desk, rival: Desk) -> None:
    ours = [await acme.create(name=f"config {number}") for number in range(3)]
    await rival.create()

    async with acme.open() as configs:
        first = await configs.page(LlmConfigQuery(limit=2))
        assert first.next is not None
        second = await configs.page(LlmConfigQuery(limit=2, after=first.next))

    assert [config.id for config in [*first.items, *second.items]] == ours
    assert second.next is None


@pytest.mark.parametrize("after", ["", "x", encode_cursor("1"), encode_cursor("x.1")])
async def test_a_cursor_of_another_list_is_refused(acme: Desk, after: str) -> None:
    async with acme.open() as configs:
        with pytest.raises(InvalidInput) as refused:
            await configs.page(LlmConfigQuery(after=after))

    assert refused.value.fields[0].path == "after"


async def test_a_key_moved_into_another_row_does_not_open(acme: Desk, rival: Desk) -> None:
    ours, sibling, theirs = (
        await acme.create(name="one"),
        await acme.create(name="two"),
        await rival.create(),
    )
    stolen = await rival.row(theirs)

    for values in (
        {"sealed_key": stolen.sealed_key, "secret_id": stolen.secret_id},
        {"sealed_key": stolen.sealed_key},
        {"sealed_key": (await acme.row(sibling)).sealed_key},
    ):
        async with transaction(acme.sessions, PLATFORM, actor=operator_actor()) as session:
            tampering = update(LlmConfig).where(LlmConfig.id == ours).values(**values)
            await session.execute(tampering, execution_options=UNTOLD)
        with pytest.raises(SecretUnreadable):
            await resolve(acme, ours)


async def test_an_old_key_put_back_does_not_open(acme: Desk) -> None:
    config_id = await acme.create()
    old = (await acme.row(config_id)).sealed_key
    await change(acme, config_id, api_key="sk-canary-999888777")

    async with transaction(acme.sessions, PLATFORM, actor=operator_actor()) as session:
        tampering = update(LlmConfig).where(LlmConfig.id == config_id).values(sealed_key=old)
        await session.execute(tampering, execution_options=UNTOLD)

    with pytest.raises(SecretUnreadable):
        await resolve(acme, config_id)


async def test_changes_at_the_same_time_are_all_counted(acme: Desk) -> None:
    config_id = await acme.create()

    async with asyncio.TaskGroup() as tasks:
        for number in range(8):
            tasks.create_task(change(acme, config_id, model_name=f"m{number}"))

    assert (await acme.row(config_id)).version == 9


async def test_a_create_that_is_refused_stores_nothing(acme: Desk) -> None:
    with pytest.raises(InvalidInput):
        await acme.create(base_url="http://10.1.2.3/v1")

    async with acme.open() as configs:
        assert (await configs.page(LlmConfigQuery())).items == []
        asked = LlmConfigCreate.model_validate(
            {
                "name": "main",
                "provider": "openai",
                "api_key": KEY,
                "base_url": "http://127.0.0.1/v1",
            }
        )
        assert (await configs.create(asked)).base_url == "http://127.0.0.1/v1"
