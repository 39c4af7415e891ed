"""Plugin packages in a bucket: MinIO and its like, chosen by settings alone."""

import time
from collections.abc import Iterator
from pathlib import Path

import pytest

from cadence.infra.away import Store, StoreUnavailable
from cadence.infra.object_store.packages import PackageMissing, PackageStore, open_store
from tests.fixtures.object_store import Bucket, S3Server, open_s3_server

OWNER = "11111111-1111-1111-1111-111111111111"
PACKAGE = b"PK\x05\x06" + bytes(100_000)
# The longest that whoever needs an absent store waits for being told so.
TOLD_WITHIN = 2.0


@pytest.fixture
def packages(bucket: Bucket, tmp_path: Path) -> PackageStore:
    return PackageStore(open_store(bucket.settings, folder=tmp_path))


@pytest.fixture
def stoppable(tmp_path: Path) -> Iterator[S3Server]:
    yield from open_s3_server(tmp_path)


async def test_what_was_put_is_got_by_its_digest(packages: PackageStore) -> None:
    digest = await packages.put(PACKAGE, owner=OWNER)
    again = await packages.put(PACKAGE, owner=OWNER)

    assert again == digest
    assert await packages.get(digest, owner=OWNER) == PACKAGE


async def test_what_another_has_put_is_missing(packages: PackageStore) -> None:
    digest = await packages.put(PACKAGE, owner=OWNER)

    with pytest.raises(PackageMissing):
        await packages.get(digest, owner="22222222-2222-2222-2222-222222222222")


async def test_an_endpoint_that_is_away_is_told_soon_and_serves_again_when_it_is_back(
    stoppable: S3Server, tmp_path: Path
) -> None:
    bucket = Bucket(stoppable.create_bucket(), stoppable.url)
    packages = PackageStore(open_store(bucket.settings, folder=tmp_path))
    digest = await packages.put(PACKAGE, owner=OWNER)
    stoppable.stop()

    begun = time.monotonic()
    with pytest.raises(StoreUnavailable) as away:
        await packages.get(digest, owner=OWNER)

    assert time.monotonic() - begun < TOLD_WITHIN
    assert away.value.store is Store.OBJECTS
    stoppable.start()
    await packages.ping()


async def test_a_bucket_that_is_not_there_counts_as_away(s3_url: str, tmp_path: Path) -> None:
    packages = PackageStore(open_store(Bucket("no-such-bucket", s3_url).settings, folder=tmp_path))

    with pytest.raises(StoreUnavailable):
        await packages.put(PACKAGE, owner=OWNER)
