"""What a thousand orchestrators cost one process, and how soon each tier of its pool answers.

The server, its pool and the one who asks it over HTTP share a process, so that the figures hold
the asking as well; the model answers at once from a process of its own. The plugins are the two
examples, the organizations' own model clients are shared as in service.
"""

import json
import subprocess
import sys
import tempfile
import time
from pathlib import Path

from tests.benchmarks.local_model import open_local_model
from tests.benchmarks.pool_figures import FULL, QUICK, PoolFigures, show
from tests.benchmarks.population import populate


def run(*, is_quick: bool) -> None:
    """Print the figures of issue 5; `is_quick` takes a tenth of the orchestrators."""
    begun = time.monotonic()
    scale, pace = (QUICK, "quick") if is_quick else (FULL, "full")
    with open_local_model() as address, tempfile.TemporaryDirectory() as folder:
        populate(Path(folder), count=scale.registered, model_url=address)
        command = [sys.executable, "-m", "tests.benchmarks.one_pool", pace, folder]
        done = subprocess.run(command, stdout=subprocess.PIPE, text=True, check=True)
    show(PoolFigures.of_plain(json.loads(done.stdout.splitlines()[-1])))
    print(f"\nmeasured in {time.monotonic() - begun:.0f} s")
