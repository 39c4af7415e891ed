"""`make bench`: figures for people to read; never asserted, the machine is too noisy for that.

`--quick` leaves the server's start out and gives rougher figures of all the rest in less time.
"""

import sys

from tests.benchmarks import plugin_hosts, pools, start, turns

is_quick = "--quick" in sys.argv[1:]
if not is_quick:
    start.run()
turns.run(is_quick=is_quick)
pools.run(is_quick=is_quick)
plugin_hosts.run(is_quick=is_quick)
