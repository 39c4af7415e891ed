"""That models are called through the guarded clients, and what a forbidden address looks like."""

from ipaddress import ip_network

import pytest

from cadence.engine.contract import Backend
from cadence.engine.models.retries import RetryPolicy
from cadence.engine.spec import Provider
from cadence.infra.egress.clients import Egress, open_egress
from cadence.infra.egress.rules import EgressRules
from tests.conformance.stage import BACKENDS, Kind, NoonClock, Stage, play
from tests.fakes.model_server import ModelServer

LOOPBACK = EgressRules(allow_networks=(ip_network("127.0.0.0/8"),))

pytestmark = pytest.mark.parametrize(
    "provider", [Provider.OPENAI, Provider.ANTHROPIC, Provider.GOOGLE], ids=str
)


def guarded(kind: Kind, egress: Egress) -> Backend:
    retries = RetryPolicy(first_pause=0.01)
    return BACKENDS[kind.framework](egress, clock=NoonClock(), retries=retries)


async def test_a_forbidden_address_is_unreachable_and_never_called(
    kind: Kind, server: ModelServer, provider: Provider
) -> None:
    async with open_egress(EgressRules()) as egress:
        stage = Stage(kind, server, guarded(kind, egress))

        turn = await play(stage.build(stage.spec(model=stage.model(provider))))

    assert turn.code == "model_unreachable"
    assert server.calls == []
    assert server.open_sockets == 0


async def test_an_allowed_address_is_called(
    kind: Kind, server: ModelServer, provider: Provider
) -> None:
    async with open_egress(LOOPBACK) as egress:
        stage = Stage(kind, server, guarded(kind, egress))
        story = stage.story()
        story.answers_from_context("Hello.")

        turn = await stage.play(story, spec=stage.spec(model=stage.model(provider)))

    assert turn.outline == story.outline
