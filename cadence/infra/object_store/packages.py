"""Plugin packages in an object store: a folder, S3, MinIO, GCS or Azure, chosen by URL."""

import asyncio
import hashlib
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from datetime import timedelta
from pathlib import Path

from obstore.exceptions import AlreadyExistsError, BaseError
from obstore.store import ObjectStore, from_url

from cadence.infra.away import Store, StoreUnavailable
from cadence.kernel.errors import CadenceError, Kind

# The driver's own ten retries in three minutes would let a request wait as long. A failure that is
# told later than this is the last one.
RETRY_WITHIN = timedelta(seconds=0.8)
# Seconds in which the store must answer a question without content, before a package is sent or
# fetched. Options of the driver's HTTP client are not set: they would undo those of the
# environment, such as AWS_ALLOW_HTTP.
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


def open_store(url: str | None, *, folder: Path) -> ObjectStore:
    """Return the store that `url` names, or the folder when there is no URL."""
    if url is not None:
        return from_url(url, retry_config={"max_retries": 3, "retry_timeout": RETRY_WITHIN})
    folder.mkdir(parents=True, exist_ok=True)
    return from_url(folder.resolve().as_uri())


class PackageStore:
    """Zip files under their own sha256, so that the same bytes are kept once per owner.

    Every call raises `StoreUnavailable` when the store cannot be reached or does not let us in.
    """

    def __init__(self, store: ObjectStore) -> None:
        self._store = store

    async def put(self, content: bytes, *, owner: str) -> str:
        """Store a package for one organization (or `system`) and return its sha256."""
        digest = hashlib.sha256(content).hexdigest()
        await self.ping()
        # The same bytes may already be there, which is all that was asked.
        with _naming_the_store(), suppress(AlreadyExistsError):
            await self._store.put_async(_path(owner, digest), content, mode="create")
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
        raise StoreUnavailable(Store.OBJECTS) from failure


def _path(owner: str, digest: str) -> str:
    return f"plugins/{owner}/{digest}.zip"
