"""`python -m cadence_sdk check PATH`: says what the service would refuse about a plugin."""

import argparse
from collections.abc import Sequence
from enum import IntEnum
from pathlib import Path
from typing import TextIO

from cadence_sdk.checking.problems import PackageRejected, Problem
from cadence_sdk.opening import open_plugin
from cadence_sdk.structure import validate_plugin_structure


class Exit(IntEnum):
    """The exit codes; argparse uses the last one too."""

    GOOD = 0
    PROBLEMS = 1
    USAGE = 2


def find_problems(path: Path) -> list[Problem]:
    """Return everything wrong with a plugin's folder or zip; runs the plugin's code.

    Raises `OSError` when the path cannot be read.
    """
    try:
        with open_plugin(path) as plugin:
            _, messages = validate_plugin_structure(plugin.plugin_class)
            return [plugin.problem(message) for message in messages]
    except PackageRejected as rejection:
        return list(rejection.problems)


def main(arguments: Sequence[str], *, out: TextIO, err: TextIO) -> Exit:
    """Run the command line; `SystemExit` with code 2 when it cannot be understood."""
    path: Path = _parser().parse_args(arguments).path
    try:
        problems = find_problems(path)
    except OSError as error:
        err.write(f"{path}: {error.strerror}\n")
        return Exit.USAGE
    out.writelines(f"{problem} [{problem.code}]\n" for problem in problems)
    count = len(problems)
    out.write(f"{path}: {count or 'no'} problem{'' if count == 1 else 's'}\n")
    return Exit.PROBLEMS if problems else Exit.GOOD


def _parser() -> argparse.ArgumentParser:
    parser = argparse.ArgumentParser(prog="python -m cadence_sdk", description="Check plugins.")
    commands = parser.add_subparsers(required=True, metavar="COMMAND")
    check = commands.add_parser("check", help="print every problem of a plugin, with file and line")
    check.add_argument("path", type=Path, help="the plugin's folder or zip")
    return parser
