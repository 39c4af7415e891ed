"""A server of its own for the walls' tests, on either store."""

import asyncio
import secrets
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from pydantic import SecretStr
from sqlalchemy import text

from cadence.config.settings import LogSettings, MetricsSettings, PostgresSettings
from cadence.entrypoints.serving import set_up_logging
from cadence.infra.database.engine import open_database
from cadence.infra.database.migrating import upgrade
from tests.fixtures.service import ServerThread, Service, create_sys_admin, settings_for


@contextmanager
def open_server(folder: Path, *, postgres_server: str | None) -> Iterator[Service]:
    """Serve on SQLite below the folder, or on a fresh database of the PostgreSQL server."""
    changed = {
        # With a token of its own, `/metrics` is for sys_admins here as it is in production.
        "metrics": MetricsSettings(token=SecretStr(secrets.token_urlsafe(32))),
        # A line for each of thousands of requests helps nobody.
        "log": LogSettings(level="WARNING", format="json"),
    }
    if postgres_server is not None:
        url = asyncio.run(create_database(postgres_server))
        changed["postgres"] = PostgresSettings(url=SecretStr(url))
    settings = settings_for(folder).model_copy(update=changed)
    set_up_logging(settings)
    asyncio.run(create_sys_admin(settings))
    server = ServerThread(settings)
    try:
        yield server.start()
    finally:
        server.stop()


async def create_database(server: str) -> str:
    """Create a database with the newest schema on a PostgreSQL server and return its URL."""
    name = f"walls_{secrets.token_hex(6)}"
    async with open_database(f"{server}/postgres", pool_size=1) as engine:
        outside = engine.execution_options(isolation_level="AUTOCOMMIT")
        async with outside.connect() as connection:
            await connection.execute(text(f"CREATE DATABASE {name}"))
    url = f"{server}/{name}"
    async with open_database(url, pool_size=1) as engine:
        await upgrade(engine)
    return url
