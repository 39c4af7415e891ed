"""One database for each organization: no query can reach another's documents."""

import re
from collections.abc import Collection, Sequence
from dataclasses import dataclass
from typing import Any
from uuid import UUID

import structlog
from motor.motor_asyncio import (
    AsyncIOMotorClient,
    AsyncIOMotorCollection,
    AsyncIOMotorDatabase,
)
from pymongo.errors import DuplicateKeyError, OperationFailure

from cadence.infra.away import Store, StoreUnavailable
from cadence.infra.mongo.away import PATIENT_SECONDS, is_away, reaching

log = structlog.get_logger(__name__)

Document = dict[str, Any]
Documents = AsyncIOMotorCollection[Document]
PREFIX = "cadence_"
_NAME = re.compile(rf"{PREFIX}([0-9a-f]{{32}})")


@dataclass(frozen=True, slots=True)
class Index:
    """A unique index by these fields, in this order."""

    name: str
    fields: tuple[str, ...]


MESSAGE_INDEXES = (
    Index("by_position", ("conversation_id", "position")),
    # Each side speaks once in a run: whoever finishes a run for a dead process may come late.
    Index("by_run", ("conversation_id", "run_id", "role")),
)


def database_name(organization_id: UUID) -> str:
    """Return what an organization's database is called."""
    return f"{PREFIX}{organization_id.hex}"


class OrganizationDatabase:
    """What one organization has in MongoDB; its indexes are made before its first document."""

    def __init__(self, database: AsyncIOMotorDatabase[Document]) -> None:
        self._database = database
        self._is_prepared = False

    @property
    def messages(self) -> Documents:
        """What was said, a document for each message."""
        return self._database["messages"]

    @property
    def summaries(self) -> Documents:
        """What stands for older messages, a document for each conversation, by its id."""
        return self._database["summaries"]

    async def prepare(self) -> None:
        """Make the indexes that are not there, once in this process.

        It may take seconds: whoever adds messages does this before a row is locked. Raises
        `StoreUnavailable`, also when they cannot be made; `OrganizationDatabases.check` logs why.
        """
        try:
            await self.make_indexes()
        except OperationFailure as failure:
            raise StoreUnavailable(Store.TRANSCRIPTS) from failure

    async def make_indexes(self) -> None:
        """Do the same; raises `OperationFailure` when they cannot be made."""
        if self._is_prepared:
            return
        async with reaching(PATIENT_SECONDS):
            for index in MESSAGE_INDEXES:
                keys = [(field, 1) for field in index.fields]
                await self.messages.create_index(keys, unique=True, name=index.name)
        self._is_prepared = True

    async def add(self, message: Document) -> bool:
        """Add a message; False when an index has no place for it."""
        await self.prepare()
        async with reaching():
            try:
                await self.messages.insert_one(message)
            except DuplicateKeyError:
                return False
        return True


class OrganizationDatabases:
    """The databases of a deployment; all methods raise `StoreUnavailable`."""

    def __init__(self, client: AsyncIOMotorClient[Document]) -> None:
        self._client = client
        self._known: dict[UUID, OrganizationDatabase] = {}

    def of(self, organization_id: UUID) -> OrganizationDatabase:
        """Return one organization's; it need not exist yet."""
        if organization_id not in self._known:
            named = self._client[database_name(organization_id)]
            self._known[organization_id] = OrganizationDatabase(named)
        return self._known[organization_id]

    async def ping(self) -> None:
        """Make one round trip."""
        async with reaching():
            await self._client.admin.command("ping")

    async def list_organizations(self) -> Sequence[UUID]:
        """Return whose databases there are; other databases of the server are none of ours."""
        async with reaching(PATIENT_SECONDS):
            names = await self._client.list_database_names()
        found = (_NAME.fullmatch(name) for name in names)
        return [UUID(hex=match[1]) for match in found if match is not None]

    async def drop(self, organization_id: UUID) -> None:
        """Remove an organization's database; one that is not there is no error."""
        self._known.pop(organization_id, None)
        async with reaching(PATIENT_SECONDS):
            await self._client.drop_database(database_name(organization_id))

    async def check(self, organization_ids: Collection[UUID]) -> None:
        """Make the indexes that are missing; log which of them cannot be made."""
        for organization_id in organization_ids:
            try:
                await self.of(organization_id).make_indexes()
            except OperationFailure as failure:
                if is_away(failure):
                    raise
                log.error(  # noqa: TRY400  # the driver's words may quote a document
                    "transcript_indexes_wrong",
                    database=database_name(organization_id),
                    code=failure.code,
                    remedy="drop its indexes, and documents that are there twice",
                )
