"""The state of a conversation, as agents may see it."""

from typing import TypedDict

from cadence_sdk.messages import UvMessage


class UvState(TypedDict, total=False):
    """What is known of a conversation; every key may be absent."""

    messages: list[UvMessage]
    thread_id: str
    resource_id: str | None
    user_intent: str | None
