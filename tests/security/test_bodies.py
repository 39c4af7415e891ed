"""Bad bodies against the running server: refused in one shape, no 5xx, nothing repeated."""

import asyncio
import json
from uuid import uuid4

import httpx
import pytest

from tests.fixtures.clients import Client, log_in
from tests.fixtures.service import SYS_ADMIN, Service
from tests.security.bad_bodies import (
    MARK,
    REFUSED_EVERYWHERE,
    RIGHT_TYPES,
    SURVIVED_EVERYWHERE,
    UNREADABLE_BODIES,
    WRONG_BODIES,
    WRONG_TYPES,
    Spoil,
    places_in,
    with_value,
)
from tests.security.json_calls import JSON_CALLS, JsonCall, Scene, build_scene

# A streamed turn takes the very body of a whole one, and costs as much to try.
pytestmark = pytest.mark.slow

CALLS = [pytest.param(call, id=call.name) for call in JSON_CALLS if "stream" not in call.route]
# A body is read before anything is known of the call, so a few of them stand for all.
A_FEW = [
    call
    for call in JSON_CALLS
    if call.method == "POST"
    and call.route.endswith(("/login", "/admin/orgs", "/llm-configs", "/orchestrators", "/chat"))
]
LONGEST_ERROR = 20_000


@pytest.fixture(scope="module")
def seed(service: Service) -> Scene:
    """What all the tests below share, since none of them needs it fresh."""
    return asyncio.run(_build(service))


async def _build(service: Service) -> Scene:
    async with httpx.AsyncClient(base_url=service.base_url, timeout=30) as http:
        return await build_scene(http, Client(http, await log_in(http, SYS_ADMIN), "none"))


@pytest.fixture
def scene(seed: Scene, http: httpx.AsyncClient) -> Scene:
    return seed.over(http)


def _require_one_shape(answer: httpx.Response, sent: str) -> None:
    assert 400 <= answer.status_code < 500, f"{sent}: {answer.status_code} {answer.text[:500]}"
    assert answer.headers["Content-Type"] == "application/json", sent
    assert set(answer.json()) == {"error"}, sent
    error = answer.json()["error"]
    assert set(error) == {"code", "message", "fields", "request_id"}, sent
    assert error["request_id"] == answer.headers["X-Request-Id"], sent
    assert all(set(field) == {"path", "message"} for field in error["fields"]), sent
    _require_nothing_repeated(answer, sent)


def _require_nothing_repeated(answer: httpx.Response, sent: str) -> None:
    assert MARK not in answer.text, f"{sent}: {answer.text[:500]}"
    assert not any(MARK in value for value in answer.headers.values()), sent
    assert len(answer.content) < LONGEST_ERROR, sent


async def test_every_call_that_takes_json_is_tried(http: httpx.AsyncClient) -> None:
    described = (await http.get("/openapi.json")).json()["paths"]

    taking_json = {
        f"{method.upper()} {path}"
        for path, methods in described.items()
        for method, operation in methods.items()
        if "application/json" in operation.get("requestBody", {}).get("content", {})
    }

    assert {call.name for call in JSON_CALLS} == taking_json


async def test_the_bodies_are_right_until_something_in_them_is_spoilt(
    http: httpx.AsyncClient, sys_admin: Client
) -> None:
    fresh = await build_scene(http, sys_admin)

    answers = {call.name: await call.send(fresh, _right(call, fresh)) for call in JSON_CALLS}

    refused = {name: answer.text for name, answer in answers.items() if not answer.is_success}
    assert set(refused) == {"POST /api/auth/login", "PATCH /api/me/profile"}
    assert "wrong_credentials" in refused["POST /api/auth/login"]
    assert '"path":"current_password"' in refused["PATCH /api/me/profile"]


@pytest.mark.parametrize("spoil", [pytest.param(s, id=name) for name, s in WRONG_BODIES.items()])
async def test_a_wrong_body_is_refused(scene: Scene, *, spoil: Spoil) -> None:
    for call in A_FEW:
        answer = await call.send(scene, spoil(call.body(scene)))

        _require_one_shape(answer, call.name)


@pytest.mark.parametrize("content_type", WRONG_TYPES)
async def test_a_wrong_content_type_is_refused(scene: Scene, *, content_type: str) -> None:
    headers = {"Content-Type": content_type}

    for call in A_FEW:
        answer = await call.send(scene, _right(call, scene), headers=headers)

        _require_one_shape(answer, call.name)
        assert answer.status_code == 415, call.name
        assert answer.json()["error"]["code"] == "unsupported_media_type", call.name


async def test_a_body_that_does_not_say_what_it_is_is_refused(scene: Scene) -> None:
    for call in A_FEW:
        answer = await call.send(scene, _right(call, scene), headers={})

        assert answer.status_code == 415, call.name


@pytest.mark.parametrize("content_type", RIGHT_TYPES)
async def test_every_spelling_of_json_is_taken(scene: Scene, *, content_type: str) -> None:
    answer = await scene.sys_admin.post(
        "/api/admin/orgs",
        content=json.dumps({"name": f"Org {uuid4()}"}),
        headers={"Content-Type": content_type},
    )

    assert answer.status_code == 201, answer.text


@pytest.mark.parametrize(
    "spoil", [pytest.param(s, id=name) for name, s in UNREADABLE_BODIES.items()]
)
async def test_a_body_that_two_readers_could_read_differently_is_refused(
    scene: Scene, *, spoil: Spoil
) -> None:
    for call in A_FEW:
        answer = await call.send(scene, spoil(call.body(scene)))

        _require_one_shape(answer, call.name)
        assert answer.status_code == 400, call.name
        assert answer.json()["error"]["code"] == "bad_request", call.name
        assert [field["path"] for field in answer.json()["error"]["fields"]] == ["body"], call.name


async def test_an_upload_that_is_no_form_is_refused(scene: Scene) -> None:
    for path in ("{org}/plugins/upload", "{org}/plugins/validate"):
        said_json = await scene.admin.post(path, {"file": MARK})
        unsaid = await scene.admin.post(path, content=b"PK" + MARK.encode())
        nothing = await scene.admin.post(path)
        broken = await scene.admin.post(
            path, content=MARK, headers={"Content-Type": "multipart/form-data; boundary=x"}
        )

        for answer in (said_json, unsaid, nothing, broken):
            _require_one_shape(answer, path)
        assert [said_json.status_code, unsaid.status_code] == [415, 415]
        assert [nothing.status_code, broken.status_code] == [422, 400]


@pytest.mark.parametrize("call", CALLS)
async def test_no_value_at_any_place_breaks_a_call(scene: Scene, *, call: JsonCall) -> None:
    for path in places_in(call.body(scene)):
        for name, raw in REFUSED_EVERYWHERE.items():
            answer = await call.send(scene, with_value(call.body(scene), path, raw))
            _require_one_shape(answer, f"{name} at {path}")
        for name, raw in SURVIVED_EVERYWHERE.items():
            answer = await call.send(scene, with_value(call.body(scene), path, raw))
            assert answer.status_code < 500, f"{name} at {path}: {answer.text[:500]}"
            if not answer.is_success:
                _require_one_shape(answer, f"{name} at {path}")

    await _require_still_readable(scene)
    await call.send(scene, _right(call, scene))


async def _require_still_readable(scene: Scene) -> None:
    """Whatever was taken and stored must be shown again without trouble."""
    for path in ("llm-configs", "orchestrators", "plugins", "members"):
        assert (await scene.admin.get(f"{{org}}/{path}")).status_code == 200, path
    for path in ("{org}/conversations", "/api/me", "/api/me/orgs"):
        assert (await scene.member.get(path)).status_code == 200, path
    for path in ("/api/admin/users", "/api/admin/orgs"):
        assert (await scene.sys_admin.get(path)).status_code == 200, path


def _right(call: JsonCall, scene: Scene) -> bytes:
    return json.dumps(call.body(scene)).encode()
