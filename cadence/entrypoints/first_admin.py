"""`cadence bootstrap`: the first person who can log in."""

import sys
from dataclasses import dataclass

from cadence.config.production import require_startable
from cadence.config.settings import Settings
from cadence.domains.access.dependencies import build_access, build_guesses
from cadence.domains.users.dependencies import build_users
from cadence.entrypoints.serving import set_up_logging
from cadence.entrypoints.starting import opened
from cadence.http.request_rates import RequestRates
from cadence.kernel.actors import operator_actor
from cadence.resources import Resources


@dataclass(frozen=True, slots=True)
class FirstAdmin:
    """Who is to be created; without a password one is made up."""

    username: str
    email: str | None
    password: str | None
    adds: bool


async def create_first_admin(asked: FirstAdmin) -> None:
    """Create a sys_admin and print the credentials once, or say who is there already."""
    settings = Settings()
    require_startable(settings)
    set_up_logging(settings)
    async with opened(settings) as resources:
        done = await build_users(resources, operator_actor()).bootstrap(
            username=asked.username,
            email=asked.email,
            password=asked.password,
            add_sys_admin=asked.adds,
        )
        if done.created is None:
            _say(f"There is a sys_admin already: {', '.join(done.existing)}.")
            _say("Add another with: cadence bootstrap --add-sys-admin --username NAME")
            return
        password = done.created.password or asked.password or ""
        _say("Created a sys_admin. Keep these: they are not shown again.")
        _say(f"  user id   {done.created.user_id}")
        _say(f"  username  {done.created.username}")
        _say(f"  password  {password}")
        await _show_token(resources, done.created.username, password)


async def _show_token(resources: Resources, username: str, password: str) -> None:
    if resources.settings.redis.url.get_secret_value() == "memory://":
        _say("  token     sessions live in the server's memory: POST /api/auth/login for one")
        return
    rates = RequestRates({}, limiter=resources.limiter, settings=resources.settings.rate)
    access = build_access(resources, build_guesses(resources, rates))
    login = await access.log_in(username, password, address="bootstrap")
    _say(f"  token     {login.token}")


def _say(line: str) -> None:
    sys.stdout.write(line + "\n")
