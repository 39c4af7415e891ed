"""Nobody sets what a body does not name, be it a column of the very row that is written: T25."""

import copy
from collections.abc import Iterator
from typing import Any
from uuid import UUID

import httpx
import pytest

from cadence.bootstrap import database_url
from cadence.http.bodies import Input
from cadence.infra.database.base import Base
from tests.security.wall_calls import Operation, right_call
from tests.security.wall_document import request_schemas
from tests.security.wall_policy import POLICY, Body
from tests.security.wall_scene import Scene, build_scene, entitled
from tests.security.wall_server import open_server
from tests.security.wall_store import rows_of_organization

Path = tuple[str | int, ...]

# Objects whose names are the client's own, within bounds that the service knows.
FREE = frozenset(
    {"headers", "options", "plugin_settings", "plugin_settings.*", "config", "settings"}
)
SCHEMAS = list(request_schemas())
# What each place of a body may name; below the first level, whichever operation it is.
NAMED: dict[tuple[str, str], set[str]] = {}
for _name, _place, _schema in SCHEMAS:
    NAMED.setdefault((_name if not _place else "", _place), set()).update(
        _schema.get("properties", ())
    )
COLUMNS = sorted(
    {column.name for table in Base.metadata.sorted_tables for column in table.columns}
    | {"org_id", "is_deleted", "password_hash", "tier", "source"}
)
WITH_BODIES = [
    pytest.param(
        Operation(method=name.split()[0], template=name.split()[1], rule=rule),
        body,
        id=name if number == 0 else f"{name}, another",
    )
    for name, rule in POLICY.items()
    for number, body in enumerate(rule.bodies)
    if body.build is not None
]


def _models(model: type[Input]) -> Iterator[type[Input]]:
    yield model
    for inner in model.__subclasses__():
        yield from _models(inner)


def test_every_request_model_forbids_what_it_does_not_name() -> None:
    assert {model.model_config.get("extra") for model in _models(Input)} == {"forbid"}
    assert len(list(_models(Input))) > 20


def test_the_document_says_that_no_more_may_be_sent() -> None:
    is_open = {
        (name, place)
        for name, place, schema in SCHEMAS
        if schema.get("additionalProperties") is not False
        and (place not in FREE or schema.get("properties"))
    }

    assert len(SCHEMAS) > 20
    assert is_open == set()


@pytest.fixture(scope="module")
def scene(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Scene]:
    with open_server(tmp_path_factory.mktemp("mass"), postgres_server=None) as service:
        yield build_scene(service)


@pytest.fixture(scope="module")
def http(scene: Scene) -> Iterator[httpx.Client]:
    with httpx.Client(base_url=scene.service.base_url, timeout=60) as client:
        yield client


@pytest.mark.parametrize(("operation", "body"), WITH_BODIES)
def test_a_column_that_a_body_does_not_name_is_refused(
    scene: Scene, http: httpx.Client, *, operation: Operation, body: Body
) -> None:
    right = right_call(operation, scene.ours, body)
    token = entitled(scene, scene.ours, operation.rule)
    before = _everything(scene)
    faults = []

    for place, column in _unnamed(operation.name, right.json):
        sent = _with(right.json, place, column, _plausible(column, scene))
        answer = operation.send(http, right.with_json(sent), token)
        path = ".".join(map(str, (*place, column)))
        named = [field["path"] for field in answer.json().get("error", {}).get("fields", ())]
        if answer.status_code != 422 or not any(each.startswith(path) for each in named):
            faults.append(f"{path}: {answer.status_code} {answer.text[:300]}")

    assert faults == []
    assert _everything(scene) == before


def _unnamed(operation: str, body: object) -> Iterator[tuple[Path, str]]:
    """Yield every object in a body with every column that it does not name."""
    for place, inner in _objects(body):
        dotted = ".".join("*" if _is_id(step) else str(step) for step in place)
        named = NAMED.get((operation if not dotted else "", dotted), set())
        for column in COLUMNS:
            if column not in named and column not in inner:
                yield place, column


def _objects(value: object, here: Path = ()) -> Iterator[tuple[Path, dict[str, Any]]]:
    if isinstance(value, dict):
        yield here, value
        for name, inner in value.items():
            yield from _objects(inner, (*here, name))
    elif isinstance(value, list):
        for place, inner in enumerate(value):
            yield from _objects(inner, (*here, place))


def _is_id(step: str | int) -> bool:
    try:
        UUID(str(step))
    except ValueError:
        return False
    return True


def _with(body: object, place: Path, name: str, value: object) -> object:  # noqa: PLR0917
    changed: Any = copy.deepcopy(body)
    inner = changed
    for step in place:
        inner = inner[step]
    inner[name] = value
    return changed


def _plausible(column: str, scene: Scene) -> object:
    """Return what somebody would try."""
    if column in {"organization_id", "org_id"}:
        return scene.theirs.id
    return True if column.startswith("is_") else "x"


def _everything(scene: Scene) -> list[object]:
    url = database_url(scene.service.settings)
    return [rows_of_organization(url, UUID(owner.id)) for owner in (scene.ours, scene.theirs)]
