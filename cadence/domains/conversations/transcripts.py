"""The port behind which messages and summaries are kept; conversations themselves are always rows.

Two stores answer it: tables beside the conversations, and a MongoDB with a database for each
organization. One suite of tests holds both to what is written here. `transcript_stores` chooses.
"""

from collections.abc import Collection, Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Any, Literal, Protocol

from cadence.domains.conversations.history import Summary
from cadence.infra.database.transaction import Session
from cadence.kernel.ids import ConversationId, MessageId, OrganizationId, RunId
from cadence.kernel.paging import Page, PageRequest

Side = Literal["user", "assistant"]


@dataclass(frozen=True, slots=True, kw_only=True)
class NewMessage:
    """One side's words in one run, before they have a place; `status` tells how a run ended.

    `usage`, `agents` and `tools` belong to answers only.
    """

    id: MessageId
    run_id: RunId
    role: Side
    content: str
    status: str
    error_code: str | None
    usage: dict[str, Any] | None
    agents: Sequence[str]
    tools: Sequence[dict[str, Any]]
    created_at: datetime


@dataclass(frozen=True, slots=True, kw_only=True)
class StoredMessage(NewMessage):
    """A message and its place in its conversation, counted from 0 without gaps."""

    position: int


@dataclass(frozen=True, slots=True, kw_only=True)
class RecalledMessage:
    """What a turn needs of an earlier message."""

    position: int
    role: Side
    content: str


@dataclass(frozen=True, slots=True, kw_only=True)
class Recalled:
    """What a turn may remember: the newest messages, oldest of them first, and the summary."""

    messages: Sequence[RecalledMessage]
    summary: Summary | None


class ConversationGone(Exception):
    """The conversation was deleted meanwhile; what was to be kept has no place any more."""


class AlreadySaid(Exception):
    """This side has spoken in this run already; in tables the transaction cannot go on."""


class Transcripts(Protocol):
    """What was said in one organization's conversations.

    Writing happens within the session's transaction, as far as the store can: what lies in MongoDB
    is kept even if the transaction is rolled back later. All raise `StoreUnavailable`.
    """

    async def append(self, conversation_id: ConversationId, message: NewMessage) -> None:
        """Add a message behind the newest, and count it in the conversation's row.

        Raises `ConversationGone` or `AlreadySaid`. It takes one statement on rows.
        """
        ...

    async def recall(self, conversation_id: ConversationId, count: int) -> Recalled:
        """Return the newest `count` messages and the summary."""
        ...

    async def list_newest(
        self, conversation_id: ConversationId, count: int
    ) -> Sequence[StoredMessage]:
        """Return the newest messages, oldest of them first."""
        ...

    async def page(
        self, conversation_id: ConversationId, request: PageRequest
    ) -> Page[StoredMessage]:
        """Return a page, oldest first; raises `InvalidInput` for a cursor of another list."""
        ...

    async def find_of_run(
        self, conversation_id: ConversationId, run_id: RunId
    ) -> Sequence[StoredMessage]:
        """Return what was said in one run, oldest first: nothing, the question, or both."""
        ...

    async def find_summary(self, conversation_id: ConversationId) -> Summary | None:
        """Return what stands for the older messages of a conversation."""
        ...

    async def keep_summary(
        self, conversation_id: ConversationId, summary: Summary, *, now: datetime
    ) -> None:
        """Replace a conversation's summary; one that is gone by now needs none."""
        ...

    async def copy(
        self,
        source_id: ConversationId,
        target_id: ConversationId,
        *,
        up_to: MessageId,
        now: datetime,
    ) -> int:
        """Copy the messages up to and with one into a conversation that has none yet.

        They keep their times and runs and get ids of their own. Returns how many they are, 0 when
        the source has no such message. The target's row counts them and was changed `now`. Raises
        `ConversationGone` when there is no such target.
        """
        ...

    async def list_conversations(
        self, *, after: ConversationId | None, count: int
    ) -> Sequence[ConversationId]:
        """Return the next conversations in which something was said, by id."""
        ...

    async def remove(self, conversation_ids: Collection[ConversationId]) -> None:
        """Remove all that was said in conversations whose rows this transaction has deleted."""
        ...


class TranscriptStore(Protocol):
    """Where a deployment keeps what was said."""

    @property
    def is_relational(self) -> bool:
        """Whether messages lie in the session's own store, so that a query may join them."""
        ...

    def of(self, session: Session, organization_id: OrganizationId) -> Transcripts:
        """Return one organization's, for one transaction."""
        ...

    async def prepare(self, organization_id: OrganizationId) -> None:
        """Make ready for an organization's messages, before a transaction that appends one.

        What takes long is then done while nobody waits for a row. Raises `StoreUnavailable`.
        """
        ...

    async def list_organizations(self) -> Sequence[OrganizationId]:
        """Return whose transcripts lie outside of the rows, where nothing removes them by itself.

        They may be of organizations that are gone, or of another deployment's.
        """
        ...

    async def check(self, organization_ids: Collection[OrganizationId]) -> None:
        """Make sure that the indexes of these are there; what is wrong with them is logged."""
        ...

    async def remove_organization(self, organization_id: OrganizationId) -> None:
        """Remove all that is left of an organization whose row is gone."""
        ...
