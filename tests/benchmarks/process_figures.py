"""What a server and its workers take at a moment, by Linux's /proc and their own metrics."""

import os
import re
from collections.abc import Iterator
from contextlib import suppress
from dataclasses import dataclass
from pathlib import Path

import httpx
from redis import Redis
from typing_extensions import override

from tests.benchmarks.memory import resident_mib

_TICKS = os.sysconf("SC_CLK_TCK")
_TASKS = re.compile(r"(?m)^cadence_tasks (\S+)")
_GROUP, _USER, _SYSTEM = 2, 11, 12  # fields of /proc/<pid>/stat after the process's name


@dataclass(frozen=True, slots=True, kw_only=True)
class Taken:
    """What is taken at a moment; `tasks` are those of one worker, the one that answered.

    `waited_seconds` is how long its threads were ready to run and had no core, all together.
    """

    cpu_seconds: float
    waited_seconds: float
    resident_mib: float
    descriptors: int
    tasks: int
    redis_connections: int

    @override
    def __str__(self) -> str:
        return (
            f"{self.resident_mib:6.0f} MiB, {self.descriptors:4} descriptors, "
            f"{self.tasks:4} tasks, {self.redis_connections:3} Redis connections"
        )


def look_at(pid: int, *, base_url: str, redis_url: str | None) -> Taken:
    """Measure the server whose first process this is."""
    pids = list(_group(pid))
    told = _TASKS.search(httpx.get(f"{base_url}/metrics", timeout=30).text)
    return Taken(
        cpu_seconds=sum(map(cpu_seconds, pids)),
        waited_seconds=sum(map(_waited_seconds, pids)),
        resident_mib=sum(map(resident_mib, pids)),
        descriptors=sum(len(list(Path(f"/proc/{each}/fd").iterdir())) for each in pids),
        tasks=int(float(told[1])) if told else 0,
        redis_connections=_redis_connections(redis_url) if redis_url else 0,
    )


def cpu_seconds(pid: int) -> float:
    """Return the processor time that a process has used."""
    fields = _fields(pid)
    return (int(fields[_USER]) + int(fields[_SYSTEM])) / _TICKS


def _waited_seconds(pid: int) -> float:
    # Of each thread: nanoseconds on a core, nanoseconds in the queue for one, and how often.
    waited = 0.0
    for thread in Path(f"/proc/{pid}/task").iterdir():
        with suppress(OSError):  # one that has ended meanwhile
            waited += int((thread / "schedstat").read_text(encoding="ascii").split()[1]) / 1e9
    return waited


def _group(leader: int) -> Iterator[int]:
    for folder in Path("/proc").iterdir():
        if folder.name.isdecimal():
            with suppress(OSError):  # one that has ended meanwhile
                if int(_fields(int(folder.name))[_GROUP]) == leader:
                    yield int(folder.name)


def _fields(pid: int) -> list[str]:
    # The name before them may hold spaces and brackets itself.
    return Path(f"/proc/{pid}/stat").read_text(encoding="utf-8").rpartition(") ")[2].split()


def _redis_connections(url: str) -> int:
    with Redis.from_url(url) as redis:
        told: dict[str, int] = redis.info("clients")
        return told["connected_clients"] - 1
