"""How calls are made up from the document of the API, in part with ids of things that exist."""

from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from http import HTTPStatus
from typing import Any

import requests
import schemathesis
from hypothesis import HealthCheck, Phase, given, settings
from hypothesis import strategies as st
from schemathesis import GenerationMode
from schemathesis.checks import CHECKS, load_all_checks, not_a_server_error
from schemathesis.core import NOT_SET
from schemathesis.schemas import APIOperation

from cadence.http.documented import JSON
from cadence.http.json_bodies import FORM
from tests.factories.plugins import HOST, tools_plugin
from tests.security.wall_calls import Operation, right_call
from tests.security.wall_policy import POLICY, Body, Id, Rule
from tests.security.wall_scene import Caller, Scene

# Those of Schemathesis that are not run, each with its reason.
EXCLUDED = {
    "unsupported_method": "FastAPI answers OPTIONS with 405, as it does other methods",
    "allow_header_conformance": "FastAPI's `Allow` names the methods of one route of several",
    "positive_data_acceptance": "a schema cannot say which names are taken or which ids exist",
    "negative_data_rejection": "an id in a path that is no id is not found, and not invalid",
    "missing_required_header": "no header is required but the token, which `ignored_auth` is about",
    "ignored_auth": "test_tenant_walls tries every operation with every kind of wrong token",
    "use_after_free": "as above; and needs chains of calls",
    "ensure_resource_availability": "needs chains of calls",
    "object_level_authorization": "test_tenant_walls tries every id of another organization",
}
# The scene's orchestrator uses them.
TIED = {
    "DELETE /api/orgs/{org}/llm-configs/{id}",
    "DELETE /api/orgs/{org}/plugins/{plugin_id}",
}


AnyOperation = APIOperation[Any, Any, Any, Any]
AnyCase = schemathesis.Case[Any]


def checks() -> list[Any]:
    """Return the checks that every answer must pass."""
    load_all_checks()
    known = {check.__name__: check for check in CHECKS.get_all()}
    assert known.keys() > EXCLUDED.keys()
    return [check for name, check in known.items() if name not in EXCLUDED]


@dataclass(frozen=True, slots=True, kw_only=True)
class Fuzz:
    """One operation, called by one person with much that nobody would send."""

    operation: AnyOperation
    scene: Scene
    caller: Caller
    session: requests.Session

    @property
    def rule(self) -> Rule:
        """What the operation takes, as the walls' table has it."""
        return POLICY[self.operation.label]

    def untie(self) -> None:
        """Remove what keeps the operation's own thing from being removed."""
        if self.operation.label in TIED:
            ids = self.scene.ours.ids
            bot = f"/api/orgs/{ids[Id.ORGANIZATION]}/orchestrators/{ids[Id.ORCHESTRATOR]}"
            token = self.scene.tokens[Caller.ADMIN]
            answer = self.session.delete(
                self.scene.service.base_url + bot, headers={"Authorization": f"Bearer {token}"}
            )
            assert answer.status_code in {204, 404}, answer.text

    def call_rightly(self) -> set[int]:
        """Call as the document wants it, with things that exist; return the statuses."""
        return {
            self._send(
                self.operation.Case(
                    path_parameters=self._real_ids(), body=body, media_type=media_type
                )
            )
            for body, media_type in self._right_bodies()
        }

    def call_wildly(self, examples: int, *, is_random: bool) -> set[int]:
        """Call with what is made up, now by the schema and now against it."""
        seen: set[int] = set()
        modes = [GenerationMode.POSITIVE, GenerationMode.NEGATIVE]
        made_up = st.one_of([self.operation.as_strategy(generation_mode=one) for one in modes])

        @settings(
            max_examples=examples,
            derandomize=not is_random,
            database=None,
            deadline=None,
            phases=[Phase.generate],
            suppress_health_check=list(HealthCheck),
        )
        @given(case=made_up, has_real_ids=st.booleans(), kept=st.integers(0, 2))
        def call(case: AnyCase, *, has_real_ids: bool, kept: int) -> None:
            if has_real_ids:
                case.path_parameters.update(self._real_ids())
                case.body = self._half_right(case.body, kept)
            seen.add(self._send(case))

        call()
        return seen

    def _send(self, case: AnyCase) -> int:
        case.headers.pop("Authorization", None)
        token = self.scene.tokens[self.caller]
        if token is not None:
            case.headers["Authorization"] = f"Bearer {token}"
        answer = case.call(base_url=self.scene.service.base_url, session=self.session, timeout=60)
        # 502 is somebody else's fault, whom a made-up address has named; where it may be answered
        # at all, the document says.
        is_elsewhere = answer.status_code == HTTPStatus.BAD_GATEWAY
        excluded: list[Any] | None = [not_a_server_error] if is_elsewhere else None
        case.validate_response(answer, checks=checks(), excluded_checks=excluded)
        return answer.status_code

    def _real_ids(self) -> dict[str, Any]:
        return {name: str(self.scene.ours.ids[kind]) for name, kind in self.rule.path.items()}

    def _right_bodies(self) -> Iterator[tuple[Any, str | None]]:
        method, path = self.operation.method.upper(), self.operation.path
        named = Operation(method=method, template=path, rule=self.rule)
        for body in self.rule.bodies:
            if body.is_upload:
                yield {"file": tools_plugin(network=[HOST])}, FORM
            elif body.build is None:
                yield NOT_SET, None
            else:
                call = right_call(named, self.scene.ours, body)
                yield self._with_strangers(call.json, body), JSON

    def _with_strangers(self, right: Any, body: Body) -> Any:
        """Put somebody from elsewhere where only they fit: our own are members already."""
        strangers = {
            place: str(self.scene.theirs.ids[named.id])
            for place, named in body.ids.items()
            if named.may_be_foreign
        }
        return {**right, **strangers}

    def _half_right(self, made_up: Any, kept: int) -> Any:
        """Put up to `kept` fields that were made up into a body that is right."""
        right, _ = next(self._right_bodies())
        if not isinstance(right, Mapping) or not isinstance(made_up, Mapping):
            return made_up
        return {**right, **dict(list(made_up.items())[:kept])}
