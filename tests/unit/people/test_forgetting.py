"""What an organization has outside of the relational store goes after the commit, and only then."""

import pytest

from cadence.domains.organizations.forgetting import forgetting
from cadence.infra.away import Store, StoreUnavailable
from cadence.kernel.ids import OrganizationId, new_uuid

GONE = OrganizationId(new_uuid())


class NotedDatabases:
    """Notes what is dropped, and may be away."""

    def __init__(self, *, is_away: bool = False) -> None:
        self.dropped: list[OrganizationId] = []
        self._is_away = is_away

    async def drop(self, organization_id: OrganizationId, /) -> None:
        self.dropped.append(organization_id)
        if self._is_away:
            raise StoreUnavailable(Store.TRANSCRIPTS)


async def test_it_is_dropped_after_the_commit() -> None:
    databases = NotedDatabases()

    async with forgetting(databases, GONE):
        before = list(databases.dropped)

    assert before == []
    assert databases.dropped == [GONE]


async def test_it_stays_when_the_transaction_is_rolled_back() -> None:
    databases = NotedDatabases()

    with pytest.raises(KeyError):
        async with forgetting(databases, GONE):
            raise KeyError

    assert databases.dropped == []


async def test_a_deletion_holds_although_the_rest_cannot_be_removed_yet() -> None:
    databases = NotedDatabases(is_away=True)

    async with forgetting(databases, GONE):
        pass

    assert databases.dropped == [GONE]
