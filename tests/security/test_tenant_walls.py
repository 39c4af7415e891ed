"""No organization can reach another, whatever id is put wherever one fits: T1 and T2.

Generated from the document of the API: each operation, each caller, each wrong id at each place.
"""

from collections import defaultdict
from collections.abc import Iterator
from typing import NamedTuple
from uuid import UUID

import httpx
import pytest

from cadence.bootstrap import database_url
from cadence.infra.database.base import Base
from tests.security.wall_calls import Call, Operation, calls_of, right_call
from tests.security.wall_document import described_operations
from tests.security.wall_policy import POLICY, Body
from tests.security.wall_scene import Belongings, Caller, Scene, build_scene, entitled
from tests.security.wall_server import open_server
from tests.security.wall_store import OWNER, TRANSIENT, rows_of_organization

DESCRIBED = {operation.name: operation for operation in described_operations()}
KNOWN = [
    Operation(method=each.method, template=each.template, rule=POLICY[name])
    for name, each in DESCRIBED.items()
    if name in POLICY
]
OPERATIONS = [pytest.param(each, id=each.name) for each in KNOWN]
# Shorter things are in every answer by chance.
SHORTEST_ECHO = 8


def test_every_operation_has_a_line_in_the_table_and_every_line_an_operation() -> None:
    assert set(POLICY) == set(DESCRIBED)


@pytest.mark.parametrize("name", POLICY)
def test_the_table_names_every_id_that_an_operation_takes(name: str) -> None:
    rule, described = POLICY[name], DESCRIBED[name]
    named = {place for body in rule.bodies for place in body.ids}

    assert set(rule.path) == described.path
    assert set(rule.query) == described.query
    assert named >= described.body


@pytest.fixture(
    scope="module",
    params=["sqlite", pytest.param("postgresql", marks=pytest.mark.slow)],
)
def scene(
    request: pytest.FixtureRequest, tmp_path_factory: pytest.TempPathFactory
) -> Iterator[Scene]:
    server = request.getfixturevalue("postgres_server") if request.param == "postgresql" else None
    folder = tmp_path_factory.mktemp("walls")
    with open_server(folder, postgres_server=server) as service:
        yield build_scene(service)


@pytest.fixture(scope="module")
def http(scene: Scene) -> Iterator[httpx.Client]:
    with httpx.Client(base_url=scene.service.base_url, timeout=60) as client:
        yield client


def test_both_organizations_have_something_in_every_table(scene: Scene) -> None:
    owned = {table.name for table in Base.metadata.sorted_tables if OWNER in table.columns}

    for owner in (scene.ours, scene.theirs):
        rows = _rows_of(scene, owner)
        assert {name for name in owned if rows.get(name)} == owned - TRANSIENT


@pytest.mark.slow
@pytest.mark.parametrize("operation", OPERATIONS)
def test_nobody_gets_over_the_wall(
    scene: Scene, http: httpx.Client, *, operation: Operation
) -> None:
    before = _rows_of(scene, scene.theirs)
    faults: list[str] = []

    for caller in Caller:
        answers: dict[str, set[Shape]] = defaultdict(set)
        for call in calls_of(operation, scene, caller):
            answer = operation.send(http, call, scene.tokens[caller])
            faults += _faults(call, answer, scene=scene, caller=caller)
            if call.twins:
                answers[call.twins].add(_without_what_was_sent(call, answer))
        faults += [
            f"{caller}: foreign and unknown differ at {twins}: {found}"
            for twins, found in answers.items()
            if len(found) != 1
        ]

    assert faults == []
    assert _rows_of(scene, scene.theirs) == before


def _faults(call: Call, answer: httpx.Response, *, scene: Scene, caller: Caller) -> Iterator[str]:
    if answer.status_code not in call.expected:
        yield f"{call.what}: {answer.status_code} and not {set(call.expected)}: {answer.text}"
    if answer.status_code == 422 and call.problem:
        paths = [field["path"] for field in answer.json()["error"]["fields"]]
        if not any(path.startswith(call.problem) for path in paths):
            yield f"{call.what}: {paths} does not name {call.problem}"
    text = _without_what_was_sent(call, answer).text
    shown = [mark for mark in scene.theirs.marks if mark in text]
    if shown and caller is not Caller.SYS_ADMIN:
        yield f"{call.what}: the answer shows {shown}"


class Shape(NamedTuple):
    """All of an answer that could tell a foreign id from an unknown one."""

    status: int
    headers: frozenset[str]
    text: str


def _without_what_was_sent(call: Call, answer: httpx.Response) -> Shape:
    text = answer.text.replace(answer.headers["X-Request-Id"], "REQUEST")
    for sent in call.sent:
        if len(sent) >= SHORTEST_ECHO:
            text = text.replace(sent, "SENT")
    return Shape(answer.status_code, frozenset(answer.headers), text)


def _rows_of(scene: Scene, owner: Belongings) -> dict[str, list[tuple[object, ...]]]:
    return rows_of_organization(database_url(scene.service.settings), UUID(owner.id))


# What the scene has as it should be is refused in these calls for other reasons.
REFUSED_ALL_THE_SAME = {
    "POST /api/auth/login": 401,  # there is nobody by that name
    "POST /api/orgs/{org}/members": 409,  # they belong there already
    "POST /api/orgs/{org}/runs/{run_id}/cancel": 409,  # it has ended
}
# From what needs others to what others need; the sessions of those who do it come last.
REMOVALS = (
    "DELETE /api/orgs/{org}/conversations/{conversation_id}",
    "DELETE /api/orgs/{org}/orchestrators/{orchestrator_id}",
    "DELETE /api/orgs/{org}/llm-configs/{id}",
    "DELETE /api/orgs/{org}/plugins/{plugin_id}",
    "DELETE /api/orgs/{org}/mcp-servers/{server_id}",
    "DELETE /api/orgs/{org}/api-keys/{key}",
    "DELETE /api/orgs/{org}/settings/{key}",
    "DELETE /api/me/sessions/{session}",
    "DELETE /api/orgs/{org}/users/{user}",
    "DELETE /api/auth/logout",
    "DELETE /api/admin/users/{user}",
    "DELETE /api/admin/plugins/{plugin_id}",
    "DELETE /api/admin/orgs/{org}",
)


def test_the_very_same_calls_are_right_for_those_who_may_make_them(
    scene: Scene, http: httpx.Client
) -> None:
    fresh = build_scene(scene.service)
    removals = {each.name: each for each in KNOWN if each.method == "DELETE"}
    assert set(removals) == set(REMOVALS)

    # What is created in one organization would be in the way of what is removed there.
    answers = {
        f"{each.name}, body {place}": _as_it_should_be(fresh, fresh.theirs, each, body, http)
        for each in KNOWN
        if each.name not in removals
        for place, body in enumerate(each.rule.bodies)
    }
    answers |= {
        name: _as_it_should_be(fresh, fresh.ours, removals[name], Body(), http) for name in REMOVALS
    }

    assert {what: told for what, told in answers.items() if told} == {}


def _as_it_should_be(  # noqa: PLR0917
    scene: Scene, owner: Belongings, operation: Operation, body: Body, http: httpx.Client
) -> str:
    """Make a call as whoever may, and return what is wrong with the answer."""
    call = right_call(operation, owner, body)
    answer = operation.send(http, call, entitled(scene, owner, operation.rule))
    status = answer.status_code
    is_right = status == REFUSED_ALL_THE_SAME.get(operation.name, status)
    is_right &= operation.name in REFUSED_ALL_THE_SAME or status in call.expected
    return "" if is_right else f"{status}: {answer.text}"
