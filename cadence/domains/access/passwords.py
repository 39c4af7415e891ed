"""Passwords: argon2id in a bounded pool of threads, so that logins cannot starve the service."""

import asyncio
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from typing import TypeVar

from argon2 import PasswordHasher
from argon2.exceptions import InvalidHashError, VerificationError
from typing_extensions import TypeVarTuple

Result = TypeVar("Result")
Arguments = TypeVarTuple("Arguments")

MIN_LENGTH = 12
MAX_LENGTH = 128
MIN_DIFFERENT = 4

# argon2id, t=2, m=19 MiB, p=1: about 32 ms, approved by ASVS 5 (SECURITY.md §6).
_HASHER = PasswordHasher(time_cost=2, memory_cost=19_456, parallelism=1)
# Somebody unknown is checked against this, so that the answer takes as long.
_DUMMY = _HASHER.hash("somebody who does not exist")

COMMON = frozenset(
    {
        "password1234", "123456789012", "qwertyuiop12", "passwordpassword", "administrator",
        "letmeinletmein", "changemechangeme", "iloveyou1234", "welcome12345", "password12345",
    }
)  # fmt: skip


def problem_with(password: str, *, username: str) -> str | None:
    """Say what is wrong with a new password, or None: 12 to 128 characters, not a common one."""
    if not MIN_LENGTH <= len(password) <= MAX_LENGTH:
        return f"must have {MIN_LENGTH} to {MAX_LENGTH} characters"
    lowered = password.lower()
    if lowered in COMMON or lowered == username.lower() or len(set(lowered)) < MIN_DIFFERENT:
        return "is too easy to guess"
    return None


class Passwords:
    """Hashes and checks passwords off the event loop."""

    def __init__(self, threads: ThreadPoolExecutor) -> None:
        self._threads = threads

    async def hash(self, password: str) -> str:
        """Return the argon2id hash of a password."""
        return await self._run(_HASHER.hash, password)

    async def matches(self, password: str, stored: str | None) -> bool:
        """Tell whether a password is the stored one; no stored one takes as long and is False."""
        is_right = await self._run(_verify, stored or _DUMMY, password)
        return is_right and stored is not None

    async def _run(
        self, function: Callable[[*Arguments], Result], *arguments: *Arguments
    ) -> Result:
        loop = asyncio.get_running_loop()
        return await loop.run_in_executor(self._threads, function, *arguments)


def needs_rehash(stored: str) -> bool:
    """Tell whether a hash was made with older parameters."""
    return _HASHER.check_needs_rehash(stored)


def _verify(stored: str, password: str) -> bool:
    try:
        return _HASHER.verify(stored, password)
    except (VerificationError, InvalidHashError):
        return False
