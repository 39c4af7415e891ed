"""What an upgrade says of two versions."""

from datetime import UTC, datetime
from typing import Any

import pytest

from cadence.domains.orchestrators.carrying import Move
from cadence.domains.orchestrators.comparing import show_upgrade
from cadence.domains.orchestrators.upgrading import Upgraded
from cadence.infra.database.tables import Plugin
from cadence.kernel.ids import new_uuid


def version(number: str, **traits: Any) -> Plugin:
    known: dict[str, Any] = {"settings_schema": [], "tools": [], "network": [], **traits}
    return Plugin(
        id=new_uuid(),
        pid="com.acme.report",
        name="Reporting",
        version=number,
        created_at=datetime(2026, 3, 1, tzinfo=UTC),
        **known,
    )


def shown(source: Plugin, target: Plugin) -> dict[str, Any]:
    move = Move(source=source, target=target, values={}, dropped=(), problems=())
    return show_upgrade(Upgraded(move, is_stored=True)).model_dump()


def tools(*names: str) -> list[dict[str, str]]:
    return [{"name": name, "description": "A tool."} for name in names]


@pytest.mark.parametrize(
    ("before", "after", "told"),
    [
        pytest.param(
            ("search", "fetch"),
            ("search", "list"),
            {"added": ["list"], "removed": ["fetch"]},
            id="one came and one went",
        ),
        pytest.param((), ("search",), None, id="unknown before"),
        pytest.param(("search",), (), None, id="unknown after"),
    ],
)
def test_tools_are_compared_where_both_are_known(
    before: tuple[str, ...], after: tuple[str, ...], told: object
) -> None:
    found = shown(version("1.0.0", tools=tools(*before)), version("2.0.0", tools=tools(*after)))

    assert found["tools"] == told


def test_hosts_that_come_and_go_are_named() -> None:
    before = version("1.0.0", network=["api.example.org", "old.example.org"])
    after = version("2.0.0", network=["api.example.org", "new.example.org"])

    told = shown(before, after)["network"]

    assert told == {"added": ["new.example.org"], "removed": ["old.example.org"]}


def test_what_is_required_now_and_was_not_is_named_whether_it_is_new_or_old() -> None:
    def schema(*, required: bool) -> list[dict[str, Any]]:
        return [{"key": "region", "type": "str", "description": "Where.", "required": required}]

    old, new = version("1.0.0", settings_schema=schema(required=False)), version("2.0.0")
    strict = version("3.0.0", settings_schema=schema(required=True))

    assert shown(old, strict)["settings"]["newly_required"] == ["region"]
    assert shown(new, strict)["settings"]["newly_required"] == ["region"]
    assert shown(strict, old)["settings"]["newly_required"] == []
