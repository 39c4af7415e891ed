"""Answers each request with the next step of a script, and remembers what was asked."""

from contextlib import suppress

from tests.fakes.http_connection import ClientGone, HttpConnection
from tests.fakes.model_plan import Plan, Reason, Refusal
from tests.fakes.model_request import ModelRequest
from tests.fakes.model_script import Script
from tests.fakes.model_steps import ScriptMistake
from tests.fakes.performing import Performance
from tests.fakes.wire import JSON, Arrived, HttpAnswer, WireFormat, as_json
from tests.fakes.wire_routes import find_wire

NO_SUCH_PATH = HttpAnswer(
    status=404,
    headers=(JSON,),
    content=b'{"detail":"Not Found"}',
)


class ScriptedModel:
    """Lives in the server's thread; a test reads its lists from another."""

    def __init__(self, script: Script) -> None:
        self.calls: list[ModelRequest] = []
        self.refused_keys: set[str] = set()
        self.problems: list[str] = []
        self._script = script

    async def answer(self, connection: HttpConnection, arrived: Arrived) -> None:
        """Answer one request; a client that leaves early is no trouble."""
        wire = find_wire(arrived.method, arrived.path)
        with suppress(ClientGone):
            if wire is None:
                self.problems.append(f"no wire is spoken at {arrived.method} {arrived.path}")
                await connection.send_whole(NO_SUCH_PATH)
                return
            request = self._read(wire, arrived)
            if request is None:
                await connection.send_whole(_bad_request(wire))
                return
            self.calls.append(request)
            plan = self._plan(wire, request)
            await Performance(wire=wire, request=request, connection=connection).give(plan)

    def _read(self, wire: WireFormat, arrived: Arrived) -> ModelRequest | None:
        try:
            return wire.read(arrived)
        except (KeyError, TypeError, ValueError) as error:
            self.problems.append(f"call {arrived.number} to {arrived.path} is broken: {error!r}")
            return None

    def _plan(self, wire: WireFormat, request: ModelRequest) -> Plan:
        if request.api_key in self.refused_keys:
            return Reason.KEY_REFUSED
        complaints = wire.complaints(request)
        if complaints:
            self._report(request, f"the provider would refuse it: {'; '.join(complaints)}")
            return Refusal(400, message="; ".join(complaints))
        try:
            step = self._script.take(request)
            if step is not None:
                return step.plan(request)
            self._report(request, "no step was left for it")
        except ScriptMistake as mistake:
            self._report(request, str(mistake))
        except Exception as error:  # noqa: BLE001  # a test's own `respond` may raise anything
            self._report(request, f"respond() raised {error!r}")
        return Refusal(500, message="The script has no answer to this call.")

    def _report(self, request: ModelRequest, trouble: str) -> None:
        asked = request.user_text[:80]
        self.problems.append(f"call {request.number} ({request.wire}, {asked!r}): {trouble}")


def _bad_request(wire: WireFormat) -> HttpAnswer:
    body = wire.error_body(Refusal(400, message="The request cannot be read."))
    return HttpAnswer(status=400, headers=(JSON,), content=as_json(body))
