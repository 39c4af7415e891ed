"""How the demo looks in a terminal, and plain in a pipe."""

import json
from typing import Any, TextIO

RESET, BOLD, DIM, RED, GREEN, CYAN = (
    "\x1b[0m",
    "\x1b[1m",
    "\x1b[2m",
    "\x1b[31m",
    "\x1b[32m",
    "\x1b[36m",
)
LONGEST = 200


class Terminal:
    """Writes lines, colored when the stream is a terminal, and events as they arrive."""

    def __init__(self, stream: TextIO) -> None:
        self._stream = stream
        self._has_colors = stream.isatty()
        self._is_in_message = False

    def title(self, name: str, told: str) -> None:
        """Begin a part of the demo."""
        self.line(f"\n{self._in(BOLD, name)}  {self._in(DIM, told)}")

    def line(self, text: str) -> None:
        """Write a line."""
        self._end_message()
        self._write(text + "\n")

    def step(self, text: str) -> None:
        """Tell one thing that has been done."""
        self.line(f"  {self._in(GREEN, 'ok')} {text}")

    def failure(self, text: str) -> None:
        """Tell what went wrong."""
        self.line(f"  {self._in(RED, 'failed')} {text}")

    def event(self, name: str, fields: dict[str, Any]) -> None:
        """Show one event of a run."""
        if name == "message":
            self._message(str(fields["content"]))
            return
        text = _told(name, fields)
        if text is not None:
            self.line(f"  {self._in(DIM, f'{name:<11}')} {text}")

    def _message(self, piece: str) -> None:
        if not self._is_in_message:
            self._write(f"  {self._in(CYAN, 'message')}     ")
            self._is_in_message = True
        self._write(piece)

    def _end_message(self) -> None:
        if self._is_in_message:
            self._is_in_message = False
            self._write("\n")

    def _write(self, text: str) -> None:
        self._stream.write(text)
        self._stream.flush()

    def _in(self, color: str, text: str) -> str:
        return f"{color}{text}{RESET}" if self._has_colors else text


def _told(name: str, fields: dict[str, Any]) -> str | None:
    match name:
        case "agent_start" | "agent_end":
            return str(fields["agent"])
        case "tool_start":
            return f"{fields['tool']} {_short(fields['args'])}"
        case "tool_end":
            told = "error" if fields["is_error"] else "result"
            return f"{fields['tool']} {told} {_short(fields['result'])}"
        case "error":
            return f"{fields['code']}: {fields['message']}"
        case "metadata" if fields.get("final"):
            usage = fields["usage"]
            return (
                f"{fields['outcome']} in {fields['duration_ms']} ms, {usage['llm_calls']} model "
                f"calls, {usage['input_tokens']} + {usage['output_tokens']} tokens"
            )
        case _:
            return None


def _short(value: object) -> str:
    text = value if isinstance(value, str) else json.dumps(value, ensure_ascii=False)
    flat = " ".join(text.split())
    return flat if len(flat) <= LONGEST else flat[: LONGEST - 1] + "…"
