"""`docs/faults.md` names tests that are there, and no file of `tests/faults` is left out."""

import ast
import re
from collections.abc import Iterator
from pathlib import Path

ROOT = Path(__file__).resolve().parents[2]
DOCUMENT = ROOT / "docs" / "faults.md"
FOLDER = ROOT / "tests" / "faults"
TO_COME = re.compile(r"`(tests/[a-z_/]+\.py)` \(to come\)")


def _named() -> set[tuple[str, str]]:
    found = re.findall(r"`(tests/[a-z_/]+\.py)::(test_\w+)`", DOCUMENT.read_text("utf-8"))
    return {(path, name) for path, name in found}


def _tests_in(path: Path) -> Iterator[str]:
    for node in ast.parse(path.read_text("utf-8")).body:
        if isinstance(node, ast.FunctionDef | ast.AsyncFunctionDef) and node.name[:5] == "test_":
            yield node.name


def test_every_test_that_the_document_names_is_there() -> None:
    there = {path: set(_tests_in(ROOT / path)) for path, _ in _named() if (ROOT / path).exists()}

    missing = [f"{path}::{name}" for path, name in _named() if name not in there.get(path, set())]

    assert missing == []


def test_what_is_to_come_has_not_come() -> None:
    announced = TO_COME.findall(DOCUMENT.read_text("utf-8"))

    assert [path for path in announced if (ROOT / path).exists()] == []


def test_every_file_of_faults_is_in_the_document() -> None:
    there = {f"tests/faults/{path.name}" for path in FOLDER.glob("test_*.py")}

    assert there <= {path for path, _ in _named()}
