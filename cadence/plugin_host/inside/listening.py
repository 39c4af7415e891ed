"""Where hosts without a network find the service's proxy: a socket that leaves the sandbox.

A socket belongs to the network that it was made in, whoever holds it. So the zygote makes one that
listens on the sandbox's own loopback and hands it to the service, which accepts on it what the
sandbox's processes connect to. Nothing is relayed, and no process and no file stands in between.
"""

import socket

# Connections that wait until the proxy takes them.
_BACKLOG = 64
_LOOPBACK = "127.0.0.1"


def hand_out_listener(control: socket.socket) -> None:
    """Send the port of a new listening socket over `control`, and the socket itself with it.

    The zygote keeps none of it. Raises `OSError`.
    """
    with socket.create_server((_LOOPBACK, 0), backlog=_BACKLOG) as listener:
        said = b'{"port":%d}' % listener.getsockname()[1]
        socket.send_fds(control, [said], [listener.fileno()])
