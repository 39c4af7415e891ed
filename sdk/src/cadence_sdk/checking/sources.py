"""Checks that every Python file of a package compiles; nothing is ever run."""

import ast
import io
import tokenize
import warnings
from collections.abc import Mapping
from threading import Lock
from typing import Final

from cadence_sdk.checking.names import shown
from cadence_sdk.checking.problems import Code, PackageRejected, Problem

# The compiler needs up to 900 bytes of memory for one of source (measured), so both are bounded.
LARGEST_SOURCE: Final = 256 * 1024
LARGEST_SOURCES: Final = 4 * 1024 * 1024

# What the compiler raises for text that is no sound program, or too deeply nested for it.
_REFUSALS: Final = (SyntaxError, ValueError, RecursionError, MemoryError)
# Silencing warnings changes state of the whole process; two threads may not do it at once.
_silence = Lock()


def source_problems(files: Mapping[str, bytes]) -> dict[str, Problem]:
    """Return what keeps Python files from being compiled, by the file's path.

    Raises `PackageRejected` when there is too much source to look into.
    """
    sources = {name: content for name, content in files.items() if name.endswith(".py")}
    if sum(map(len, sources.values())) > LARGEST_SOURCES:
        message = f"All Python files together have more than {LARGEST_SOURCES} bytes."
        raise PackageRejected([Problem(Code.SOURCE_TOO_LARGE, message)])
    found = {name: _source_problem(name, content) for name, content in sorted(sources.items())}
    return {name: problem for name, problem in found.items() if problem is not None}


def parse_source(name: str, content: bytes) -> ast.Module:
    """Return the syntax tree of a source; raises `PackageRejected` when it has none."""
    try:
        with _silence, warnings.catch_warnings():
            warnings.simplefilter("ignore")
            return ast.parse(content)
    except _REFUSALS as error:
        raise PackageRejected([_syntax_problem(shown(name), error)]) from None


def _source_problem(name: str, content: bytes) -> Problem | None:
    file = shown(name)
    if len(content) > LARGEST_SOURCE:
        return Problem(
            Code.SOURCE_TOO_LARGE,
            f"A Python file may have {LARGEST_SOURCE} bytes; keep data in files of its own.",
            file,
        )
    if not _is_utf8(content):
        return Problem(Code.SOURCE_ENCODING, "Python files must be UTF-8.", file)
    try:
        _compile(name, content)
    except _REFUSALS as error:
        return _syntax_problem(file, error)
    return None


def _compile(name: str, content: bytes) -> None:
    with _silence, warnings.catch_warnings():
        warnings.simplefilter("ignore")
        # Also finds what parsing alone does not, like `return` outside a function.
        compile(content, name, "exec", dont_inherit=True)


def _is_utf8(content: bytes) -> bool:
    # Another encoding could show one program to this check and another to the interpreter.
    try:
        encoding, _ = tokenize.detect_encoding(io.BytesIO(content).readline)
        content.decode(encoding)
    except (SyntaxError, UnicodeDecodeError):
        return False
    return encoding in {"utf-8", "utf-8-sig"}


def _syntax_problem(file: str, error: Exception) -> Problem:
    if isinstance(error, SyntaxError):
        return Problem(Code.SYNTAX_ERROR, f"Not valid Python: {error.msg}.", file, error.lineno)
    if isinstance(error, ValueError):
        return Problem(Code.SYNTAX_ERROR, "Not valid Python: it holds a null byte.", file)
    return Problem(Code.SYNTAX_ERROR, "Not valid Python: too deeply nested.", file)
