"""One target under atheris, in a process that libFuzzer ends: `NAME CORPUS [libFuzzer options]`."""

import importlib
import sys


def main(name: str, *options: str) -> None:
    """Instrument what the target runs, and search until libFuzzer stops."""
    atheris = importlib.import_module("atheris")  # optional, and without types
    # Only what is instrumented before it is imported guides the search.
    with atheris.instrument_imports(
        include=[
            "cadence_sdk.checking",
            "cadence.plugin_host.frames",
            "cadence.plugin_host.replies",
        ]
    ):
        targets = importlib.import_module("tests.fuzz.targets")
    atheris.Setup([sys.argv[0], *options], targets.TARGETS[name].run)
    atheris.Fuzz()


if __name__ == "__main__":
    main(*sys.argv[1:])
