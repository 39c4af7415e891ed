"""`cadence demo`: the whole way from an empty folder to an answer, through the API."""

import asyncio
import secrets
import signal
import socket
import sys
from collections.abc import Iterator
from contextlib import closing, contextmanager
from io import TextIOWrapper
from ipaddress import ip_network
from pathlib import Path

import uvicorn

from cadence.config.settings import ApiSettings, Environment, LogSettings, Settings, StorageSettings
from cadence.domains.users.dependencies import build_users
from cadence.entrypoints.demo_calls import Calls, DemoFailed
from cadence.entrypoints.demo_ending import show_ending
from cadence.entrypoints.demo_notes import DemoNotes
from cadence.entrypoints.demo_packages import EXAMPLES
from cadence.entrypoints.demo_story import DemoStory
from cadence.entrypoints.demo_terminal import Terminal
from cadence.entrypoints.serving import build_server, set_up_logging
from cadence.entrypoints.starting import opened
from cadence.infra.egress.clients import open_egress
from cadence.infra.egress.rules import EgressRules
from cadence.kernel.actors import operator_actor

FOLDER = Path("var/demo")
HOST = "127.0.0.1"
ONLY_HERE = EgressRules(allow_networks=(ip_network(f"{HOST}/32"),))
USERNAME = "demo"


async def run_demo(*, port: int, stays: bool, examples: Path = EXAMPLES) -> int:
    """Serve, compose, ask; then keep serving or stop.

    Returns 0 when every orchestrator answered with a result of each example plugin, else 1. Raises
    what `opened` raises when the demo's folder cannot be used.
    """
    terminal = _open_terminal()
    with closing(_listen(port)) as listener:
        settings = _settings(port=listener.getsockname()[1])
        set_up_logging(settings)
        terminal.title("Cadence demo", f"all through the REST API of a service in {FOLDER}")
        notes = await _prepare(settings)
        server = build_server(settings)
        async with asyncio.TaskGroup() as tasks:
            serving = tasks.create_task(_serve(server, listener))
            is_good = await _tell(terminal, notes, server, examples=examples, stays=stays)
            if stays and not server.should_exit:
                terminal.line("\nServing until Ctrl+C.")
                await serving
            server.should_exit = True
    return 0 if is_good else 1


async def _tell(
    terminal: Terminal, notes: DemoNotes, server: uvicorn.Server, *, examples: Path, stays: bool
) -> bool:
    try:
        await _started(server)
        base_url = f"http://{HOST}:{server.config.port}"
        terminal.step("service", base_url)
        async with open_egress(ONLY_HERE) as egress:
            calls = Calls(egress.httpx2, base_url)
            told = await DemoStory(calls, terminal, examples=examples).tell(notes)
        show_ending(terminal, calls, notes, told=told, stays=stays)
    except DemoFailed as failure:
        if server.should_exit:
            terminal.failure("The service has stopped.")
        else:
            terminal.failure(str(failure))
            terminal.line(f"    To begin afresh, delete {FOLDER}.")
        server.should_exit = True
        return False
    return told.answered == told.asked


async def _prepare(settings: Settings) -> DemoNotes:
    """Find the sys_admin that an earlier demo made, or make one."""
    path = settings.storage.root / "demo.json"
    async with opened(settings) as resources:
        users, notes = build_users(resources, operator_actor()), DemoNotes.find(path)
        created = (await users.bootstrap(username=USERNAME)).created
        if created is None and notes is not None:
            return notes
        if created is None:
            # The notes are lost, and with them the password.
            another = f"{USERNAME}-{secrets.token_hex(3)}"
            created = (await users.bootstrap(username=another, add_sys_admin=True)).created
        if created is None or created.password is None:
            raise RuntimeError("a new sys_admin always gets a password")
    notes = DemoNotes(username=created.username, password=created.password)
    notes.write(path)
    return notes


async def _started(server: uvicorn.Server) -> None:
    while not server.started:
        if server.should_exit:
            raise DemoFailed("The service did not start.")
        await asyncio.sleep(0.01)


async def _serve(server: uvicorn.Server, listener: socket.socket) -> None:
    with _signals_said_once():
        await server.serve(sockets=[listener])


@contextmanager
def _signals_said_once() -> Iterator[None]:
    # Uvicorn ends in order and then raises the signal again, for whoever was there before it.
    numbers = (signal.SIGINT, signal.SIGTERM)
    before = {number: signal.signal(number, lambda *_: None) for number in numbers}
    try:
        yield
    finally:
        for number, handler in before.items():
            signal.signal(number, handler)


def _settings(*, port: int) -> Settings:
    # Not read from the environment: a demo must not fill the stores of somebody's production.
    return Settings.model_construct(
        environment=Environment.DEVELOPMENT,
        api=ApiSettings(host=HOST, port=port),
        storage=StorageSettings(root=FOLDER),
        log=LogSettings(level="ERROR", format="text"),
    )


def _listen(wanted: int) -> socket.socket:
    """Return a socket on the port, or on any free one when somebody listens there."""
    try:
        return socket.create_server((HOST, wanted))
    except OSError:
        return socket.create_server((HOST, 0))


def _open_terminal() -> Terminal:
    if isinstance(sys.stdout, TextIOWrapper):
        # An answer may hold what the terminal's encoding does not.
        sys.stdout.reconfigure(errors="replace")
    return Terminal(sys.stdout)
