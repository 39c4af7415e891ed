"""Chooses where this process keeps what is said."""

from typing import TYPE_CHECKING

from cadence.domains.conversations.transcripts import TranscriptStore
from cadence.domains.conversations.transcripts_in_tables import TranscriptTables

if TYPE_CHECKING:  # its driver is of no use to whoever has no MongoDB
    from cadence.infra.mongo.organizations import OrganizationDatabases


def build_transcript_store(mongo: "OrganizationDatabases | None") -> TranscriptStore:
    """Return the store over MongoDB when the process has one (`Resources.mongo`), else tables."""
    if mongo is None:
        return TranscriptTables()
    from cadence.domains.conversations.transcripts_in_mongo import (  # noqa: PLC0415  # as above
        TranscriptDatabases,
    )

    return TranscriptDatabases(mongo)
