"""A host at work: it hears the service's frames, runs the plugin and answers."""

import asyncio
import os
import socket
from collections.abc import Callable, Coroutine, Iterable, Mapping
from concurrent.futures import Future, ThreadPoolExecutor
from contextvars import ContextVar
from pathlib import Path
from typing import Any, NoReturn, ParamSpec, TypeVar, cast

from typing_extensions import override

from cadence.kernel.plain_json import write_plain_json
from cadence.plugin_host.errors import PluginBroken, PluginToolUnknown
from cadence.plugin_host.frames import FrameReader, write_frame, write_ready_frame
from cadence.plugin_host.inside.plan import HostPlan
from cadence.plugin_host.inside.results import write_results
from cadence.plugin_host.inside.telling import tell
from cadence.plugin_host.introspection import ask_plugin
from cadence.plugin_host.loader import open_plugin
from cadence.plugin_host.ports import OpenedPlugin

P = ParamSpec("P")
Result = TypeVar("Result")

# The threads that a request has asked for, so that it can wait for them.
_ASKED: ContextVar[list[Future[Any]]] = ContextVar("asked")


def serve(connection: socket.socket, plan: HostPlan) -> NoReturn:
    """Answer until the service hangs up, then end the process, whatever threads still do."""
    asyncio.run(_serve(connection, plan))
    os._exit(0)


async def _serve(connection: socket.socket, plan: HostPlan) -> None:
    loop = asyncio.get_running_loop()
    over = loop.create_future()
    await loop.create_connection(lambda: Host(plan, over), sock=connection)
    await over
    # The loop would wait for threads that hang.
    os._exit(0)


class Host(asyncio.Protocol):
    """One connection to the service; agents are by the number that the service gives them."""

    def __init__(self, plan: HostPlan, over: "asyncio.Future[None]") -> None:
        self._plan = plan
        self._home = Path(plan.folder)
        self._over = over
        self._threads = _Threads(plan.calls, thread_name_prefix="call")
        self._reader = FrameReader(limit=plan.frame_bytes)
        self._agents: dict[int, OpenedPlugin] = {}
        self._tasks: dict[int, asyncio.Task[None]] = {}
        self._transport: asyncio.WriteTransport | None = None

    @override
    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        self._transport = cast("asyncio.WriteTransport", transport)

    @override
    def connection_lost(self, exc: Exception | None) -> None:
        if not self._over.done():
            self._over.set_result(None)

    @override
    def data_received(self, data: bytes) -> None:
        for message in self._reader.feed(data):
            self._hear(message)

    def _hear(self, message: Mapping[str, Any]) -> None:
        number = message["id"]
        match message["do"]:
            case "call":
                self._begin(number, self._call(message))
            case "open":
                self._begin(number, self._open(message))
            case "anchor":
                self._begin(number, self._anchor(message))
            case "close":
                self._begin(number, self._close(message["agent"]))
            case "describe":
                self._begin(number, self._describe())
            case "cancel":
                if (task := self._tasks.get(message["call"])) is not None:
                    # Not before its first step, as then it would end without a word.
                    asyncio.get_running_loop().call_soon(task.cancel)
            case unknown:
                raise ValueError(unknown)

    def _begin(self, number: int, work: Coroutine[Any, Any, bytes]) -> None:
        task = asyncio.get_running_loop().create_task(self._answer(number, work))
        self._tasks[number] = task

    async def _answer(self, number: int, work: Coroutine[Any, Any, bytes]) -> None:
        asked: list[Future[Any]] = []
        _ASKED.set(asked)
        try:
            frame = write_ready_frame(b'{"id":%d,"ok":%b}' % (number, await work))
        except asyncio.CancelledError:
            frame = write_frame({"id": number, "error": {"kind": "cancelled"}})
        except BaseException as error:  # noqa: BLE001  # plugins may raise anything
            frame = write_frame({"id": number, "error": tell(error, home=self._home)})
        self._tasks.pop(number, None)
        await _over(asked)
        if self._transport is not None:
            self._transport.write(frame)

    async def _open(self, message: Mapping[str, Any]) -> bytes:
        opened = await open_plugin(
            self._home,
            settings=message["settings"],
            executor=self._threads,
            within=self._plan.start_within,
        )
        self._agents[message["agent"]] = opened
        return write_plain_json(_described(opened), limit=self._plan.frame_bytes)

    async def _describe(self) -> bytes:
        said = await ask_plugin(self._home, executor=self._threads, within=self._plan.start_within)
        return write_plain_json(said.to_dict(), limit=self._plan.frame_bytes)

    async def _call(self, message: Mapping[str, Any]) -> bytes:
        agent = self._agents.get(message["agent"])
        if agent is None:
            raise PluginToolUnknown
        read, shown = await agent.call(message["tool"], message["arguments"])
        return write_results(read, shown, limit=self._plan.result_bytes)

    async def _anchor(self, message: Mapping[str, Any]) -> bytes:
        agent = self._agents.get(message["agent"])
        if agent is None:
            raise PluginBroken("The plugin has no such agent.")
        anchor = await agent.anchor(message["resource_id"])
        told = {"rules": anchor.rules, "record": anchor.record}
        return write_plain_json(told, limit=self._plan.frame_bytes)

    async def _close(self, agent: int) -> bytes:
        opened = self._agents.pop(agent, None)
        if opened is not None:
            await opened.close()
        return b"null"


class _Threads(ThreadPoolExecutor):
    """Threads that keep count of what each request has asked of them."""

    @override
    def submit(
        self, fn: Callable[P, Result], /, *args: P.args, **kwargs: P.kwargs
    ) -> Future[Result]:
        future = super().submit(fn, *args, **kwargs)
        _ASKED.get().append(future)
        return future


async def _over(asked: Iterable[Future[Any]]) -> None:
    # A thread cannot be cancelled. Until it returns, its request is not over: the service gives the
    # place to nobody else, and ends this process when it takes too long.
    for future in asked:
        if not future.done():
            await asyncio.wait({asyncio.wrap_future(future)})


def _described(plugin: OpenedPlugin) -> dict[str, Any]:
    return {
        "pid": plugin.pid,
        "version": plugin.version,
        "system_prompt": plugin.system_prompt,
        "is_scoped": plugin.is_scoped,
        "tools": [
            {
                "name": tool.name,
                "description": tool.description,
                "parameters": tool.parameters,
                "needs_validation": tool.needs_validation,
                "streams": tool.streams,
                "is_async": tool.is_async,
            }
            for tool in plugin.tools
        ],
    }


def greeting() -> bytes:
    """Return the first frame of every host, by which the service knows that it stands."""
    return write_frame({"id": 0, "ok": None})
