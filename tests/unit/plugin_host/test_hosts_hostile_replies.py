"""A host that speaks as no host of ours would: whoever called is told, and nothing else happens."""

import asyncio
import os
import signal
import socket
import subprocess
from collections.abc import AsyncIterator, Awaitable, Callable
from contextlib import asynccontextmanager, suppress
from dataclasses import dataclass
from pathlib import Path

import orjson
import pytest

from cadence.kernel.tool_failures import ToolUnavailable
from cadence.plugin_host.errors import PluginBroken
from cadence.plugin_host.frames import LENGTH
from cadence.plugin_host.host import Ending, HostBounds, PluginHost
from cadence.plugin_host.hosted import HostedPlugin
from cadence.plugin_host.output import follow
from cadence.plugin_host.ports import PluginToOpen
from cadence.plugin_host.zygotes import Spawned
from tests.benchmarks.memory import resident_mib

BOUNDS = HostBounds(calls=4, waiting_calls=64, frame_bytes=2_000_000, reply_bytes=200_000)
PLUGIN = PluginToOpen(organization="a", owner="a", sha256="b", folder=Path("/"), settings={})
DESCRIBED = {"pid": "p", "version": "1", "system_prompt": "", "tools": []}
# Seconds.
CALL_WITHIN = 0.3
PATIENCE = 20.0

GARBLED = "broke the protocol"
ENDED = "process ended"
SILENT = "did not answer"


@dataclass(slots=True)
class Line:
    """The far end of a connection; `number` is that of the call that is to be answered."""

    reader: asyncio.StreamReader
    writer: asyncio.StreamWriter
    number: int = 0

    async def asked(self) -> int:
        (length,) = LENGTH.unpack(await self.reader.readexactly(LENGTH.size))
        number = orjson.loads(await self.reader.readexactly(length))["id"]
        assert isinstance(number, int)
        return number

    def say(self, body: bytes) -> None:
        self.writer.write(LENGTH.pack(len(body)) + body)

    def shut(self) -> None:
        self.writer.write_eof()


# What the far end does once a tool has been called.
Trick = Callable[[Line], Awaitable[None]]


@dataclass(slots=True)
class Stage:
    """A plugin whose host is made up but for its process."""

    plugin: HostedPlugin
    host: PluginHost
    process: subprocess.Popen[bytes]
    endings: list[Ending]


@asynccontextmanager
async def staged(trick: Trick, *, description: bytes | None = None) -> AsyncIterator[Stage]:
    """Open a plugin whose host answers as it should until a tool is called."""
    ours, theirs = socket.socketpair()
    ours.settimeout(0)
    output, input_ = os.pipe()
    process = subprocess.Popen(["sleep", "60"])  # noqa: ASYNC220  # it takes a millisecond
    endings: list[Ending] = []
    host = PluginHost(
        Spawned(
            connection=ours,
            pidfd=os.pidfd_open(process.pid),
            output=output,
            is_orphaned=lambda: False,
        ),
        output=await follow(output, {}, bytes_per_minute=0),
        bounds=BOUNDS,
        on_end=lambda _, ending: endings.append(ending),
    )

    async def find(_: PluginToOpen) -> PluginHost:
        return host

    reader, writer = await asyncio.open_connection(sock=theirs)
    acting = asyncio.ensure_future(_act(Line(reader, writer), trick, description))
    await host.connect()
    await host.greeted(within=PATIENCE)
    plugin = HostedPlugin(PLUGIN, find, call_within=CALL_WITHIN, open_within=CALL_WITHIN)
    try:
        async with asyncio.timeout(PATIENCE):
            yield Stage(plugin, host, process, endings)
    finally:
        host.kill(Ending.STOPPED)
        await host.over()
        _ = acting.cancel()
        _ = await asyncio.gather(acting, return_exceptions=True)
        writer.close()
        with suppress(OSError):
            await writer.wait_closed()
        os.close(input_)
        process.kill()
        _ = process.wait()


async def _act(line: Line, trick: Trick, description: bytes | None) -> None:
    line.say(b'{"id":0,"ok":null}')
    number = await line.asked()
    line.say(description or orjson.dumps({"id": number, "ok": DESCRIBED}))
    line.number = await line.asked()
    await trick(line)


def _saying(*bodies: str | bytes) -> Trick:
    """Answer a call with these bodies, in which `%d` is its number."""

    async def trick(line: Line) -> None:
        for body in bodies:
            encoded = body.encode() if isinstance(body, str) else body
            line.say(encoded.replace(b"%d", b"%d" % line.number))
        await asyncio.sleep(PATIENCE)

    return trick


async def _too_long(line: Line) -> None:
    line.writer.write(LENGTH.pack(2**32 - 1))
    await asyncio.sleep(PATIENCE)


async def _a_little_too_long(line: Line) -> None:
    line.say(b'{"id":%d,"ok":{"read":"%b"}}' % (line.number, b"x" * BOUNDS.reply_bytes))
    await asyncio.sleep(PATIENCE)


async def _half_a_frame(line: Line) -> None:
    line.writer.write(LENGTH.pack(1000) + b'{"id":%d,' % line.number)
    await asyncio.sleep(PATIENCE)


async def _drop_by_drop(line: Line) -> None:
    line.writer.write(LENGTH.pack(10_000))
    while True:
        line.writer.write(b"[")
        await asyncio.sleep(0.01)


async def _nothing(_: Line) -> None:
    await asyncio.sleep(PATIENCE)


async def _closing(line: Line) -> None:
    line.writer.close()


async def _half_closing(line: Line) -> None:
    line.shut()
    await asyncio.sleep(PATIENCE)


async def _answering_and_closing(line: Line) -> None:
    line.writer.write(LENGTH.pack(100) + b'{"id":%d,"ok"' % line.number)
    line.writer.close()


async def _flooding(line: Line) -> None:
    frame = b'{"id":4711,"ok":null}'
    while not line.writer.is_closing():
        line.writer.write((LENGTH.pack(len(frame)) + frame) * 1000)
        await line.writer.drain()


@pytest.mark.parametrize(
    ("trick", "told"),
    [
        pytest.param(_too_long, GARBLED, id="four gibibytes are announced"),
        pytest.param(_a_little_too_long, GARBLED, id="longer than any result"),
        pytest.param(_saying(b""), GARBLED, id="an empty frame"),
        pytest.param(_saying("ok"), GARBLED, id="no JSON"),
        pytest.param(_saying("[%d]"), GARBLED, id="no object"),
        pytest.param(_saying("[" * 150_000), GARBLED, id="nested without end"),
        pytest.param(
            _saying('{"id":%d,"ok":{"read":' + '{"a":' * 1100 + "1" + "}" * 1102),
            GARBLED,
            id="nested too deep",
        ),
        pytest.param(_saying('{"id":%d,"ok":{"read":NaN}}'), GARBLED, id="NaN"),
        pytest.param(_saying(' {"id":%d,"ok":{"read":NaN}}'), GARBLED, id="NaN after a space"),
        pytest.param(_saying('{"id":%d,"ok":{"read":1e999}}'), GARBLED, id="infinity"),
        pytest.param(
            _saying(' {"id":%d,"ok":{"read":' + "9" * 5000 + "}}"), GARBLED, id="a huge number"
        ),
        pytest.param(_saying('{"id":%d,"ok":{"read":"\\ud800"}}'), GARBLED, id="half a character"),
        pytest.param(_saying(b'{"id":%d,"ok":{"read":"\xff"}}'), GARBLED, id="no UTF-8"),
        pytest.param(_saying('{"ok":{"read":1}}'), GARBLED, id="no id"),
        pytest.param(_saying('{"id":"%d","ok":{"read":1}}'), GARBLED, id="an id that is a text"),
        pytest.param(_saying('{"id":%d.0,"ok":{"read":1}}'), GARBLED, id="an id with a fraction"),
        pytest.param(_saying('{"id":true,"ok":{"read":1}}'), GARBLED, id="an id that is true"),
        pytest.param(_saying('{"id":null,"ok":{"read":1}}'), GARBLED, id="an id that is null"),
        pytest.param(_saying('{"id":-1,"ok":{"read":1}}'), SILENT, id="an id that is none"),
        pytest.param(_saying('{"id":0,"ok":null}'), SILENT, id="a second greeting"),
        pytest.param(_saying(*['{"id":%d0,"ok":null}'] * 9), SILENT, id="some ids of nobody"),
        pytest.param(_saying(*['{"id":%d0,"ok":null}'] * 99), GARBLED, id="many ids of nobody"),
        pytest.param(_saying('{"id":%d}'), GARBLED, id="neither result nor error"),
        pytest.param(_saying('{"id":%d,"ok":7}'), GARBLED, id="a result that is none"),
        pytest.param(_saying('{"id":%d,"ok":{"shown":7}}'), GARBLED, id="a result to show alone"),
        pytest.param(_saying('{"id":%d,"error":7}'), GARBLED, id="an error that is none"),
        pytest.param(_saying('{"id":%d,"error":{}}'), GARBLED, id="an error of no kind"),
        pytest.param(_saying('{"id":%d,"error":{"kind":["said"]}}'), GARBLED, id="a list for kind"),
        pytest.param(
            _saying('{"id":%d,"error":{"kind":"settings","fields":[["a"]]}}'),
            GARBLED,
            id="fields that are none",
        ),
        pytest.param(_half_a_frame, SILENT, id="half a frame"),
        pytest.param(_drop_by_drop, SILENT, id="a frame that comes drop by drop"),
        pytest.param(_nothing, SILENT, id="nothing at all"),
        pytest.param(_closing, ENDED, id="a closed connection and a process that lives on"),
        pytest.param(_half_closing, ENDED, id="a connection closed in one direction"),
        pytest.param(_answering_and_closing, ENDED, id="half an answer and the end"),
        pytest.param(_flooding, GARBLED, id="a flood of what nobody asked for"),
    ],
)
async def test_whatever_a_host_says_its_caller_is_told_and_its_process_ends(
    trick: Trick, told: str
) -> None:
    async with staged(trick) as stage:
        await stage.plugin.start()

        with pytest.raises(ToolUnavailable, match=told):
            _ = await stage.plugin.call("any", {})

        assert not stage.host.is_alive
        assert await asyncio.to_thread(stage.process.wait, PATIENCE) == -signal.SIGKILL
        await stage.host.over()
        assert len(stage.endings) == 1


async def test_a_second_answer_to_one_call_is_for_nobody() -> None:
    bodies = ['{"id":%d,"ok":{"read":1}}', '{"id":%d,"ok":{"read":2}}']
    async with staged(_saying(*bodies)) as stage:
        await stage.plugin.start()

        assert await stage.plugin.call("any", {}) == (1, 1)

        await asyncio.sleep(0.05)
        assert stage.host.is_alive


async def test_an_answer_goes_to_the_call_that_it_names_in_whatever_order() -> None:
    async def trick(line: Line) -> None:
        numbers = [line.number, *[await line.asked() for _ in range(3)]]
        for each in reversed(numbers):
            line.say(b'{"id":%d,"ok":{"read":%d}}' % (each, numbers.index(each)))

    async with staged(trick) as stage:
        await stage.plugin.start()

        found = await asyncio.gather(*(stage.plugin.call("any", {}) for _ in range(4)))

    assert found == [(0, 0), (1, 1), (2, 2), (3, 3)]


async def test_a_host_that_never_reads_is_ended_and_what_was_meant_for_it_is_let_go() -> None:
    async with staged(_nothing) as stage:
        await stage.plugin.start()
        arguments = {"value": "x" * 1_900_000}

        before = resident_mib()
        calls = [stage.plugin.call("any", arguments) for _ in range(40)]
        told = await asyncio.gather(*calls, return_exceptions=True)

        assert {type(each) for each in told} == {ToolUnavailable}
        assert resident_mib() - before < 60


async def test_a_flood_costs_no_memory() -> None:
    async def trick(line: Line) -> None:
        chunk = b"x" * 1_000_000
        line.writer.write(LENGTH.pack(2**31))
        while not line.writer.is_closing():
            line.writer.write(chunk)
            await line.writer.drain()

    before = resident_mib()
    for _ in range(10):
        async with staged(trick) as stage:
            await stage.plugin.start()
            with pytest.raises(ToolUnavailable, match=GARBLED):
                _ = await stage.plugin.call("any", {})

    assert resident_mib() - before < 30


@pytest.mark.parametrize(
    "description",
    [
        pytest.param(b'{"id":1,"ok":null}', id="nothing"),
        pytest.param(b'{"id":1,"ok":{"pid":"p"}}', id="too little"),
        pytest.param(
            b'{"id":1,"ok":{"pid":7,"version":"1","system_prompt":"","tools":[]}}', id="no text"
        ),
        pytest.param(
            b'{"id":1,"ok":{"pid":"p","version":"1","system_prompt":"","tools":[7]}}',
            id="no tools",
        ),
        pytest.param(
            b'{"id":1,"ok":{"pid":"p","version":"1","system_prompt":"","tools":'
            b'[{"name":"a","description":"","parameters":%b}]}}'
            % (b'{"a":' * 300 + b"1" + b"}" * 300),
            id="parameters that are nested too deep",
        ),
        pytest.param(b'{"id":1,"error":{"kind":"said","message":"a"}}', id="a tool's words"),
        pytest.param(b'{"id":1,"error":{"kind":"raised","type":"a"}}', id="a tool's error"),
        pytest.param(b'{"id":1,"error":{"kind":"unknown_tool"}}', id="a tool that is unknown"),
        pytest.param(b'{"id":1,"error":{"kind":"cancelled"}}', id="a call that was cancelled"),
        pytest.param(b'{"id":1,"error":{"kind":"too_large"}}', id="too much"),
    ],
)
async def test_a_host_that_does_not_say_what_it_offers_has_a_broken_plugin(
    description: bytes,
) -> None:
    async with staged(_nothing, description=description) as stage:
        with pytest.raises(PluginBroken, match="does not say"):
            await stage.plugin.start()

        assert not stage.host.is_alive


async def test_what_a_host_tells_of_an_error_makes_no_line_of_its_own_in_the_log() -> None:
    body = orjson.dumps(
        {"kind": "raised", "type": "Error\nforged\x1b[2J", "file": "a.py\r", "line": 7}
    ).decode()
    async with staged(_saying(f'{{"id":%d,"error":{body}}}')) as stage:
        await stage.plugin.start()

        with pytest.raises(Exception, match=r"^Error.forged") as raised:
            _ = await stage.plugin.call("any", {})

    assert str(raised.value).isprintable()
