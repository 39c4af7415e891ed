"""The support ticket agent works on the record it is anchored to, and on no other."""

from collections.abc import Iterator

import pytest
from cadence_sdk import CadenceException
from cadence_sdk.testing import PluginHarness

from sdk.examples.support_ticket.keys import TicketKeys
from sdk.examples.support_ticket.trouble import TicketRefused
from sdk.tests.sources import EXAMPLES

FOLDER = EXAMPLES / "support_ticket"


@pytest.fixture
def ticket() -> Iterator[PluginHarness]:
    """Return the plugin, opened."""
    with PluginHarness(FOLDER) as plugin:
        yield plugin


def test_the_record_tells_what_a_model_must_know(ticket: PluginHarness) -> None:
    record = ticket.anchor("T-1001").record

    assert record["number"] == "T-1001"
    assert record["status"] == "waiting for the carrier"
    assert record["messages"] == 3


def test_the_rules_name_the_ticket_and_the_key_stays_in_the_record(ticket: PluginHarness) -> None:
    anchor = ticket.anchor("t-1002 ")

    assert "ticket T-1002 and on no other" in anchor.rules
    assert anchor.record["key"] not in anchor.rules


@pytest.mark.parametrize(
    "number", ["T-4711", "", "../plugin", "tickets/T-1001", "T-1001.json", "T-1001\x00"]
)
def test_a_ticket_that_is_not_there_is_refused_in_a_sentence(
    ticket: PluginHarness, number: str
) -> None:
    with pytest.raises(CadenceException, match=r"^There is no ticket by that number\.$"):
        ticket.anchor(number)


def test_the_key_opens_its_own_ticket(ticket: PluginHarness) -> None:
    key = ticket.anchor("T-1001").record["key"]

    messages = ticket.call("read_messages", key=key, newest=1).result
    history = ticket.call("read_history", key=key).result

    assert messages["number"] == history["number"] == "T-1001"
    assert [each["at"] for each in messages["messages"]] == ["2026-11-16 18:40"]
    assert [each["change"] for each in history["history"]][:1] == ["opened"]


def test_two_conversations_at_once_read_a_ticket_each(ticket: PluginHarness) -> None:
    first, second = (ticket.anchor(number).record["key"] for number in ("T-1001", "T-1002"))

    read = [ticket.call("read_messages", key=key).result["number"] for key in (first, second)]

    assert read == ["T-1001", "T-1002"]


def test_a_key_of_one_ticket_opens_no_other(ticket: PluginHarness) -> None:
    key = ticket.anchor("T-1001").record["key"]
    forged = key.replace("T-1001", "T-1002")

    for wrong in (forged, "T-1002", "T-1002.", key[:-1], "", "T-1002.\udcff"):
        with pytest.raises(CadenceException, match="opens no ticket"):
            ticket.call("read_messages", key=wrong)


def test_a_key_is_worth_nothing_to_another_agent() -> None:
    with pytest.raises(TicketRefused):
        TicketKeys().read(TicketKeys().issue("T-1001"))


def test_an_agent_that_is_not_scoped_cannot_be_anchored() -> None:
    with (
        PluginHarness(EXAMPLES / "calculator") as plugin,
        pytest.raises(TypeError, match="is not derived from BaseScopedAgent"),
    ):
        plugin.anchor("T-1001")


async def test_it_can_be_anchored_inside_an_event_loop() -> None:
    async with PluginHarness(FOLDER) as plugin:
        assert (await plugin.aanchor("T-1003")).record["status"] == "solved"
        with pytest.raises(RuntimeError, match="inside `with"):
            plugin.anchor("T-1003")
