"""Opens MongoDB by URL."""

import asyncio
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager

from motor.motor_asyncio import AsyncIOMotorClient
from pymongo.errors import ConfigurationError
from pymongo.uri_parser import parse_uri

from cadence.infra.mongo.organizations import Document, OrganizationDatabases

# Milliseconds; either is less than what `reaching` allows for an answer.
SELECTION_MS = 1500
CONNECT_MS = 1500
# A thread that waits for a silent server is free again after this long; whoever asked has been
# answered by then, and what nobody waits for may take its time.
ANSWER_MS = 20_000
# How often the driver looks after a server that it cannot hear from by itself.
HEARTBEAT_MS = 5000


class MongoUrlInvalid(ValueError):
    """The URL names no server, or options that the driver does not know."""


@asynccontextmanager
async def open_mongo(url: str) -> AsyncIterator[OrganizationDatabases]:
    """Open a client and close it at the end; connects at the first use.

    Raises `MongoUrlInvalid`, without the URL in its message.
    """
    # In a thread, because the names of an `mongodb+srv://` are looked up at once.
    loop = asyncio.get_running_loop()
    client = await asyncio.to_thread(_build_client, url, loop)
    try:
        yield OrganizationDatabases(client)
    finally:
        client.close()


def _build_client(url: str, loop: asyncio.AbstractEventLoop) -> AsyncIOMotorClient[Document]:
    try:
        # The client itself would leave out what it cannot read, with a warning.
        parse_uri(url, validate=True, warn=False)
        return AsyncIOMotorClient(
            url,
            io_loop=loop,
            appname="cadence",
            tz_aware=True,
            uuidRepresentation="standard",
            serverSelectionTimeoutMS=SELECTION_MS,
            connectTimeoutMS=CONNECT_MS,
            socketTimeoutMS=ANSWER_MS,
            heartbeatFrequencyMS=HEARTBEAT_MS,
            # What has been acknowledged must survive a crash of the server as well.
            journal=True,
        )
    except (ConfigurationError, ValueError, TypeError):
        raise MongoUrlInvalid("no MongoDB can be opened by this URL") from None
