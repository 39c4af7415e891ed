"""Messages keep everything on the way through a dict and JSON."""

import json
from typing import Any

import pytest
from cadence_sdk import (
    ToolCall,
    UvAIMessage,
    UvContextMessage,
    UvHumanMessage,
    UvMessage,
    UvState,
    UvSystemMessage,
    UvToolMessage,
)
from hypothesis import given
from hypothesis import strategies as st

texts = st.text(max_size=30)
values: st.SearchStrategy[Any] = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats(allow_nan=False) | texts,
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(texts, inner, max_size=3),
    max_leaves=8,
)
dicts = st.dictionaries(texts, values, max_size=3)
shared: dict[str, st.SearchStrategy[Any]] = {
    "content": texts | st.lists(texts | dicts, max_size=3),
    "metadata": dicts,
    "message_id": st.none() | texts,
}
calls = st.lists(st.builds(ToolCall, id=texts, name=texts, args=dicts), max_size=3)
messages: st.SearchStrategy[UvMessage] = st.one_of(
    st.builds(UvHumanMessage, **shared),
    st.builds(UvAIMessage, tool_calls=calls, **shared),
    st.builds(UvSystemMessage, **shared),
    st.builds(UvToolMessage, tool_call_id=texts, tool_name=texts, **shared),
    st.builds(UvContextMessage, resource_id=texts, data=dicts, **shared),
)


@given(messages)
def test_a_message_survives_the_way_through_its_dict(message: UvMessage) -> None:
    assert UvMessage.from_dict(message.to_dict()) == message
    assert type(message).from_dict(message.to_dict()) == message


@given(messages)
def test_a_message_survives_the_way_through_json(message: UvMessage) -> None:
    assert UvMessage.from_dict(json.loads(json.dumps(message.to_dict()))) == message


@pytest.mark.parametrize(
    ("message", "role"),
    [
        (UvHumanMessage(content="hi"), "human"),
        (UvAIMessage(), "ai"),
        (UvSystemMessage(content="be brief"), "system"),
        (UvToolMessage(content="4", tool_call_id="1", tool_name="add"), "tool"),
        (UvContextMessage(resource_id="7"), "context"),
    ],
    ids=["human", "ai", "system", "tool", "context"],
)
def test_each_class_speaks_in_its_own_role(message: UvMessage, role: str) -> None:
    assert message.role == role
    assert message.to_dict()["role"] == role
    assert type(message.to_dict()["role"]) is str
    assert UvMessage.from_dict(message.to_dict()) == message


def test_a_class_refuses_a_role_that_is_not_its_own() -> None:
    with pytest.raises(ValueError, match="has the role 'human'"):
        UvHumanMessage.from_dict({"role": "ai", "content": "hi"})


def test_an_unknown_role_is_refused() -> None:
    with pytest.raises(ValueError, match="role"):
        UvMessage.from_dict({"role": "robot", "content": "hi"})


def test_a_plain_message_of_any_role_survives_too() -> None:
    message = UvMessage.from_dict({"role": "tool", "content": "4", "unknown": 1})

    assert type(message) is UvMessage
    assert UvMessage.from_dict(message.to_dict()) == message


def test_metadata_is_not_shared_between_messages() -> None:
    first, second = UvHumanMessage(content="a"), UvHumanMessage(content="b")

    first.metadata["seen"] = True

    assert second.metadata == {}


def test_every_key_of_the_state_may_be_absent() -> None:
    state: UvState = {"messages": [UvHumanMessage(content="hi")]}

    assert UvState.__total__ is False
    assert set(UvState.__annotations__) == {"messages", "thread_id", "resource_id", "user_intent"}
    assert state["messages"][0].content == "hi"
