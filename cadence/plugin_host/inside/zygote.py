"""A process that holds no secret, has everything loaded and forks a host whenever it is asked.

    python -I -m cadence.plugin_host.inside.zygote FD

FD is a SOCK_SEQPACKET socket. A request is the JSON of a `HostPlan` with two descriptors: the
host's end of its connection, and the end of the pipe that its output goes to. The answer is its
process id with a pidfd, which the service can use from outside this process's namespaces. A request
without descriptors asks for a socket that listens where hosts can reach it. The end of the socket
is the end of this process, and so of all its hosts.
"""

import errno
import gc
import importlib
import os
import random
import signal
import socket
import sys
from contextlib import suppress
from typing import Any, NoReturn

import orjson

from cadence.plugin_host.inside.confinement.confining import confine
from cadence.plugin_host.inside.listening import hand_out_listener
from cadence.plugin_host.inside.parent_death import die_with_parent
from cadence.plugin_host.inside.plan import HostPlan
from cadence.plugin_host.inside.serving import greeting, serve

# What most plugins import, once instead of in each host: memory that all of them share.
PRELOADED = ("cadence_sdk", "cadence_sdk.testing", "dataclasses", "datetime", "decimal", "enum")
PRELOADED_TOO = ("functools", "itertools", "json", "math", "re", "ssl", "textwrap", "typing")
_LARGEST_REQUEST = 65_536
_MEANT_FOR_THE_SERVICE = (signal.SIGINT, signal.SIGTERM, signal.SIGHUP)
_FOR_A_HOST = 2
_OUTPUT = (1, 2)
_CONNECTION = 3
_MOST_DESCRIPTORS = 1024


def main(control: socket.socket) -> NoReturn:
    """Serve requests until the service hangs up."""
    for name in (*PRELOADED, *PRELOADED_TOO):
        importlib.import_module(name)
    # These are the service's to hear, whose group or container they may be meant for; it hangs up
    # when its last turn is over.
    for number in _MEANT_FOR_THE_SERVICE:
        signal.signal(number, signal.SIG_IGN)
    # A collection in a host would touch, and so copy, every page that all of them share.
    gc.collect()
    gc.freeze()
    control.send(b'{"ready":true}')
    while True:
        request, descriptors, _, _ = socket.recv_fds(control, _LARGEST_REQUEST, 2)
        if not request:
            os._exit(0)
        try:
            _answer(control, orjson.loads(request), descriptors)
        except OSError as error:
            # One start that fails must not end all other hosts.
            control.send(orjson.dumps({"error": error.strerror}))
        for descriptor in descriptors:
            os.close(descriptor)


def _answer(control: socket.socket, request: dict[str, Any], descriptors: list[int]) -> None:
    _reap()
    if not request:
        hand_out_listener(control)
    elif len(descriptors) == _FOR_A_HOST:
        _fork(control, request, descriptors)
    else:
        # The kernel drops those for which there is no room.
        raise OSError(errno.EMFILE, os.strerror(errno.EMFILE))


def _reap() -> None:
    # Not as soon as they end: until then their ids are nobody else's, so that a pidfd that is
    # opened right after the fork is that of the host and of no other process.
    with suppress(ChildProcessError):
        while os.waitpid(-1, os.WNOHANG)[0]:
            pass


def _fork(control: socket.socket, request: dict[str, Any], descriptors: list[int]) -> None:
    zygote = os.getpid()
    pid = os.fork()
    if pid == 0:
        try:
            _become_host(request, descriptors, zygote=zygote)
        except BaseException as error:  # noqa: BLE001  # whatever it is, here it ends
            os.write(_OUTPUT[-1], f"No host: {error}\n".encode())
        finally:
            os._exit(9)
    pidfd = os.pidfd_open(pid)
    try:
        socket.send_fds(control, [b'{"pid":%d}' % pid], [pidfd])
    finally:
        os.close(pidfd)


def _become_host(request: dict[str, Any], descriptors: list[int], *, zygote: int) -> NoReturn:
    plan = HostPlan.from_dict(request)
    os.setsid()
    die_with_parent(zygote)
    connection = _keep_only(*descriptors)
    os.environ.clear()  # noqa: TID251  # this process has no settings; plugins read it
    os.environ.update(plan.environment)  # noqa: TID251
    confine(plan.level, limits=plan.limits, readable=(*plan.readable, plan.folder), port=plan.port)
    random.seed()
    connection.sendall(greeting())
    serve(connection, plan)


def _keep_only(connection: int, output: int) -> socket.socket:
    # Both ends come with numbers above those that they are moved to.
    for target in _OUTPUT:
        os.dup2(output, target)
    nothing = os.open(os.devnull, os.O_RDONLY)
    os.dup2(nothing, 0)
    if connection != _CONNECTION:
        os.dup2(connection, _CONNECTION, inheritable=False)
    os.closerange(_CONNECTION + 1, _MOST_DESCRIPTORS)
    return socket.socket(fileno=_CONNECTION)


def _as_low_as_possible(descriptor: int) -> int:
    # A service that has many open hands over a number that hosts would not think of closing.
    low = os.dup(descriptor)
    os.close(descriptor)
    return low


if __name__ == "__main__":
    main(socket.socket(fileno=_as_low_as_possible(int(sys.argv[1]))))
