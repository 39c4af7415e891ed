"""What an entry of the audit trail says and shows of a change; nothing secret, nothing endless."""

from datetime import UTC, datetime, timedelta
from typing import Any
from uuid import UUID

import orjson
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from cadence.domains.orchestrators import plugin_values
from cadence.infra.database.audit_change import (
    LARGEST_CHANGE,
    LONGEST_PATH,
    LONGEST_TEXT,
    MORE,
    SEALED,
    SECRET,
    show_change,
)
from cadence.infra.database.audit_rows import audited_tables
from cadence.infra.database.audited import Audited, RowChange, Values, merged
from cadence.infra.database.base import Base
from cadence.kernel.ids import first_uuid_at, new_uuid, time_of

CANARY = "canary-in-the-change"
SMELLS = ("hash", "key", "secret", "seal", "token", "password")

LAMP = Audited(
    object_type="lamp",
    untold=frozenset({"hours"}),
    secret=frozenset({"code"}),
    verbs={"is_on": {True: "light", False: "douse"}, "code": "lock"},
)


def lamp(before: Values | None, after: Values | None, **more: Any) -> RowChange:
    said = {"object_id": "7", "organization_id": None, "name": "desk", **more}
    return RowChange(audited=LAMP, before=before, after=after, **said)


def smells_of_a_secret(column: str) -> bool:
    return any(smell in column for smell in SMELLS)


@pytest.mark.parametrize(
    ("before", "after", "action"),
    [
        pytest.param(None, {"is_on": True}, "lamp.create", id="a new one that is lit"),
        pytest.param({"is_on": True}, None, "lamp.remove", id="gone"),
        pytest.param({"name": "a"}, {"name": "b"}, "lamp.change", id="renamed"),
        pytest.param({"is_on": False}, {"is_on": True}, "lamp.light", id="lit"),
        pytest.param({"is_on": True}, {"is_on": False}, "lamp.douse", id="doused"),
        pytest.param({"is_on": True}, {"is_on": None}, "lamp.change", id="a value without a verb"),
        pytest.param({"code": "1"}, {"code": "2"}, "lamp.lock", id="any new value"),
        pytest.param(
            {"code": "1", "is_on": True, "name": "a"},
            {"code": "2", "is_on": False, "name": "b"},
            "lamp.douse",
            id="the first verb that fits",
        ),
    ],
)
def test_an_action_says_what_was_done(
    before: Values | None, after: Values | None, *, action: str
) -> None:
    assert lamp(before, after).action == action
    assert action in set(LAMP.actions())


def test_what_says_by_itself_who_and_when_is_not_told_again() -> None:
    told = [
        column
        for column in ("id", "organization_id", "created_at", "updated_by", "hours", "name")
        if LAMP.tells(column)
    ]

    assert told == ["name"]


@pytest.mark.parametrize(
    ("changes", "before", "after"),
    [
        pytest.param(
            [({"a": 1}, {"a": 2}), ({"b": 1}, {"b": 2})],
            {"a": 1, "b": 1},
            {"a": 2, "b": 2},
            id="two fields, one after the other",
        ),
        pytest.param(
            [({"a": 1}, {"a": 2}), ({"a": 2}, {"a": 3})], {"a": 1}, {"a": 3}, id="twice the same"
        ),
        pytest.param(
            [(None, {"a": 1}), ({"a": 1}, {"a": 2, "b": 1})],
            None,
            {"a": 2, "b": 1},
            id="created and changed",
        ),
        pytest.param(
            [({"a": 1}, {"a": 2}), ({"a": 2, "b": 1}, None)],
            {"a": 1, "b": 1},
            None,
            id="changed and removed",
        ),
        pytest.param(
            [({"a": 1, "b": 1}, None), (None, {"a": 2, "b": 1})],
            {"a": 1},
            {"a": 2},
            id="removed and created again",
        ),
    ],
)
def test_what_one_transaction_does_to_an_object_is_one_change(
    changes: list[tuple[Values | None, Values | None]],
    before: Values | None,
    *,
    after: Values | None,
) -> None:
    (told,) = merged(lamp(old, new) for old, new in changes)

    assert (told.before, told.after) == (before, after)


@pytest.mark.parametrize(
    "changes",
    [
        pytest.param([({"a": 1}, {"a": 2}), ({"a": 2}, {"a": 1})], id="there and back"),
        pytest.param([(None, {"a": 1}), ({"a": 1}, None)], id="created and removed"),
        pytest.param([({}, {})], id="nothing"),
    ],
)
def test_what_comes_to_nothing_is_not_told(
    changes: list[tuple[Values | None, Values | None]],
) -> None:
    assert merged(lamp(old, new) for old, new in changes) == []


def test_other_objects_keep_their_own_changes_in_order() -> None:
    changes = [lamp({"a": 1}, {"a": 2}), lamp(None, {"a": 1}, object_id="8"), lamp({}, {"a": 9})]

    assert [(told.object_id, told.after) for told in merged(changes)] == [
        ("7", {"a": 9}),
        ("8", {"a": 1}),
    ]


def test_the_last_name_is_the_one_that_is_told() -> None:
    changes = [lamp({"a": 1}, {"a": 2}), lamp({"b": 1}, {"b": 2}, name="floor"), lamp({}, {"c": 1})]

    assert merged(changes)[0].name == "desk"
    assert merged([*changes, lamp({}, {"d": 1}, name=None)])[0].name == "desk"


def test_a_change_shows_both_sides_and_only_what_differs() -> None:
    shown = show_change(
        {"name": "a", "note": None, "same": 1}, {"name": "b", "note": "", "same": 1}, secret=()
    )

    assert shown == {"name": {"from": "a", "to": "b"}, "note": {"from": None, "to": ""}}


def test_a_new_object_has_no_from_a_removed_one_no_to_and_neither_tells_of_nothing() -> None:
    values = {"name": "a", "note": None, "is_on": False}

    assert show_change(None, values, secret=()) == {"name": {"to": "a"}, "is_on": {"to": False}}
    assert show_change(values, None, secret=()) == {"name": {"from": "a"}, "is_on": {"from": False}}


def test_json_is_told_by_the_path_that_has_changed() -> None:
    shown = show_change(
        {"config": {"mode": {"prompt": "a", "limit": 1}, "gone": [1], "kept": {"x": 1}}},
        {"config": {"mode": {"prompt": "b", "limit": 1}, "new": [2], "kept": {"x": 1}}},
        secret=(),
    )

    assert shown == {
        "config.mode.prompt": {"from": "a", "to": "b"},
        "config.gone": {"from": [1]},
        "config.new": {"to": [2]},
    }


def test_times_and_ids_are_told_as_texts() -> None:
    noon, some_id = datetime(2026, 11, 20, 12, tzinfo=UTC), UUID(int=7)

    shown = show_change(None, {"at": noon, "who": some_id, "all": [some_id]}, secret=())

    assert shown == {
        "at": {"to": "2026-11-20T12:00:00+00:00"},
        "who": {"to": str(some_id)},
        "all": {"to": [str(some_id)]},
    }


def test_a_secret_column_is_told_as_changed_and_never_shown() -> None:
    before, after = {"code": CANARY}, {"code": f"{CANARY}-2"}

    assert show_change(before, after, secret={"code"}) == {"code": {"from": SECRET, "to": SECRET}}
    assert show_change(None, after, secret={"code"}) == {"code": {"to": SECRET}}
    assert show_change({"code": None}, after, secret={"code"}) == {
        "code": {"from": None, "to": SECRET}
    }
    assert show_change(before, before, secret={"code"}) == {}


def test_sealed_values_are_masked_wherever_they_stand() -> None:
    sealed, resealed = {SEALED: CANARY}, {SEALED: f"{CANARY}-2"}

    shown = show_change(
        {"settings": {"p": {"token": sealed, "open": 1}, "list": [sealed]}},
        {"settings": {"p": {"token": resealed, "open": 2}, "list": [[resealed]]}},
        secret=(),
    )

    assert shown == {
        "settings.p.token": {"from": SECRET, "to": SECRET},
        "settings.p.open": {"from": 1, "to": 2},
        "settings.list": {"from": [SECRET], "to": [[SECRET]]},
    }


def test_sealed_values_are_marked_as_orchestrators_mark_them() -> None:
    assert SEALED == plugin_values.SEALED


def test_a_long_text_is_cut_and_its_length_said() -> None:
    text = "ä" * (LONGEST_TEXT + 1)

    shown = show_change({"text": "x" * LONGEST_TEXT}, {"text": text}, secret=())["text"]

    assert shown["from"] == "x" * LONGEST_TEXT
    assert shown["to"] == "ä" * LONGEST_TEXT + "… (501 characters)"


def test_a_long_list_is_cut_and_keeps_no_secret() -> None:
    long_list = [{SEALED: CANARY}, *range(1000)]

    shown = show_change(None, {"list": long_list}, secret=())["list"]["to"]

    assert shown.startswith(f'["{SECRET}",0,1,')
    assert shown.endswith(f"… ({len(orjson.dumps([SECRET, *range(1000)]))} characters)")


def test_fields_without_end_are_counted() -> None:
    config = {f"field {number}": "x" * LONGEST_TEXT for number in range(1000)}

    shown = show_change(None, {"config": config}, secret=())

    assert shown[MORE] == {"to": f"{1000 - (len(shown) - 1)} fields are not shown"}


TEXTS = st.sampled_from(["", "a", "b.c", SEALED, "\u00e9" * 501, '"' * 2000])
JSON = st.recursive(
    st.none() | st.booleans() | st.integers(-(2**53), 2**53) | TEXTS,
    lambda inner: st.lists(inner, max_size=4) | st.dictionaries(TEXTS, inner, max_size=4),
    max_leaves=20,
)
CHANGED = st.dictionaries(st.text(max_size=9), JSON, max_size=9)


@settings(deadline=None)
@given(before=st.none() | CHANGED, after=CHANGED)
def test_whatever_changes_fits_into_an_entry(
    before: dict[str, Any] | None, after: dict[str, Any]
) -> None:
    shown = show_change(before, after, secret=())

    # The field that says how many are left out comes on top.
    assert len(orjson.dumps(shown)) <= LARGEST_CHANGE + 100
    assert all(len(path) <= LONGEST_PATH + 30 for path in shown)
    assert all(set(sides) <= {"from", "to"} and sides for sides in shown.values())


def test_a_column_that_smells_of_a_secret_is_one_or_is_not_told() -> None:
    told = [
        (table, column, audited)
        for table, audited in audited_tables().items()
        for column in filter(audited.tells, Base.metadata.tables[table].columns.keys())
    ]
    smelling = {f"{table}.{column}" for table, column, _ in told if smells_of_a_secret(column)}
    secret = {f"{table}.{column}" for table, column, audited in told if column in audited.secret}

    assert secret == smelling
    assert secret == {
        "users.password_hash",
        "llm_configs.secret_id",
        "llm_configs.sealed_key",
        "llm_configs.key_hint",
        "api_keys.key_hash",
        "api_keys.key_hint",
        "mcp_servers.secret_id",
        "mcp_servers.sealed_headers",
    }


def test_everything_that_admins_keep_is_audited_and_people_s_own_words_are_not() -> None:
    assert set(audited_tables()) == {
        "users",
        "organizations",
        "memberships",
        "llm_configs",
        "plugins",
        "plugin_network_approvals",
        "mcp_servers",
        "orchestrators",
        "api_keys",
        "settings",
    }


@pytest.mark.parametrize("audited", audited_tables().values(), ids=lambda found: found.object_type)
def test_what_is_declared_of_a_table_are_columns_that_it_has(audited: Audited) -> None:
    (table,) = (name for name, found in audited_tables().items() if found is audited)
    columns = set(Base.metadata.tables[table].columns.keys())

    assert {audited.id, *audited.name, *audited.untold, *audited.secret, *audited.verbs} <= columns


def test_an_id_tells_its_time_and_a_time_the_first_id_of_it() -> None:
    made = new_uuid()
    at = time_of(made)

    assert first_uuid_at(at) <= made < first_uuid_at(at + timedelta(milliseconds=1))
    assert first_uuid_at(at - timedelta(microseconds=1)) == first_uuid_at(at)
    assert first_uuid_at(at + timedelta(microseconds=1)) > made
    assert first_uuid_at(datetime(1, 1, 1, tzinfo=UTC)) == UUID(int=0)
    assert first_uuid_at(datetime.max.replace(tzinfo=UTC)) > made
