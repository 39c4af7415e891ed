"""The README is true: its files work, its commands print what it says, its snippets run."""

import re
import subprocess
import sys
from dataclasses import dataclass
from pathlib import Path

import pytest

README = Path(__file__).parents[1] / "README.md"

BLOCK = re.compile(
    r"^```(?P<language>\w+)(?: (?P<file>\S+))?\n(?P<text>.*?)^```$", re.MULTILINE | re.DOTALL
)


@dataclass(frozen=True, slots=True)
class Block:
    """One fenced block; `file` is where the reader is told to put it."""

    language: str
    file: str | None
    text: str


def blocks() -> list[Block]:
    """Return the README's blocks in their order."""
    found = BLOCK.finditer(README.read_text(encoding="utf-8"))
    return [Block(each["language"], each["file"], each["text"]) for each in found]


def run(command: str, folder: Path) -> subprocess.CompletedProcess[str]:
    """Run a `python` command line of the README as a reader would."""
    program, *arguments = command.split()
    assert program == "python"
    return subprocess.run(  # our own README
        [sys.executable, *arguments], cwd=folder, capture_output=True, text=True, check=False
    )


def test_a_reader_who_follows_it_gets_what_it_prints(tmp_path: Path) -> None:
    commands = 0
    for block in blocks():
        if block.file:
            file = tmp_path / block.file
            file.parent.mkdir(exist_ok=True)
            file.write_text(block.text)
        elif block.language == "console":
            for part in block.text.split("$ ")[1:]:
                command, _, expected = part.partition("\n")
                done = run(command, tmp_path)
                commands += 1
                assert done.returncode == 0, done.stdout + done.stderr
                assert done.stdout.startswith(expected.rstrip("\n"))

    assert commands == 4


@pytest.mark.parametrize(
    "text", [each.text for each in blocks() if each.language == "python" and not each.file]
)
def test_a_snippet_runs_as_it_stands(text: str, tmp_path: Path) -> None:
    snippet = tmp_path / "snippet.py"
    snippet.write_text(text)

    done = run(f"python -W error {snippet}", tmp_path)

    assert done.returncode == 0, done.stderr


def test_every_block_is_one_of_those_that_are_run() -> None:
    assert {block.language for block in blocks()} == {"python", "console"}
