"""The `cadence` command."""

import asyncio
import json
import os
import sys
from contextlib import ExitStack
from pathlib import Path
from types import TracebackType
from typing import Annotated

import typer

from cadence.engine.models.environment import scrub_vendor_environment

app = typer.Typer(
    help="Runs AI-agent orchestrators for many organizations.",
    no_args_is_help=True,
    pretty_exceptions_enable=False,
)
keys = typer.Typer(help="Sealing keys.", no_args_is_help=True)
app.add_typer(keys, name="keys")
doctor = typer.Typer(help="Check settings, stores and plugins; `doctor sandbox` tells more.")
app.add_typer(doctor, name="doctor")

# Each command imports what it runs, so that `cadence --help` need not wait for all of it.


@app.command()
def serve(
    host: Annotated[str | None, typer.Option(help="Address; CADENCE_API_HOST.")] = None,
    port: Annotated[int | None, typer.Option(help="Port; CADENCE_API_PORT.")] = None,
    workers: Annotated[int, typer.Option(min=1, help="Processes behind the port.")] = 1,
    *,
    reload: Annotated[bool, typer.Option("--reload", help="Restart on changed files.")] = False,
) -> None:
    """Serve the API."""
    from cadence.config.production import require_startable  # noqa: PLC0415
    from cadence.config.settings import Settings  # noqa: PLC0415

    _set_address(host, port)
    settings = Settings()
    # A refusal need not wait for the rest to be imported.
    require_startable(settings, processes=workers)
    from cadence.entrypoints.serving import serve as run  # noqa: PLC0415

    run(settings, workers=workers, reload=reload)


@app.command()
def migrate(
    down: Annotated[int, typer.Option(min=0, help="Take back the last N migrations.")] = 0,
    create: Annotated[str | None, typer.Option(help="Write a migration with this title.")] = None,
    *,
    history: Annotated[bool, typer.Option("--history", help="List the migrations.")] = False,
) -> None:
    """Bring the database to the newest schema."""
    from cadence.entrypoints import migrations  # noqa: PLC0415

    if history:
        asyncio.run(migrations.show_history())
    elif create is not None:
        asyncio.run(migrations.create(create))
    elif down:
        asyncio.run(migrations.downgrade(down))
    else:
        asyncio.run(migrations.upgrade())


@app.command()
def bootstrap(
    username: Annotated[str, typer.Option(help="The sys_admin's name.")] = "admin",
    email: Annotated[str | None, typer.Option(help="The sys_admin's address.")] = None,
    password: Annotated[str | None, typer.Option(help="Made up and shown when left out.")] = None,
    *,
    add_sys_admin: Annotated[
        bool, typer.Option("--add-sys-admin", help="Add one more to those who are there.")
    ] = False,
) -> None:
    """Create the first sys_admin; safe to repeat."""
    from cadence.entrypoints.first_admin import FirstAdmin, create_first_admin  # noqa: PLC0415

    asked = FirstAdmin(username, email, password, add_sys_admin)
    asyncio.run(create_first_admin(asked))


@app.command()
def demo(
    port: Annotated[int, typer.Option(help="Port; the next free one if it is taken.")] = 8000,
    *,
    leave: Annotated[bool, typer.Option("--exit", help="Stop after the last answer.")] = False,
) -> None:
    """Start on embedded storage, compose orchestrators and watch them answer."""
    from cadence.entrypoints.demo import run_demo  # noqa: PLC0415

    wants_exit = leave or os.environ.get("CADENCE_DEMO_EXIT") == "1"  # noqa: TID251  # documented
    stays = not wants_exit and sys.stdout.isatty()
    raise typer.Exit(asyncio.run(run_demo(port=port, stays=stays)))


@app.command()
def openapi(
    path: Annotated[Path | None, typer.Argument(help="Where to write; else it is printed.")] = None,
) -> None:
    """Write the schema of the API."""
    from cadence.config.settings import Settings  # noqa: PLC0415
    from cadence.entrypoints.api import build_api  # noqa: PLC0415
    from cadence.entrypoints.refusing import Refused  # noqa: PLC0415

    text = json.dumps(build_api(Settings()).openapi(), indent=2, sort_keys=True) + "\n"
    if path is None:
        sys.stdout.write(text)
        return
    try:
        path.write_text(text, encoding="utf-8")
    except OSError as error:
        raise Refused(f"{path} cannot be written: {error.strerror}.") from error


@doctor.callback(invoke_without_command=True)
def examine(context: typer.Context) -> None:
    """Check the settings, each store and what locks plugins in; one line each, with the remedy."""
    if context.invoked_subcommand is not None:
        return
    from cadence.entrypoints.doctor import examine as run  # noqa: PLC0415

    raise typer.Exit(asyncio.run(run()))


@doctor.command("sandbox")
def sandbox() -> None:
    """Attack from inside a plugin, and say what came of each attack; opens no store."""
    from cadence.entrypoints.doctor import attack_from_inside  # noqa: PLC0415

    raise typer.Exit(asyncio.run(attack_from_inside()))


@keys.command("generate")
def generate(
    *,
    add: Annotated[
        bool, typer.Option("--add", help="Make it the next primary, in development at once.")
    ] = False,
) -> None:
    """Print a fresh key, for CADENCE_ENCRYPTION_KEYS or CADENCE_SECRET_KEY."""
    if add:
        from cadence.entrypoints.keys import add_key  # noqa: PLC0415

        add_key()
        return
    from cadence.infra.secrets.keyring import generate_key  # noqa: PLC0415

    sys.stdout.write(generate_key() + "\n")


@keys.command("status")
def status() -> None:
    """Say what is sealed with which key; code 1 when a key is missing."""
    from cadence.entrypoints.keys import show_status  # noqa: PLC0415

    raise typer.Exit(asyncio.run(show_status()))


@keys.command("rotate")
def rotate() -> None:
    """Seal everything with the primary key while the service runs; go on where it was stopped."""
    from cadence.entrypoints.keys import rotate as run  # noqa: PLC0415

    raise typer.Exit(asyncio.run(run()))


@keys.command("retire")
def retire(kid: Annotated[str, typer.Argument(help="The id before the key's colon.")]) -> None:
    """Say how to remove a key that nothing is sealed with any more."""
    from cadence.entrypoints.keys import retire as run  # noqa: PLC0415

    asyncio.run(run(kid))


def _set_address(host: str | None, port: int | None) -> None:
    # Through the environment, where worker processes and reloads find it as well.
    if host is not None:
        os.environ["CADENCE_API_HOST"] = host  # noqa: TID251  # see above
    if port is not None:
        os.environ["CADENCE_API_PORT"] = str(port)  # noqa: TID251  # see above


def main() -> None:
    """Run the command; what an operator can mend is told in sentences, not tracebacks."""
    scrub_vendor_environment(os.environ)  # noqa: TID251  # before any vendor's code is imported
    with ExitStack() as ending:
        ending.push(_explain)
        app()


def _explain(
    _kind: type[BaseException] | None, error: BaseException | None, _trace: TracebackType | None
) -> None:
    if isinstance(error, Exception):
        # Only now, since it knows most of the service.
        from cadence.entrypoints.refusing import refuse  # noqa: PLC0415

        refuse(error)
