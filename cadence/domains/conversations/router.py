"""Talking: turns and runs, and the user's own conversations."""

from typing import Annotated

from fastapi import APIRouter, Depends, Query

from cadence.domains.conversations.dependencies import Conversations, Running, Streams, Turns
from cadence.domains.conversations.errors import RunNotRunning
from cadence.domains.conversations.schemas import (
    ChatAnswer,
    ConversationChange,
    ConversationQuery,
    ConversationRead,
    ForkRequest,
    MessageRead,
    TurnRequest,
)
from cadence.domains.conversations.showing import show, show_answer, show_message
from cadence.domains.conversations.trouble import READ_TROUBLE, START_TROUBLE, TURN_TROUBLE
from cadence.http.disconnecting import UntilLost
from cadence.http.documented import errors
from cadence.http.event_schema import event_stream
from cadence.http.idempotency import IdempotencyKey
from cadence.http.ids import path_uuid
from cadence.http.json_bodies import StrictRoute
from cadence.http.paging import PageAnswer, PageQuery
from cadence.http.sse import EventStream, last_event_id
from cadence.kernel.ids import ConversationId, MessageId, RunId

router = APIRouter(prefix="/api/orgs/{org}", tags=["conversations"], route_class=StrictRoute)

After = Annotated[int, Depends(last_event_id)]


@router.post(
    "/completion/stream",
    response_class=EventStream,
    responses=event_stream() | errors(*START_TROUBLE),
)
async def stream_turn(
    asked: TurnRequest, *, turns: Turns, streams: Streams, key: IdempotencyKey
) -> EventStream:
    """Answer one message as Server-Sent Events.

    The run goes on when the connection is lost, unless `on_disconnect` says otherwise.
    """
    started, events = await turns.stream(asked, key=key)
    return streams.answer(events, run_id=started.run_id, on_lost=started.on_lost)


@router.post("/completion/chat", responses=errors(*START_TROUBLE, *TURN_TROUBLE))
async def chat(
    asked: TurnRequest, *, turns: Turns, key: IdempotencyKey, lost: UntilLost
) -> ChatAnswer:
    """Answer one message as one JSON document, when it is whole."""
    started = await turns.start(asked, key=key)
    return show_answer(started, await turns.finish(started, lost))


@router.get(
    "/runs/{run_id}/events",
    response_class=EventStream,
    responses=event_stream() | errors(*READ_TROUBLE),
)
async def read_run(run_id: str, *, runs: Running, streams: Streams, after: After) -> EventStream:
    """Join or rejoin a run of one's own, from `Last-Event-ID` or its beginning."""
    events = await runs.events(RunId(run_id), after=after)
    return streams.answer(events, run_id=run_id, on_lost=None)


@router.post("/runs/{run_id}/cancel", status_code=202, responses=errors(RunNotRunning()))
async def cancel_run(run_id: str, runs: Running) -> None:
    """Stop a run of one's own; what it has said and cost so far is kept."""
    await runs.cancel(RunId(run_id))


@router.get("/conversations")
async def list_conversations(
    conversations: Conversations, query: Annotated[ConversationQuery, Query()]
) -> PageAnswer[ConversationRead]:
    """List one's own conversations, newest first unless sorted otherwise."""
    found = (await conversations.page(query)).map(show)
    return PageAnswer(items=list(found.items), next=found.next)


@router.get("/conversations/{conversation_id}")
async def get_conversation(conversation_id: str, conversations: Conversations) -> ConversationRead:
    """Show one of one's own conversations."""
    return show(await conversations.get(ConversationId(path_uuid(conversation_id))))


@router.get("/conversations/{conversation_id}/messages")
async def list_messages(
    conversation_id: str, conversations: Conversations, page: PageQuery
) -> PageAnswer[MessageRead]:
    """List what was said, oldest first."""
    identity = ConversationId(path_uuid(conversation_id))
    found = (await conversations.page_messages(identity, page)).map(show_message)
    return PageAnswer(items=list(found.items), next=found.next)


@router.patch("/conversations/{conversation_id}")
async def rename_conversation(
    conversation_id: str, asked: ConversationChange, conversations: Conversations
) -> ConversationRead:
    """Give a conversation another title."""
    identity = ConversationId(path_uuid(conversation_id))
    return show(await conversations.rename(identity, asked.title))


@router.post("/conversations/{conversation_id}/fork", status_code=201)
async def fork_conversation(
    conversation_id: str, asked: ForkRequest, conversations: Conversations
) -> ConversationRead:
    """Begin a new conversation that shares the history up to a message."""
    identity = ConversationId(path_uuid(conversation_id))
    return show(await conversations.fork(identity, MessageId(asked.message_id)))


@router.delete("/conversations/{conversation_id}", status_code=204)
async def remove_conversation(conversation_id: str, conversations: Conversations) -> None:
    """Delete a conversation and all that was said in it."""
    await conversations.remove(ConversationId(path_uuid(conversation_id)))
