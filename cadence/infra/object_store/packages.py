"""Plugin packages in an object store: a folder, S3, MinIO, GCS or Azure, chosen by URL."""

import asyncio
import hashlib
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from datetime import timedelta
from pathlib import Path
from typing import TYPE_CHECKING

from obstore.exceptions import AlreadyExistsError, BaseError
from obstore.store import ObjectStore, from_url

from cadence.config.settings import ObjectSettings
from cadence.infra.away import Store, StoreUnavailable
from cadence.infra.full import FULL, StorageFull
from cadence.kernel.errors import CadenceError, Kind

if TYPE_CHECKING:
    # Only there for type checkers.
    from obstore.store import ClientConfig, RetryConfig, S3Config

# The driver's own ten retries in three minutes would let a request wait as long. A failure that is
# told later than this is the last one.
RETRY_WITHIN = timedelta(seconds=0.8)
# Seconds in which the store must answer a question without content, before a package is sent or
# fetched. Options of the driver's HTTP client are set for a plain endpoint alone: they would undo
# those of the environment, such as AWS_ALLOW_HTTP.
ANSWER_SECONDS = 1.5


class PackageDamaged(CadenceError):
    """What the store holds is not what was put there."""

    kind = Kind.UNAVAILABLE
    code = "plugin_package_damaged"

    def __init__(self) -> None:
        super().__init__("The stored plugin package is damaged. Upload this version again.")


class PackageMissing(CadenceError):
    """The store does not have the package that the catalog names."""

    kind = Kind.UNAVAILABLE
    code = "plugin_package_missing"

    def __init__(self) -> None:
        super().__init__("The stored plugin package is missing. Upload this version again.")


def open_store(chosen: ObjectSettings, *, folder: Path) -> ObjectStore:
    """Return the store that the settings name, or the folder when they name none."""
    if chosen.store_url is None:
        folder.mkdir(parents=True, exist_ok=True)
        return from_url(folder.resolve().as_uri())
    retries: RetryConfig = {"max_retries": 3, "retry_timeout": RETRY_WITHIN}
    bucket = _bucket(chosen)
    if not bucket:
        return from_url(chosen.store_url, retry_config=retries)
    return from_url(
        chosen.store_url, config=bucket, client_options=_client(chosen), retry_config=retries
    )


def _bucket(chosen: ObjectSettings) -> "S3Config":
    """Return what the settings say of a bucket; the driver asks the environment for the rest."""
    config: S3Config = {}
    if chosen.endpoint is not None:
        config["endpoint"] = chosen.endpoint
    if chosen.region is not None:
        config["region"] = chosen.region
    if chosen.access_key is not None and chosen.secret_key is not None:
        config["access_key_id"] = chosen.access_key.get_secret_value()
        config["secret_access_key"] = chosen.secret_key.get_secret_value()
    return config


def _client(chosen: ObjectSettings) -> "ClientConfig | None":
    # The endpoint's own scheme says whether it may be spoken to in plain text.
    is_plain = (chosen.endpoint or "").startswith("http://")
    return {"allow_http": True} if is_plain else None


class PackageStore:
    """Zip files under their own sha256, so that the same bytes are kept once per owner.

    Every call raises `StoreUnavailable` when the store cannot be reached or does not let us in.
    A folder may have no room left, which is `StorageFull`.
    """

    def __init__(self, store: ObjectStore) -> None:
        self._store = store

    async def put(self, content: bytes, *, owner: str) -> str:
        """Store a package for one organization (or `system`) and return its sha256."""
        digest = hashlib.sha256(content).hexdigest()
        await self.ping()
        try:
            # The same bytes may already be there, which is all that was asked.
            with _naming_the_store(), suppress(AlreadyExistsError):
                await self._store.put_async(_path(owner, digest), content, mode="create")
        except FileNotFoundError as failure:  # there is no such bucket
            raise StoreUnavailable(Store.OBJECTS) from failure
        return digest

    async def get(self, digest: str, *, owner: str) -> bytes:
        """Return a package; raises `PackageMissing`, or `PackageDamaged` if its sha256 differs."""
        await self.ping()
        try:
            with _naming_the_store():
                answer = await self._store.get_async(_path(owner, digest))
                content = bytes(await answer.bytes_async())
        except FileNotFoundError:
            raise PackageMissing from None
        if hashlib.sha256(content).hexdigest() != digest:
            raise PackageDamaged
        return content

    async def ping(self) -> None:
        """Make one round trip."""
        with _naming_the_store(), suppress(FileNotFoundError):
            async with asyncio.timeout(ANSWER_SECONDS):
                await self._store.head_async("plugins/none")


@contextmanager
def _naming_the_store() -> Iterator[None]:
    try:
        yield
    except (BaseError, TimeoutError) as failure:
        if _is_full(failure):
            raise StorageFull from failure
        raise StoreUnavailable(Store.OBJECTS) from failure


def _is_full(failure: Exception) -> bool:
    # The driver tells what the system said in words alone.
    said = str(failure)
    return any(f"(os error {number})" in said for number in FULL)


def _path(owner: str, digest: str) -> str:
    return f"plugins/{owner}/{digest}.zip"
