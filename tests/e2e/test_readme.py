"""The README's walk-through, run exactly as it is printed."""

import json
import re
import shutil
import subprocess
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import pytest

from tests.fixtures.processes import Processes

ROOT = Path(__file__).resolve().parents[2]
PROGRAMS = ("bash", "curl", "git", "python3")
# Printed between the blocks, so that it can be told which of them has said what.
MARK = "\x1e"
LONGEST_SECONDS = 90


@dataclass(frozen=True, slots=True)
class Walk:
    """What the blocks have printed, in the order of the README."""

    bootstrap: str
    login: str
    organization: str
    model: str
    plugins: str
    orchestrator: str
    stream: str
    conversation: str
    program: str
    audit: str


def read_blocks() -> list[str]:
    """Return the README's bash blocks as they stand there."""
    readme = (ROOT / "README.md").read_text(encoding="utf-8")
    return re.findall(r"^```bash\n(.*?)^```$", readme, flags=re.DOTALL | re.MULTILINE)


def run_bash(script: str, checkout: Path, environment: dict[str, str]) -> str:
    """Run a script in the checkout and return its output; fails if it failed."""
    found = [shutil.which(program) for program in PROGRAMS]
    folders = {str(Path(program).parent) for program in found if program is not None}
    done = subprocess.run(
        ["bash", "-euo", "pipefail", "-c", script],
        cwd=checkout,
        env={"PATH": ":".join(sorted(folders)), "HOME": str(checkout), **environment},
        capture_output=True,
        text=True,
        timeout=LONGEST_SECONDS,
        check=False,
    )
    assert done.returncode == 0, f"{done.stdout}\n{done.stderr}"
    return done.stdout


def read_events(text: str) -> list[tuple[str, dict[str, Any]]]:
    """Return the name and the fields of each event of a stream."""
    found = re.findall(r"^event: (\w+)\r?\ndata: (.*?)\r?$", text, flags=re.MULTILINE)
    return [(name, json.loads(fields)) for name, fields in found]


@pytest.fixture
def checkout(tmp_path: Path) -> Path:
    """The repository's root without a `.env` that somebody may keep there."""
    missing = [program for program in PROGRAMS if shutil.which(program) is None]
    assert missing == [], f"the walk-through needs {', '.join(missing)}: install them"
    assert (ROOT / ".venv" / "bin" / "cadence").exists(), (
        "the README calls .venv/bin/cadence, which `make setup` makes: run it first"
    )
    folder = tmp_path / "checkout"
    folder.mkdir()
    (folder / ".venv").symlink_to(ROOT / ".venv")
    return folder


@pytest.fixture
def walk(checkout: Path, processes: Processes) -> Walk:
    first, *others = read_blocks()
    storage = {"CADENCE_STORAGE_ROOT": str(checkout / "var")}
    bootstrapped = run_bash(first, checkout, storage)
    server = processes.serve(storage)

    script = f"\nprintf '{MARK}'\n".join(others)
    around = {"CADENCE_URL": server.base_url, "GIT_DIR": find_git_folder()}
    return Walk(bootstrapped, *run_bash(script, checkout, around).split(MARK))


def find_git_folder() -> str:
    """Return where the repository's history is, also when this is a worktree."""
    asked = ["git", "rev-parse", "--absolute-git-dir"]
    done = subprocess.run(asked, cwd=ROOT, capture_output=True, text=True, check=False)
    assert done.returncode == 0, f"the walk-through needs a git checkout: {done.stderr}"
    return done.stdout.strip()


def test_the_walk_through_works_as_it_is_printed(walk: Walk) -> None:
    # One walk, looked at from its beginning to its end: it costs seconds.
    assert "Created a sys_admin" in walk.bootstrap
    assert [row["name"] for row in json.loads(walk.organization)] == ["Acme"]
    assert json.loads(walk.model)["ok"] is True

    events = read_events(walk.stream)
    results = [fields for name, fields in events if name == "tool_end" and not fields["is_error"]]
    pids = {fields["tool"].rpartition(".")[0] for fields in results}
    assert pids == {"com.cadence.calculator", "com.cadence.knowledge_base"}
    last_name, last = events[-1]
    assert last_name == "metadata"
    assert last["final"] is True
    assert last["outcome"] == "completed"
    answer = "".join(fields["content"] for name, fields in events if name == "message")
    assert "60" in answer
    assert "5 working days" in answer

    converted, *_, remembered, messages = walk.conversation.strip().splitlines()
    assert "42.16" in converted
    assert "Convert 26.2 miles to km" in remembered
    roles = [message["role"] for message in json.loads(messages)["items"]]
    assert roles == ["user", "assistant", "user", "assistant"]

    assert "42" in walk.program
    told = [line.split()[1:] for line in walk.audit.strip().splitlines()]
    assert told[0] == ["admin", "api_key.create", "website"]
    assert ["admin", "orchestrator.create", "help-desk"] in told


def test_every_command_block_of_the_readme_is_run_or_shown_as_a_console() -> None:
    readme = (ROOT / "README.md").read_text(encoding="utf-8")

    languages = re.findall(r"^```(\w*)$", readme, flags=re.MULTILINE)[::2]

    assert set(languages) == {"bash", "console"}
