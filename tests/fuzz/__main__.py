"""`make fuzz`: any bytes for what reads uploads and hosts' replies, as long as it is told to.

    python -m tests.fuzz [--seconds 60] [--corpus var/fuzz] [package|frames ...]

Where atheris is installed, coverage guides the search, and what it finds is kept in the corpus;
elsewhere the seeds are changed at random. Ends with 1 when something broke, which is kept as well.
"""

import argparse
import hashlib
import subprocess
import sys
import time
import traceback
from importlib.util import find_spec
from pathlib import Path
from random import Random

from tests.fuzz.mutations import search
from tests.fuzz.targets import TARGETS, Target

# How many runs are between two looks at the clock.
ROUND = 200


def main() -> int:
    """Run the targets one after the other; returns how many broke."""
    asked = _arguments()
    broken = 0
    for name in asked.targets or TARGETS:
        folder: Path = asked.corpus / name
        folder.mkdir(parents=True, exist_ok=True)
        for seed in TARGETS[name].seeds:
            (folder / hashlib.sha256(seed).hexdigest()[:16]).write_bytes(seed)
        run = _run_guided if find_spec("atheris") else _run_blind
        broken += run(name, folder, seconds=asked.seconds)
    return broken


def _run_guided(name: str, folder: Path, *, seconds: int) -> int:
    # libFuzzer ends the process that it runs in.
    command = [sys.executable, "-m", "tests.fuzz.guided", name, str(folder)]
    options = [f"-max_total_time={seconds}", f"-artifact_prefix={folder.parent}/broken-{name}-"]
    return int(subprocess.run([*command, *options], check=False).returncode != 0)


def _run_blind(name: str, folder: Path, *, seconds: int) -> int:
    target: Target = TARGETS[name]
    seeds = [path.read_bytes() for path in sorted(folder.iterdir())]
    random, rounds, end = Random(), 0, time.monotonic() + seconds  # noqa: S311  # no secret
    while time.monotonic() < end:
        found = search(target.run, seeds, random, runs=ROUND)
        if found is not None:
            kept = folder.parent / f"broken-{name}-{hashlib.sha256(found.given).hexdigest()[:16]}"
            kept.write_bytes(found.given)
            traceback.print_exception(found.error)
            print(f"{name}: broken by the bytes in {kept}")  # noqa: T201
            return 1
        rounds += 1
    told = f"{name}: {rounds * ROUND} runs in {seconds} s, nothing broke"
    print(f"{told} (without coverage: atheris is not installed)")  # noqa: T201
    return 0


def _arguments() -> argparse.Namespace:
    parser = argparse.ArgumentParser(prog="python -m tests.fuzz", description=__doc__)
    parser.add_argument("--seconds", type=int, default=60, help="for each target")
    parser.add_argument("--corpus", type=Path, default=Path("var/fuzz"))
    parser.add_argument("targets", nargs="*", metavar="TARGET", help=", ".join(TARGETS))
    return parser.parse_args()


if __name__ == "__main__":
    sys.exit(min(main(), 1))
