"""Checking passwords costs the same whoever is asked for (SECURITY.md T23, T24)."""

from collections.abc import Callable, Iterator
from concurrent.futures import Future, ThreadPoolExecutor
from typing import ParamSpec, TypeVar

import pytest
from argon2 import extract_parameters
from typing_extensions import override

from cadence.domains.access.passwords import Passwords

Result = TypeVar("Result")
Arguments = ParamSpec("Arguments")
PASSWORD = "correct-horse-battery-staple"


class WatchedThreads(ThreadPoolExecutor):
    """Keeps what was asked of it; a check is asked for with the hash first."""

    def __init__(self) -> None:
        super().__init__(2)
        self.asked: list[tuple[object, ...]] = []

    @override
    def submit(
        self,
        fn: Callable[Arguments, Result],
        /,
        *args: Arguments.args,
        **kwargs: Arguments.kwargs,
    ) -> Future[Result]:
        self.asked.append(args)
        return super().submit(fn, *args, **kwargs)


@pytest.fixture
def threads() -> Iterator[WatchedThreads]:
    with WatchedThreads() as threads:
        yield threads


async def test_nobody_is_checked_like_somebody(threads: WatchedThreads) -> None:
    passwords = Passwords(threads)
    stored = await passwords.hash(PASSWORD)
    threads.asked.clear()

    assert await passwords.matches(PASSWORD, stored)
    assert not await passwords.matches(PASSWORD, None)

    somebody, nobody = (str(asked[0]) for asked in threads.asked)
    assert somebody == stored
    assert extract_parameters(nobody) == extract_parameters(somebody)


async def test_the_hash_that_stands_in_for_nobody_opens_nothing(threads: WatchedThreads) -> None:
    passwords = Passwords(threads)

    assert not await passwords.matches("somebody who does not exist", None)
