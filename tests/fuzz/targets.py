"""What is given any bytes at all: each target may refuse them by its own error, and by no other."""

from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass

from cadence_sdk import CadenceException
from cadence_sdk.checking.inspection import inspect_zip
from cadence_sdk.checking.manifest import read_manifest
from cadence_sdk.checking.problems import PackageRejected

from cadence.kernel.plain_json import ResultTooLarge, ResultUnreadable
from cadence.kernel.tool_failures import ToolRaised, ToolUnavailable
from cadence.plugin_host.described import PluginDescription
from cadence.plugin_host.errors import PluginBroken, PluginSettingsInvalid, PluginToolUnknown
from cadence.plugin_host.frames import FrameInvalid, FrameReader, write_frame
from cadence.plugin_host.replies import (
    ReplyInvalid,
    read_anchor,
    read_answer,
    read_description,
    read_results,
)
from tests.security.zip_building import SOURCE
from tests.security.zip_samples import ALIKE, GOOD, HOSTILE

LONGEST_FRAME = 4096
# Larger ones only make a run slow.
LARGEST_SEED = 8000
TOLD = (
    PluginBroken,
    PluginSettingsInvalid,
    PluginToolUnknown,
    ReplyInvalid,
    ResultTooLarge,
    ResultUnreadable,
    ToolRaised,
    ToolUnavailable,
    CadenceException,
)


@dataclass(frozen=True, slots=True)
class Target:
    """Code that reads what strangers send, and bytes from which to start."""

    run: Callable[[bytes], None]
    seeds: tuple[bytes, ...]


def check_package(given: bytes) -> None:
    """Read a zip and its metadata as an upload does, or a source alone.

    Few changes of a zip leave its checksums whole, so half of the bytes are taken for `plugin.py`.
    """
    try:
        if given[:1] == b"S":
            read_manifest({"plugin.py": given[1:]})
        else:
            inspect_zip(given)
    except PackageRejected as rejected:
        if not all(problem.message for problem in rejected.problems) or not rejected.problems:
            raise AssertionError("a refusal without a reason") from rejected


def check_frames(given: bytes) -> None:
    """Cut bytes into frames, whole and in pieces, and read each as a host's reply."""
    step = given[0] % 17 + 1 if given else 1
    whole, in_pieces = _messages(given[1:], len(given)), _messages(given[1:], step)
    if whole != in_pieces:
        raise AssertionError("pieces give other messages than the whole")
    for message in whole:
        for read in (read_results, read_description, read_answer, read_anchor, _describe):
            _read(read, message)


def _messages(given: bytes, step: int) -> list[dict[str, object]]:
    reader = FrameReader(limit=LONGEST_FRAME)
    found: list[dict[str, object]] = []
    try:
        for start in range(0, len(given), max(step, 1)):
            found += reader.feed(given[start : start + step])
    except FrameInvalid:
        # What came before it counts; how much of that is handed out depends on the pieces.
        return []
    return found


def _read(read: Callable[[Mapping[str, object]], object], message: Mapping[str, object]) -> None:
    try:
        read(message)
    except TOLD:
        return


def _describe(message: Mapping[str, object]) -> object:
    return PluginDescription.from_told(message.get("ok"))


def _package_seeds() -> Iterator[bytes]:
    yield b"S" + SOURCE
    yield b"S" + SOURCE.replace(b"class Sample", _SETTINGS + b"class Sample")
    samples = [each.content for each in (*HOSTILE.values(), *ALIKE.values())]
    samples += [content for content, _ in GOOD.values()]
    yield from (content for content in samples if len(content) <= LARGEST_SEED)


def _frame_seeds() -> Iterator[bytes]:
    tool = {"name": "a", "description": "b", "parameters": {"type": "object"}}
    for message in (
        {"id": 1, "ok": {"read": "text", "shown": [1, None]}},
        {"id": 2, "ok": {"pid": "a.b", "version": "1.0", "system_prompt": "", "tools": [tool]}},
        {"id": 3, "ok": {"rules": "r", "record": "{}"}},
        {"id": 4, "error": {"kind": "broken", "message": "m", "fields": [["plugin.py:1", "x"]]}},
        {"id": 5, "error": {"kind": "raised", "type": "ValueError", "file": "a.py", "line": 3}},
        {
            "id": 6,
            "ok": {
                "pid": "a.b",
                "version": "1.0",
                "tools": [tool],
                "settings_schema": [{"key": "a", "type": "int", "description": "A."}],
            },
        },
    ):
        yield b"\x05" + write_frame(message)
    yield b"\x01" + write_frame({"id": 1}) + write_frame({"id": 2}) + b"\x00\x00\x00\x09{"
    yield b"\x00\xff\xff\xff\xff"


_SETTINGS = (
    b'@plugin_settings([{"key": "a", "type": "int", "description": "b", "default": 1 + 1}])\n'
)

TARGETS: Mapping[str, Target] = {
    "package": Target(check_package, tuple(_package_seeds())),
    "frames": Target(check_frames, tuple(_frame_seeds())),
}
