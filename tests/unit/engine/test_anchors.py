"""What a turn about one record adds to prompts."""

from cadence.engine.anchors import AnchoredAgent, anchor_agent, anchor_node

TICKETS, ORDERS = "com.acme.tickets", "com.acme.orders"
ANCHORS = {
    TICKETS: AnchoredAgent(title="Tickets", rules="Stay with T-1.", record='{"number":"T-1"}'),
    ORDERS: AnchoredAgent(title="Orders", rules="", record='{"number":"O-2"}'),
}


def test_without_a_record_a_prompt_stays_as_it_is() -> None:
    assert anchor_agent("You add.\n", TICKETS, {}) == "You add.\n"
    assert anchor_node("You decide.\n", {}) == "You decide.\n"


def test_an_agent_is_told_its_own_rules_and_record_and_no_others() -> None:
    prompt = anchor_agent("You add.\n", TICKETS, ANCHORS)

    assert prompt.startswith("You add.\n\n")
    assert "\nStay with T-1.\n" in prompt
    assert prompt.endswith('\n{"number":"T-1"}\n')
    assert "O-2" not in prompt


def test_an_author_without_rules_has_none() -> None:
    assert "\nNone.\n" in anchor_agent("", ORDERS, ANCHORS)


def test_an_agent_beside_is_told_whose_record_it_is_and_nothing_of_it() -> None:
    for name in ("coordinator", "com.acme.math"):
        prompt = anchor_agent("You lead.\n", name, ANCHORS)

        assert prompt.endswith("is work for: Tickets, Orders.\n")
        assert "T-1" not in prompt
        assert "O-2" not in prompt


def test_a_node_is_told_every_record() -> None:
    prompt = anchor_node("You decide.\n", ANCHORS)

    assert prompt.startswith("You decide.\n")
    assert prompt.index("Stay with T-1.") < prompt.index('{"number":"O-2"}')


def test_no_text_of_a_plugin_acts_as_a_template() -> None:
    sly = AnchoredAgent(title="{record}", rules="{titles} {title}", record='{"a":"{rules}"}')

    prompt = anchor_agent("", TICKETS, {TICKETS: sly})

    assert "belongs to the plugin {record}." in prompt
    assert "\n{titles} {title}\n" in prompt
    assert prompt.endswith('\n{"a":"{rules}"}\n')


def test_nothing_of_a_record_is_shown_in_a_log() -> None:
    assert "T-1" not in repr(ANCHORS[TICKETS])
