"""Plugin packages in an object store: a folder, S3, MinIO, GCS or Azure, chosen by URL."""

import hashlib
from contextlib import suppress
from pathlib import Path

from obstore.exceptions import AlreadyExistsError
from obstore.store import ObjectStore, from_url

from cadence.kernel.errors import CadenceError, Kind


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
        return from_url(url)
    folder.mkdir(parents=True, exist_ok=True)
    return from_url(folder.resolve().as_uri())


class PackageStore:
    """Zip files under their own sha256, so that the same bytes are kept once per owner."""

    def __init__(self, store: ObjectStore) -> None:
        self._store = store

    async def put(self, content: bytes, *, owner: str) -> str:
        """Store a package for one organization (or `system`) and return its sha256."""
        digest = hashlib.sha256(content).hexdigest()
        # The same bytes may already be there, which is all that was asked.
        with suppress(AlreadyExistsError):
            await self._store.put_async(_path(owner, digest), content, mode="create")
        return digest

    async def get(self, digest: str, *, owner: str) -> bytes:
        """Return a package; raises `PackageMissing`, or `PackageDamaged` if its sha256 differs."""
        try:
            answer = await self._store.get_async(_path(owner, digest))
        except FileNotFoundError:
            raise PackageMissing from None
        content = bytes(await answer.bytes_async())
        if hashlib.sha256(content).hexdigest() != digest:
            raise PackageDamaged
        return content

    async def ping(self) -> None:
        """Make one round trip."""
        with suppress(FileNotFoundError):
            await self._store.head_async("plugins/none")


def _path(owner: str, digest: str) -> str:
    return f"plugins/{owner}/{digest}.zip"
