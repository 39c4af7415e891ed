"""A program that plays turns and prints, as JSON, every address that was looked up or called.

Its arguments are the kind's id and pairs of a provider's name and its base_url.
"""

import asyncio
import importlib
import json
import sys
from typing import Any

addresses: set[str] = set()


def remember(event: str, arguments: tuple[Any, ...]) -> None:
    if event == "socket.connect":
        addresses.add(str(arguments[1]))
    if event == "socket.getaddrinfo":
        addresses.add(str(arguments[:2]))


sys.addaudithook(remember)
# Imported after the hook is in place, so that a call made while importing is seen.
play_turns = importlib.import_module("tests.conformance.one_turn_each").play_turns
asyncio.run(play_turns(sys.argv[1], sys.argv[2:]))
print(json.dumps(sorted(addresses)))  # noqa: T201  # what the test reads
