"""How the guard picks addresses and shares out the time, without any network."""

import asyncio
from collections.abc import Sequence

import pytest

from cadence.infra.egress.addresses import parse_networks
from cadence.infra.egress.guard import Guard
from cadence.infra.egress.rules import EgressBlocked, EgressRules, Scheme
from tests.fakes.names import Names


class Refused(Exception):
    """What a network says when nobody listens."""


class Network:
    """Answers at these addresses only, hangs at those, and remembers every attempt."""

    def __init__(self, *, answers_at: Sequence[str] = (), hangs_at: Sequence[str] = ()) -> None:
        self._answers_at = answers_at
        self._hangs_at = hangs_at
        self.attempts: list[tuple[str, float | None]] = []

    async def attempt(self, address: str, seconds: float | None) -> str:
        self.attempts.append((address, seconds))
        if address in self._hangs_at:
            await asyncio.sleep(3600 if seconds is None else 0)
        if address not in self._answers_at:
            raise Refused
        return f"connected to {address}"

    @property
    def tried(self) -> list[str]:
        return [address for address, _ in self.attempts]


def guard_for(*addresses: str, rules: EgressRules | None = None) -> Guard:
    return Guard(rules or EgressRules(), resolver=Names(models=[addresses]).resolve)


async def connect(
    guard: Guard, network: Network, *, host: str = "models.example", within: float | None = 5
) -> str:
    return await guard.connect(
        host,
        443,
        scheme=Scheme.HTTPS,
        within=within,
        attempt=network.attempt,
        failures=(Refused,),
    )


async def test_a_public_host_is_connected_at_the_address_that_was_checked() -> None:
    network = Network(answers_at=["8.8.8.8"])

    assert await connect(guard_for("8.8.8.8"), network) == "connected to 8.8.8.8"


async def test_a_literal_address_is_not_looked_up() -> None:
    network = Network(answers_at=["2606:4700::1"])

    assert await connect(guard_for("10.0.0.1"), network, host="2606:4700::1")
    assert network.tried == ["2606:4700::1"]


async def test_nothing_is_tried_when_one_address_is_inside() -> None:
    network = Network(answers_at=["8.8.8.8"])

    with pytest.raises(EgressBlocked):
        await connect(guard_for("8.8.8.8", "10.0.0.1"), network)

    assert network.tried == []


async def test_only_listed_addresses_of_an_own_host_are_tried() -> None:
    network = Network()
    rules = EgressRules(allow_networks=parse_networks("10.1.0.0/16"))

    with pytest.raises(Refused):
        await connect(guard_for("10.1.0.1", "10.2.0.1", "8.8.8.8", rules=rules), network)

    assert network.tried == ["10.1.0.1"]


async def test_families_take_turns_and_the_list_ends() -> None:
    network = Network()
    six = [f"2606:4700::{number}" for number in range(1, 9)]

    with pytest.raises(Refused):
        await connect(guard_for(*six, "8.8.8.8", "8.8.4.4", "8.8.8.8"), network)

    assert network.tried == [six[0], "8.8.8.8", six[1], "8.8.4.4", six[2], six[3]]


async def test_a_dead_address_leaves_time_for_the_next() -> None:
    network = Network(answers_at=["8.8.8.8"])

    await connect(guard_for("1.1.1.1", "8.8.8.8"), network, within=10)

    (_, first_share), (_, last_share) = network.attempts
    assert first_share is not None
    assert 0 < first_share <= 5
    assert last_share is None


async def test_without_a_limit_every_address_may_take_its_time() -> None:
    network = Network(answers_at=["8.8.8.8"])

    await connect(guard_for("1.1.1.1", "8.8.8.8"), network, within=None)

    assert network.attempts == [("1.1.1.1", None), ("8.8.8.8", None)]


async def test_the_limit_holds_for_everything_together() -> None:
    network = Network(hangs_at=["8.8.8.8"])

    with pytest.raises(TimeoutError):
        await connect(guard_for("8.8.8.8"), network, within=0.01)


async def test_a_name_server_that_hangs_is_given_up() -> None:
    async def resolve(_host: str, _port: int) -> Sequence[str]:
        await asyncio.sleep(3600)
        return []

    with pytest.raises(TimeoutError):
        await connect(Guard(EgressRules(), resolver=resolve), Network(), within=0.01)


async def test_a_host_without_addresses_is_an_error_and_not_a_refusal() -> None:
    with pytest.raises(OSError, match="no address") as failure:
        await connect(guard_for(), Network())

    assert not isinstance(failure.value, EgressBlocked)
