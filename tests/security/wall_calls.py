"""Every wrong way to call an operation, and the only status that each may be answered with."""

import re
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, replace
from typing import Any, assert_never

import httpx

from tests.factories.plugins import HOST, tools_plugin
from tests.security.wall_ids import Sort, Wrong, wrong_in_body, wrong_in_path
from tests.security.wall_policy import PRIVATE, Body, Id, Rule, Who
from tests.security.wall_scene import Belongings, Caller, Scene

KEYS = frozenset({Caller.KEY, Caller.ADMIN_KEY})
UNKNOWN_TO_ALL = frozenset({Caller.NOBODY, Caller.GARBAGE, Caller.GARBAGE_KEY})
EVERYBODY = frozenset(Caller)
ADMINS = frozenset({Caller.ADMIN, Caller.ADMIN_KEY, Caller.SYS_ADMIN})
# Of each organization's private things, the member's are the ones that the scene has.
OWNER = Caller.MEMBER
# Who tries every spelling of an organization that is not theirs.
NEIGHBOUR = Caller.ADMIN
PARAMETER = re.compile(r"\{(\w+)\}")
SUCCESS = frozenset(range(200, 300))
# The same as the scene has uploaded, so that a right call changes nothing.
_PACKAGE = tools_plugin(network=[HOST])


@dataclass(frozen=True, slots=True, kw_only=True)
class Call:
    """One request, and the statuses that are right for it.

    Answers to calls of the same `twins` must be the same but for what was sent.
    """

    what: str
    url: str
    json: object
    is_upload: bool
    expected: frozenset[int]
    sent: tuple[str, ...] = ()
    twins: str = ""
    problem: str = ""

    def with_json(self, json: object) -> "Call":
        """Return the same call with another body."""
        return replace(self, json=json)


@dataclass(frozen=True, slots=True, kw_only=True)
class Operation:
    """One operation of the document, with its line in the table."""

    method: str
    template: str
    rule: Rule

    @property
    def name(self) -> str:
        return f"{self.method} {self.template}"

    def send(self, http: httpx.Client, call: Call, token: str | None) -> httpx.Response:
        headers = {} if token is None else {"Authorization": f"Bearer {token}"}
        options: dict[str, Any] = {"json": call.json} if call.json is not None else {}
        if call.is_upload:
            options["files"] = {"file": ("plugin.zip", _PACKAGE, "application/zip")}
        return http.request(self.method, call.url, headers=headers, **options)

    def url(self, values: Mapping[str, object]) -> str:
        return PARAMETER.sub(lambda found: str(values[found[1]]), self.template)


def right_call(operation: Operation, owner: Belongings, body: Body) -> Call:
    """Return the call with every id of one organization: right for whoever may make it."""
    values = _ids_of(operation.rule, owner, body)
    query = "&".join(f"{name}={owner.ids[kind]}" for name, kind in operation.rule.query.items())
    return Call(
        what="as it should be",
        url=operation.url(values) + (f"?{query}" if query else ""),
        json=None if body.build is None else body.build(values),
        is_upload=body.is_upload,
        expected=SUCCESS,
    )


def calls_of(operation: Operation, scene: Scene, caller: Caller) -> Iterator[Call]:
    """Yield every call that a caller makes to look over the wall, or to get past their role."""
    for body in operation.rule.bodies:
        scenes = [scene.ours, scene.theirs] if "org" in operation.rule.path else [scene.ours]
        for base in scenes:
            yield from _Attempts(operation, body, base=base, scene=scene, caller=caller).all()


@dataclass(frozen=True, slots=True)
class _Attempts:
    """The calls of one caller that are about one organization but for one id."""

    operation: Operation
    body: Body
    base: Belongings
    scene: Scene
    caller: Caller

    @property
    def is_home(self) -> bool:
        return self.base is self.scene.ours

    @property
    def where(self) -> str:
        return "at home" if self.is_home else "elsewhere"

    def all(self) -> Iterator[Call]:
        right = right_call(self.operation, self.base, self.body)
        gate = self._gate(is_there=True)
        if gate is not None or (self.operation.method == "GET" and self.is_home):
            expected = frozenset({gate}) if gate else self._reads
            yield self._with(right, self.where, expected=expected)
        yield from self._with_wrong_paths(right)
        yield from self._with_wrong_queries(right)
        yield from self._with_wrong_bodies(right)

    @property
    def _reads(self) -> frozenset[int]:
        return frozenset({404}) if self._is_anothers() else SUCCESS

    def _is_anothers(self) -> bool:
        kinds = set(self.operation.rule.path.values())
        return bool(kinds & PRIVATE) and self.caller is not OWNER

    def _with_wrong_paths(self, right: Call) -> Iterator[Call]:
        for name, kind in self.operation.rule.path.items():
            if name == "org" and self.is_home and self.operation.rule.who is not Who.SYS_ADMIN:
                continue  # what is wrong with the organization is tried from theirs
            for wrong in self._tried(wrong_in_path(kind, self.scene.theirs), name):
                if self._is_entitled_to(wrong, kind):
                    continue
                values = {**_ids_of(self.operation.rule, self.base, self.body), name: wrong.value}
                expected = self._expected_of_path(self.operation.url(values), name)
                yield self._with(
                    right,
                    f"{self.where}, {name} {wrong.name}",
                    url=self.operation.url(values),
                    expected=expected,
                    sent=(str(wrong.value), wrong.means),
                    twins=self._twins(name, wrong),
                )

    def _tried(self, wrongs: Iterator[Wrong], name: str) -> Iterator[Wrong]:
        """Leave out what teaches nothing new, since the caller is refused whatever they send."""
        is_read = self._gate(is_there=True) is None or (name == "org" and self.caller is NEIGHBOUR)
        return (wrong for wrong in wrongs if is_read or wrong.is_telling)

    def _expected_of_path(self, url: str, name: str) -> frozenset[int]:
        decoded = httpx.URL(url).path
        if decoded.count("/") != self.operation.template.count("/"):
            return frozenset({404})  # there is no such address
        gate = self._gate(is_there=name != "org")
        return frozenset({gate or 404})

    def _with_wrong_queries(self, right: Call) -> Iterator[Call]:
        for name, kind in self.operation.rule.query.items():
            for wrong in self._tried(wrong_in_path(kind, self.scene.theirs), name):
                if self._is_entitled_to(wrong, kind):
                    continue
                gate = self._gate(is_there=True)
                accepted = SUCCESS if wrong.sort is Sort.UNKNOWN else SUCCESS | {422}
                yield self._with(
                    right,
                    f"{self.where}, {name} {wrong.name}",
                    url=f"{right.url.partition('?')[0]}?{name}={wrong.value}",
                    expected=frozenset({gate}) if gate else accepted,
                    sent=(str(wrong.value), wrong.means),
                    twins=self._twins(name, wrong),
                )

    def _with_wrong_bodies(self, right: Call) -> Iterator[Call]:
        values = _ids_of(self.operation.rule, self.base, self.body)
        gate = self._gate(is_there=True)
        for place, named in self.body.ids.items():
            for wrong in self._tried(wrong_in_body(named.id, self.scene.theirs), place):
                if not self.is_home and (wrong.sort is not Sort.UNKNOWN or gate is None):
                    continue  # nobody's body is read there
                if wrong.sort is Sort.FOREIGN and named.may_be_foreign and gate is None:
                    continue
                assert self.body.build is not None
                yield self._with(
                    right,
                    f"{self.where}, {place} {wrong.name}",
                    json=self.body.build({**values, place: wrong.value}),
                    expected=self._expected_of_body(gate, wrong, named.missing),
                    sent=(str(wrong.value), wrong.means),
                    twins=self._twins(place, wrong),
                    problem=self._problem(gate, place, wrong),
                )

    def _problem(self, gate: int | None, place: str, wrong: Wrong) -> str:
        if gate is not None or self._is_anothers() or wrong.sort is Sort.MALFORMED:
            return ""
        return place.removesuffix("*")

    def _expected_of_body(self, gate: int | None, wrong: Wrong, missing: int) -> frozenset[int]:
        if gate is not None:
            return frozenset({gate})
        if self._is_anothers():
            return frozenset({404, 422})
        if wrong.sort is Sort.MALFORMED:
            return frozenset({422})
        return frozenset({missing} if wrong.name in {"foreign", "unknown"} else {missing, 422})

    def _twins(self, place: str, wrong: Wrong) -> str:
        is_one = wrong.name in {"foreign", "unknown"}
        return f"{self.where}, {place}" if is_one else ""

    def _is_entitled_to(self, wrong: Wrong, kind: Id) -> bool:
        """Whether it is right for the caller, who is allowed to do this to whoever has the id."""
        if wrong.sort is not Sort.FOREIGN or self.caller is not Caller.SYS_ADMIN:
            return False
        if self.operation.rule.who is Who.SYS_ADMIN:
            return kind is not Id.SYSTEM_PLUGIN
        return not self.is_home

    def _gate(self, *, is_there: bool) -> int | None:
        """Return how the caller is refused whatever they ask for; None when they are not.

        `is_there` says whether there is such an organization as the path names.
        """
        who = self.operation.rule.who
        if who is Who.ANYBODY:
            return None
        if self.caller in UNKNOWN_TO_ALL:
            return 401
        match who:
            case Who.SIGNED_IN:
                return None
            case Who.PERSON:
                return 403 if self.caller in KEYS else None
            case Who.SYS_ADMIN:
                return None if self.caller is Caller.SYS_ADMIN else 403
            case Who.MEMBER | Who.ORG_ADMIN | Who.ADMIN_PERSON:
                return self._gate_of_organization(is_there=is_there)
            case _:
                assert_never(who)

    def _gate_of_organization(self, *, is_there: bool) -> int | None:
        is_inside = self.is_home and self.caller is not Caller.STRANGER
        if not is_there or not (is_inside or self.caller is Caller.SYS_ADMIN):
            return 404
        refused = {Who.ORG_ADMIN: EVERYBODY - ADMINS, Who.ADMIN_PERSON: EVERYBODY - ADMINS | KEYS}
        return 403 if self.caller in refused.get(self.operation.rule.who, ()) else None

    def _with(self, right: Call, what: str, **changed: Any) -> Call:
        fields = {
            "url": right.url,
            "json": right.json,
            "is_upload": right.is_upload,
            **changed,
        }
        return Call(what=f"{self.caller}, {what}", **fields)


def _ids_of(rule: Rule, owner: Belongings, body: Body) -> dict[str, object]:
    """Return an organization's id for each place of the path and of the body."""
    named = {place: owner.ids[named.id] for place, named in body.ids.items()}
    spare = {"any plugin": owner.ids[Id.PLUGIN], "any llm config": owner.ids[Id.LLM_CONFIG]}
    path = {name: owner.ids[kind] for name, kind in rule.path.items()}
    return {**spare, **named, **path}
