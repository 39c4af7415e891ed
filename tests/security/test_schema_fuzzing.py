"""The API does what its document says, whoever calls it with whatever: Schemathesis, §7.3.

`make fuzz` makes up more calls, and other ones each time.
"""

import copy
import os
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest
import requests
import schemathesis
from schemathesis.core.failures import FailureGroup
from schemathesis.core.result import Ok

from cadence.entrypoints.api import build_api
from cadence.http.documented import JSON
from tests.fixtures.service import Service, settings_for
from tests.security.fuzzing import EXCLUDED, AnyOperation, Fuzz, checks
from tests.security.wall_policy import POLICY
from tests.security.wall_scene import Caller, Scene, build_scene
from tests.security.wall_server import open_server

pytestmark = pytest.mark.slow

# How many calls each person makes up for each operation.
USUAL = 20
EXAMPLES = int(os.environ.get("FUZZ_EXAMPLES", USUAL))  # noqa: TID251  # said by the Makefile
CALLERS = (Caller.NOBODY, Caller.MEMBER, Caller.ADMIN, Caller.ADMIN_KEY, Caller.SYS_ADMIN)
# Where the call that the walls' table calls right cannot succeed.
NEVER_SUCCEEDS = {
    "POST /api/auth/login": "the right body names nobody",
    "POST /api/orgs/{org}/runs/{run_id}/cancel": "the run has ended",
}
# What is gone after a call of these is made anew for the next operation.
LEAVES_NOTHING = {"PATCH", "DELETE"}


def _operations() -> Iterator[AnyOperation]:
    schema = schemathesis.openapi.from_dict(build_api(settings_for(Path("unused"))).openapi())
    for found in schema.get_all_operations():
        assert isinstance(found, Ok), found
        yield found.ok()


OPERATIONS = {operation.label: operation for operation in _operations()}


@pytest.fixture(scope="module")
def server(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Service]:
    """A server that nobody else's test talks to, since its settings and people will change."""
    with open_server(tmp_path_factory.mktemp("fuzzing"), postgres_server=None) as service:
        yield service


@pytest.fixture(scope="module")
def lasting_scene(server: Service) -> Scene:
    return build_scene(server)


@pytest.fixture
def scene(request: pytest.FixtureRequest, server: Service, lasting_scene: Scene) -> Scene:
    method = request.node.callspec.params["label"].split()[0]
    # What is called in vain and what is called rightly is ours; theirs lasts.
    is_anew = method in LEAVES_NOTHING
    return build_scene(server, theirs=lasting_scene.theirs) if is_anew else lasting_scene


@pytest.fixture(scope="module")
def session() -> Iterator[requests.Session]:
    with requests.Session() as opened:
        yield opened


def test_every_check_is_run_or_left_out_for_a_reason() -> None:
    run = {check.__name__ for check in checks()}

    assert {"not_a_server_error", "status_code_conformance"} <= run
    assert not run & EXCLUDED.keys()
    assert all(EXCLUDED.values())


def test_every_operation_is_tried() -> None:
    assert set(OPERATIONS) == set(POLICY)


def _without_refusal(responses: dict[str, Any]) -> None:
    del responses["401"]


def _with_another_code(responses: dict[str, Any]) -> None:
    responses["401"] = responses["403"]


def _with_another_answer(responses: dict[str, Any]) -> None:
    responses["200"]["content"][JSON]["schema"] = {"type": "object", "required": ["shoe_size"]}


def _with_another_type(responses: dict[str, Any]) -> None:
    responses["200"]["content"] = {"text/plain": {"schema": {"type": "string"}}}


def _with_another_header(responses: dict[str, Any]) -> None:
    responses["200"]["headers"]["X-Shoe-Size"] = {"required": True, "schema": {}}


@pytest.mark.parametrize(
    ("caller", "spoil"),
    [
        (Caller.NOBODY, _without_refusal),
        (Caller.NOBODY, _with_another_code),
        (Caller.MEMBER, _with_another_answer),
        (Caller.MEMBER, _with_another_type),
        (Caller.MEMBER, _with_another_header),
    ],
)
def test_a_document_that_is_wrong_is_found_out(
    lasting_scene: Scene,
    session: requests.Session,
    *,
    caller: Caller,
    spoil: Callable[[dict[str, Any]], None],
) -> None:
    document = copy.deepcopy(build_api(settings_for(Path("unused"))).openapi())
    spoil(document["paths"]["/api/me"]["get"]["responses"])
    operation = schemathesis.openapi.from_dict(document)["/api/me"]["GET"]

    fuzz = Fuzz(operation=operation, scene=lasting_scene, caller=caller, session=session)

    with pytest.raises(FailureGroup):
        fuzz.call_rightly()


# The server's thread uses `random` when it likes, which Hypothesis takes for a strategy's doing.
@pytest.mark.filterwarnings("ignore:Do not use the `random` module")
@pytest.mark.timeout(120 + 2 * EXAMPLES)
@pytest.mark.parametrize("label", OPERATIONS)
def test_an_operation_keeps_to_the_document(
    scene: Scene, session: requests.Session, *, label: str
) -> None:
    seen: set[int] = set()

    for caller in CALLERS:  # each finds what the one before has left
        fuzz = Fuzz(operation=OPERATIONS[label], scene=scene, caller=caller, session=session)
        if caller is CALLERS[-1]:
            fuzz.untie()
        seen |= fuzz.call_rightly()
        seen |= fuzz.call_wildly(EXAMPLES, is_random=EXAMPLES > USUAL)

    # Otherwise nothing but refusals would have been tried.
    has_succeeded = any(200 <= status < 300 for status in seen)
    assert has_succeeded is (label not in NEVER_SUCCEEDS), seen
