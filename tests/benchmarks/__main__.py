"""`make bench`: figures for people to read; never asserted, the machine is too noisy for that."""

from tests.benchmarks import start

start.run()
