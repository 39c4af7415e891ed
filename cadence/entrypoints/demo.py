"""`cadence demo`: the whole way from an empty folder to an answer, through the API."""

import asyncio
import socket
import sys
from pathlib import Path

import httpx2
import uvicorn

from cadence.bootstrap import open_resources
from cadence.config.settings import ApiSettings, Environment, LogSettings, Settings, StorageSettings
from cadence.domains.users.dependencies import build_users
from cadence.entrypoints.demo_notes import DemoNotes
from cadence.entrypoints.demo_story import DemoFailed, DemoStory
from cadence.entrypoints.demo_terminal import Terminal
from cadence.entrypoints.serving import build_server, set_up_logging

FOLDER = Path("var/demo")
USERNAME = "demo"


async def run_demo(*, port: int, stays: bool) -> int:
    """Serve, compose, ask; then keep serving or stop. 0 when everything was answered."""
    settings = _settings(port)
    set_up_logging(settings)
    terminal = Terminal(sys.stdout)
    terminal.title("Cadence demo", f"storage in {FOLDER}, model: the offline stand-in")
    notes = await _prepare(settings)
    server = build_server(settings)
    async with asyncio.TaskGroup() as tasks:
        serving = tasks.create_task(server.serve())
        try:
            await _started(server, serving)
            is_good = await _tell(settings, notes, terminal)
        finally:
            if not stays:
                server.should_exit = True
        if stays:
            terminal.line("Serving until Ctrl+C.")
    return 0 if is_good else 1


async def _tell(settings: Settings, notes: DemoNotes, terminal: Terminal) -> bool:
    base_url = f"http://127.0.0.1:{settings.api.port}"
    async with httpx2.AsyncClient(base_url=base_url, timeout=60, trust_env=False) as client:
        story = DemoStory(client, terminal)
        try:
            return await story.tell(notes)
        except DemoFailed as failure:
            terminal.failure(str(failure))
            return False


async def _prepare(settings: Settings) -> DemoNotes:
    """Make the sys_admin, or find the one that an earlier demo made."""
    settings.storage.root.mkdir(parents=True, exist_ok=True)
    path = settings.storage.root / "demo.json"
    async with open_resources(settings) as resources:
        users = build_users(resources)
        done = await users.bootstrap(username=USERNAME)
        if done.created is None and path.exists():
            return DemoNotes.read(path)
        if done.created is None:
            raise DemoFailed(f"{path} is missing: delete {settings.storage.root} and start again.")
        notes = DemoNotes(username=USERNAME, password=done.created.password or "")
    notes.write(path)
    return notes


async def _started(server: uvicorn.Server, serving: "asyncio.Task[None]") -> None:
    while not server.started:
        if serving.done():
            raise DemoFailed("The server did not start.")
        await asyncio.sleep(0.01)


def _settings(port: int) -> Settings:
    return Settings(
        environment=Environment.DEVELOPMENT,
        api=ApiSettings(port=_free_port(port)),
        storage=StorageSettings(root=FOLDER),
        log=LogSettings(level="ERROR", format="text"),
    )


def _free_port(wanted: int) -> int:
    """Return the port, or any free one when somebody listens on it."""
    for port in (wanted, 0):
        with socket.socket() as probe:
            probe.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
            try:
                probe.bind(("127.0.0.1", port))
            except OSError:
                continue
            found: int = probe.getsockname()[1]
            return found
    raise DemoFailed("No port is free.")
