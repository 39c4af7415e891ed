"""Versions are compared as numbers."""

from uuid import UUID

import pytest

from cadence.domains.plugins.versions import latest

OLD, NEW = UUID(int=1), UUID(int=2)


@pytest.mark.parametrize(
    ("first", "second", "newest"),
    [
        pytest.param("1.9.0", "1.10.0", NEW, id="ten is more than nine"),
        pytest.param("2.0", "1.99.99", OLD, id="uploaded later but lower"),
        pytest.param("1.2", "1.2.0", NEW, id="equal, so the later upload"),
    ],
)
def test_the_highest_version_is_the_latest(first: str, second: str, newest: UUID) -> None:
    assert latest([(OLD, first), (NEW, second)]) == newest


def test_no_version_has_no_latest() -> None:
    assert latest([]) is None
