"""How a new password comes to be: given and checked, or made up and shown once."""

import secrets
from dataclasses import dataclass, field

from pydantic import SecretStr

from cadence.domains.access.passwords import Passwords, problem_with
from cadence.kernel.errors import FieldProblem, InvalidInput

# 18 random bytes are 24 characters (SECURITY.md §6).
GENERATED_BYTES = 18


@dataclass(frozen=True, slots=True)
class NewPassword:
    """What is stored, and the password itself when it was made up here."""

    hash: str = field(repr=False)
    shown: str | None = field(repr=False)


async def choose_password(
    passwords: Passwords, given: SecretStr | None, *, username: str
) -> NewPassword:
    """Take the given password or make one up; raises `InvalidInput` for a weak one."""
    if given is not None:
        return NewPassword(await hash_given(passwords, given, username=username), None)
    made_up = secrets.token_urlsafe(GENERATED_BYTES)
    return NewPassword(await passwords.hash(made_up), made_up)


async def hash_given(passwords: Passwords, given: SecretStr, *, username: str) -> str:
    """Hash a given password; raises `InvalidInput` for a weak one."""
    problem = problem_with(given.get_secret_value(), username=username)
    if problem is not None:
        raise InvalidInput.of(FieldProblem("password", problem))
    return await passwords.hash(given.get_secret_value())
