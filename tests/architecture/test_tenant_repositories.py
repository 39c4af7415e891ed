"""A repository of tenant data cannot be built without an organization."""

import importlib
import inspect
from collections.abc import Iterator
from pathlib import Path

import pytest

import cadence.domains

# Those that stand above organizations: who may log in, who there is, which tenants there are and
# how long each keeps what was said, whose orchestrators are behind the plugins they follow; and
# what is sealed anywhere, for an operator who goes from one sealing key to the next.
ABOVE_TENANTS = {
    "AccessRepository",
    "UserRepository",
    "OrganizationRepository",
    "FollowerRepository",
    "RecentUseRepository",
    "RetentionPeriodRepository",
    "SealedHeaderRepository",
    "SealedKeyRepository",
    "SealedSettingRepository",
}


def _repositories() -> Iterator[type]:
    root = Path(next(iter(cadence.domains.__path__)))
    for path in sorted(root.glob("*/*.py")):
        module = importlib.import_module(f"cadence.domains.{path.parent.name}.{path.stem}")
        for name, thing in inspect.getmembers(module, inspect.isclass):
            if name.endswith("Repository") and thing.__module__ == module.__name__:
                yield thing


REPOSITORIES = list(_repositories())


@pytest.mark.parametrize("repository", REPOSITORIES, ids=lambda found: found.__name__)
def test_a_repository_takes_its_organization(repository: type) -> None:
    takes = "organization_id" in inspect.signature(repository).parameters

    assert takes is (repository.__name__ not in ABOVE_TENANTS)


def test_the_repositories_are_found() -> None:
    assert {found.__name__ for found in REPOSITORIES} > ABOVE_TENANTS
