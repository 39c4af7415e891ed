"""`cadence demo`, as somebody sees it who starts it in an empty folder."""

import json
import os
import re
import shutil
import subprocess
import sys
from contextlib import closing
from pathlib import Path

import pytest

from tests.fixtures.processes import CADENCE
from tests.fixtures.screens import WIDTH, Screen
from tests.fixtures.service import unused_port

ROOT = Path(__file__).resolve().parents[2]
EXAMPLES = ROOT / "sdk" / "examples"
LONGEST_SECONDS = 90
# Nine orchestrators, one after the other, twice.
pytestmark = [pytest.mark.slow, pytest.mark.timeout(300)]
COLORS = re.compile(r"\x1b\[\d+m")


# What a demo must not listen to: its stores are its own.
SOMEBODY_ELSES = {
    "CADENCE_ENVIRONMENT": "production",
    "CADENCE_POSTGRES_URL": "postgresql://nobody@127.0.0.1:1/production",
    "CADENCE_REDIS_URL": "redis://127.0.0.1:1",
}


def run(folder: Path, *command: str | Path, **environment: str) -> tuple[int, str]:
    """Run a command in the folder; return its exit code and all that it wrote."""
    done = subprocess.run(
        command,
        cwd=folder,
        env={"PATH": os.defpath, "HOME": str(folder), **environment},
        stdin=subprocess.DEVNULL,
        stdout=subprocess.PIPE,
        stderr=subprocess.STDOUT,
        text=True,
        timeout=LONGEST_SECONDS,
        check=False,
    )
    return done.returncode, done.stdout


def run_demo(folder: Path) -> tuple[int, str]:
    """Run a demo that ends by itself."""
    port = str(unused_port())
    return run(folder, CADENCE, "demo", "--exit", "--port", port, **SOMEBODY_ELSES)


def run_demo_with(folder: Path, examples: Path) -> tuple[int, str]:
    """Run the demo with other example plugins than those of the SDK."""
    call = f"run_demo(port={unused_port()}, stays=False, examples=Path({str(examples)!r}))"
    code = (
        "import asyncio, sys; from pathlib import Path; "
        "from cadence.entrypoints.demo import run_demo; "
        f"sys.exit(asyncio.run({call}))"
    )
    return run(folder, sys.executable, "-c", code)


def read_answers(shown: str) -> list[str]:
    """Return what was shown of each orchestrator's run, from the question on."""
    told = shown[: shown.index("orchestrators answered")]
    return told.split("\n  you  ")[1:]


def has_result_of(pid: str, answer: str) -> bool:
    line = rf"^  tool_end +{re.escape(pid)}\.\w+ result in \d+ ms"
    return re.search(line, answer, re.MULTILINE) is not None


def read_steps(shown: str) -> list[str]:
    """Return the lines on what an orchestrator needs, and on the orchestrators."""
    steps = r"^  ✓ (?:organization|LLM config|plugin|orchestrator) .*$"
    return re.findall(steps, shown, re.MULTILINE)


@pytest.fixture
def examples(tmp_path: Path) -> Path:
    """A copy of the SDK's example plugins, for breaking."""
    copied = tmp_path / "examples"
    shutil.copytree(EXAMPLES, copied, ignore=shutil.ignore_patterns("__pycache__"))
    return copied


def in_a_terminal(folder: Path) -> Screen:
    return Screen([CADENCE, "demo", "--port", str(unused_port())], folder=folder)


@pytest.mark.slow
def test_the_demo_answers_and_the_next_one_goes_on_from_there_in_a_terminal(tmp_path: Path) -> None:
    code, shown = run_demo(tmp_path)

    assert code == 0, shown
    assert read_answers(shown)
    for answer in read_answers(shown):
        assert has_result_of("com.cadence.calculator", answer)
        assert has_result_of("com.cadence.knowledge_base", answer)
        for event in ("agent_start", "message", "metadata +completed in"):
            assert re.search(rf"^  {event} +\w+", answer, re.MULTILINE)
    assert len(read_steps(shown)) >= 5
    assert "there already" not in shown

    with closing(in_a_terminal(tmp_path)) as screen:
        screen.wait_for("Serving until Ctrl+C.")
        plain = COLORS.sub("", screen.shown)
        lines = plain[plain.index("\nURL=") : plain.index("\nServing until")]
        pasted = run(tmp_path, "bash", "-euo", "pipefail", "-c", lines)
        code = screen.interrupt()

    assert plain != screen.shown
    assert len(read_steps(plain)) == len(read_steps(shown))
    assert all(step.endswith("there already") for step in read_steps(plain))
    assert max(map(len, plain[: plain.index("\nURL=")].splitlines())) <= WIDTH
    assert pasted[0] == 0, pasted[1]
    for expected in ('"name":"Acme"', "event: tool_end", "42.16", '"final":true'):
        assert expected in pasted[1]
    assert code == 0
    assert "Traceback" not in screen.shown


def test_lost_notes_cost_a_new_sys_admin_and_nothing_else(tmp_path: Path) -> None:
    notes = tmp_path / "var" / "demo" / "demo.json"
    storage = {"CADENCE_STORAGE_ROOT": str(notes.parent)}
    assert run(tmp_path, CADENCE, "bootstrap", "--username", "demo", **storage)[0] == 0

    # Without plugins it is over soon after it has signed in.
    _, shown = run_demo_with(tmp_path, tmp_path / "no_examples")

    username = json.loads(notes.read_text("utf-8"))["username"]
    assert username.startswith("demo-")
    assert re.search(rf"^  ✓ signed in +{username},", shown, re.MULTILINE)
    assert notes.stat().st_mode & 0o777 == 0o600


def test_a_missing_example_plugin_fails_the_demo(tmp_path: Path, examples: Path) -> None:
    shutil.rmtree(examples / "knowledge_base")

    code, shown = run_demo_with(tmp_path, examples)

    assert code == 1
    assert "✗ The example plugin in" in shown
    assert "knowledge_base" in shown
    assert "Traceback" not in shown


def break_search(examples: Path, method: str) -> None:
    """Take a method away from the knowledge base's search."""
    file = examples / "knowledge_base" / "search.py"
    source = file.read_text("utf-8")
    assert f"def {method}(" in source
    file.write_text(source.replace(f"def {method}(", "def gone("), encoding="utf-8")


@pytest.mark.slow
def test_a_plugin_whose_tool_fails_fails_the_demo(tmp_path: Path, examples: Path) -> None:
    break_search(examples, "search")

    code, shown = run_demo_with(tmp_path, examples)

    assert code == 1, shown
    assert all(has_result_of("com.cadence.calculator", each) for each in read_answers(shown))
    assert "✗ No result came from com.cadence.knowledge_base." in shown
    assert "Traceback" not in shown


@pytest.mark.slow
def test_a_plugin_that_cannot_start_is_told_where_when_it_is_uploaded(
    tmp_path: Path, examples: Path
) -> None:
    break_search(examples, "open")

    code, shown = run_demo_with(tmp_path, examples)

    assert code == 1, shown
    place = r"plugin\.py:\d+: The plugin raised AttributeError while initializing its agent\.$"
    assert re.search(place, shown, re.MULTILINE)
    assert "Traceback" not in shown


def test_a_folder_that_cannot_be_used_is_told_in_a_sentence(tmp_path: Path) -> None:
    (tmp_path / "var").write_text("a file", encoding="utf-8")

    code, shown = run_demo(tmp_path)

    assert code == 2
    assert "CADENCE_STORAGE_ROOT: var/demo cannot be made" in shown
    assert "Traceback" not in shown
