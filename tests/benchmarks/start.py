"""How long a server takes to be ready, and what it weighs before the first orchestrator."""

import asyncio
import tempfile
import time
from pathlib import Path

from tests.benchmarks.memory import resident_mib
from tests.fakes.model_server import Say, open_model_server
from tests.fixtures.clients import Client, create_organization, log_in, open_http
from tests.fixtures.orchestrators import create_bot
from tests.fixtures.processes import Processes, ServeProcess
from tests.fixtures.service import PASSWORD, SYS_ADMIN

STARTS = 5


def run() -> None:
    """Print the figures of issue 2: ready in under 3 s, under 150 MiB."""
    with tempfile.TemporaryDirectory() as folder:
        processes = Processes(Path(folder))
        try:
            _measure(processes, Path(folder))
        finally:
            processes.close()


def _measure(processes: Processes, folder: Path) -> None:
    environment = {"CADENCE_STORAGE_ROOT": str(folder / "stores")}
    processes.run(
        "bootstrap", "--username", SYS_ADMIN, "--password", PASSWORD, environment=environment
    )
    times, server = [], None
    for _ in range(STARTS):
        if server is not None:
            server.stop()
        begun = time.perf_counter()
        server = processes.serve(environment)
        times.append(time.perf_counter() - begun)
    assert server is not None
    print(f"server ready       {min(times):5.2f} s best, {max(times):5.2f} s worst of {STARTS}")
    print(f"resident, ready    {resident_mib(server.pid):5.0f} MiB")
    asyncio.run(_first_turn(server))


async def _first_turn(server: ServeProcess) -> None:
    async with open_http(server.base_url) as http, open_model_server() as model:
        sys_admin = Client(http, await log_in(http, SYS_ADMIN), "none")
        bot = await create_bot(await create_organization(http, sys_admin), model.openai_url)
        print(f"resident, composed {resident_mib(server.pid):5.0f} MiB, before the first turn")
        for name in ("first", "second"):
            model.script(Say("x"), Say("Hello."))
            begun = time.perf_counter()
            await bot.chat("Hello")
            print(f"{name} turn        {1000 * (time.perf_counter() - begun):6.0f} ms")
        print(f"resident, after    {resident_mib(server.pid):5.0f} MiB")
