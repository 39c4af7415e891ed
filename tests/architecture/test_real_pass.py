"""Which tests `make test-real` runs once more: those that rest on the service's stores."""

import os
import re
import subprocess
import sys
from pathlib import Path

import pytest

ROOT = Path(__file__).resolve().parents[2]
ON_STORES = "tests/integration/test_members.py"
ON_NONE = "tests/unit/config/test_definitions.py"
ON_THEIR_OWN = "tests/integration/test_lists_on_stores.py"


@pytest.mark.slow
def test_what_rests_on_no_store_or_starts_its_own_is_left_out_and_counted() -> None:
    asked = ("--stores=real", "--collect-only", "-q", "-p", "no:cacheprovider")
    done = subprocess.run(
        [sys.executable, "-m", "pytest", *asked, ON_STORES, ON_NONE, ON_THEIR_OWN],
        cwd=ROOT,
        env={"PATH": os.defpath},
        capture_output=True,
        text=True,
        check=False,
    )

    assert done.returncode == 0, done.stdout
    collected = re.findall(r"^(tests/\S+?)::", done.stdout, re.MULTILINE)
    assert set(collected) == {ON_STORES}
    left_out = re.search(r"^real stores: (\d+) tests were left out", done.stdout, re.MULTILINE)
    assert left_out is not None
    assert int(left_out[1]) > 10
