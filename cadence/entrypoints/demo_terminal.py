"""How the demo looks in a terminal, and plain in a pipe."""

import json
import re
import shutil
from typing import Any, TextIO

RESET, BOLD, DIM, RED, GREEN, CYAN = (
    "\x1b[0m",
    "\x1b[1m",
    "\x1b[2m",
    "\x1b[31m",
    "\x1b[32m",
    "\x1b[36m",
)
# The event's name, or what a step is about, stands in a column of its own.
COLUMN = 17
WIDEST = 110
PIPE = 100


class Terminal:
    """Writes lines, colored when the stream is a terminal, and events as they arrive."""

    def __init__(self, stream: TextIO) -> None:
        self._stream = stream
        self._has_colors = stream.isatty()
        self._width = min(shutil.get_terminal_size().columns, WIDEST) if self._has_colors else PIPE
        self._message: _Message | None = None

    def title(self, name: str, told: str = "") -> None:
        """Begin a part of the demo."""
        beside = f"  {self._in(DIM, told)}" if told else ""
        self.line(f"\n{self._in(BOLD, name)}{beside}")

    def line(self, text: str) -> None:
        """Write a line as it is, however long."""
        self._end_message()
        self._write(text + "\n")

    def step(self, what: str, which: str, *, note: str = "") -> None:
        """Tell one thing that is there from now on."""
        told = self._in(DIM, f"· {note}") if note else ""
        self.line(f"  {self._in(GREEN, '✓')} {what:<{COLUMN - 4}}{which} {told}".rstrip())

    def failure(self, text: str) -> None:
        """Tell what went wrong."""
        self.line(f"  {self._in(RED, '✗')} {text}")

    def question(self, text: str) -> None:
        """Show what is asked."""
        self._put("you", self._in(BOLD, text))

    def event(self, name: str, fields: dict[str, Any]) -> None:
        """Show one event of a run; the ends of agents go without saying."""
        match name:
            case "message":
                self._speak(str(fields["content"]))
            case "agent_start":
                self._put(name, str(fields["agent"]))
            case "tool_start":
                self._put_call(name, fields["tool"], fields["args"])
            case "tool_end":
                said = "error" if fields["is_error"] else "result"
                told = f"{fields['tool']} {said} in {fields['duration_ms']} ms"
                self._put_call(name, told, fields["result"])
            case "error":
                self._put(name, self._in(RED, f"{fields['code']}: {fields['message']}"))
            case "metadata" if fields.get("final"):
                self._put(name, self._in(DIM, _summary(fields)))
            case _:
                return

    def _put(self, name: str, text: str) -> None:
        self.line(self._label(name) + text)

    def _put_call(self, name: str, told: str, value: object) -> None:
        room = self._width - COLUMN
        shown = _short(value, room)
        if len(told) + 1 + len(shown) <= room:
            self._put(name, f"{self._in(CYAN, told)} {shown}")
            return
        self._put(name, self._in(CYAN, told))
        self.line(" " * COLUMN + shown)

    def _speak(self, piece: str) -> None:
        if self._message is None:
            self._message = _Message(self._width)
            self._write(self._label("message"))
        self._write(self._message.wrap(piece))

    def _label(self, name: str) -> str:
        return f"  {self._in(DIM, f'{name:<{COLUMN - 2}}')}"

    def _end_message(self) -> None:
        if self._message is not None:
            self._message = None
            self._write("\n")

    def _write(self, text: str) -> None:
        self._stream.write(text)
        self._stream.flush()

    def _in(self, color: str, text: str) -> str:
        return f"{color}{text}{RESET}" if self._has_colors else text


class _Message:
    """Wraps an answer at the terminal's width while its pieces still arrive."""

    def __init__(self, width: int) -> None:
        self._width = width
        self._at = COLUMN
        self._blank = ""

    def wrap(self, piece: str) -> str:
        """Return what to write for the next piece; blanks wait for the word that follows."""
        return "".join(map(self._next, re.findall(r"\n|[^\S\n]+|\S+", piece)))

    def _next(self, part: str) -> str:
        if part == "\n":
            return self._break()
        if part.isspace():
            self._blank = " "
            return ""
        fits = self._at + len(self._blank) + len(part) <= self._width
        before = self._blank if fits or not self._blank else self._break()
        self._at += len(part) + (len(before) if fits else 0)
        self._blank = ""
        return before + part

    def _break(self) -> str:
        self._at, self._blank = COLUMN, ""
        return "\n" + " " * COLUMN


def _summary(fields: dict[str, Any]) -> str:
    usage = fields["usage"]
    return (
        f"{fields['outcome']} in {fields['duration_ms']} ms: {usage['llm_calls']} model calls, "
        f"{usage['input_tokens']} tokens in, {usage['output_tokens']} out"
    )


def _short(value: object, length: int) -> str:
    text = value if isinstance(value, str) else json.dumps(value, ensure_ascii=False)
    flat = " ".join(text.split())
    return flat if len(flat) <= length else flat[: length - 1] + "…"
