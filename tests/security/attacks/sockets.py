"""Attacks over sockets of each family, on what really listens."""

import os
import socket

from .calling import libc_call
from .trying import Around, Attack

_PATIENCE = 0.5
_ICMP = 1
_MULTIPATH_TCP = 262
_ALL_PACKETS = 3
_CONNECTION = 3


def connect_to_store(around: Around) -> None:
    socket.create_connection(("127.0.0.1", around["tcp_port"]), _PATIENCE).close()


def connect_to_metadata(_: Around) -> None:
    socket.create_connection(("169.254.169.254", 80), _PATIENCE).close()


def connect_over_ipv6(_: Around) -> None:
    socket.socket(socket.AF_INET6, socket.SOCK_STREAM).close()


def send_datagram(around: Around) -> None:
    with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as sender:
        sender.sendto(b"x", ("127.0.0.1", around["udp_port"]))


def send_raw(_: Around) -> None:
    socket.socket(socket.AF_INET, socket.SOCK_RAW, _ICMP).close()


def look_up_name(_: Around) -> None:
    socket.getaddrinfo("localhost", 80)


def connect_to_path(around: Around) -> None:
    with socket.socket(socket.AF_UNIX) as client:
        client.connect(around["unix_path"])


def connect_to_abstract_name(around: Around) -> None:
    with socket.socket(socket.AF_UNIX) as client:
        client.connect(f"\0{around['abstract_name']}")


def send_from_a_pair(around: Around) -> None:
    one, other = socket.socketpair(socket.AF_UNIX, socket.SOCK_DGRAM)
    with one, other:
        one.sendto(b"x", around["datagram_path"])


def turn_own_connection(around: Around) -> None:
    # Its only socket is of the right family; could it be connected to something else?
    address = os.fsencode(around["unix_path"])
    sockaddr = (1).to_bytes(2, "little") + address + b"\0"
    libc_call("connect", _CONNECTION, sockaddr, len(sockaddr))


def listen(_: Around) -> None:
    socket.create_server(("127.0.0.1", 0)).close()


def _open(*arguments: int) -> Attack:
    def attack(_: Around) -> None:
        socket.socket(*arguments).close()

    return attack


ATTACKS: dict[str, Attack] = {
    **{
        attack.__name__: attack
        for attack in (
            *(connect_to_store, connect_to_metadata, connect_over_ipv6, send_datagram, send_raw),
            *(look_up_name, connect_to_path, connect_to_abstract_name, send_from_a_pair),
            *(turn_own_connection, listen),
        )
    },
    "connect_by_multipath_tcp": _open(socket.AF_INET, socket.SOCK_STREAM, _MULTIPATH_TCP),
    "open_netlink": _open(socket.AF_NETLINK, socket.SOCK_RAW, 0),
    "open_packet": _open(socket.AF_PACKET, socket.SOCK_RAW, _ALL_PACKETS),
    "open_vsock": _open(socket.AF_VSOCK, socket.SOCK_STREAM),
    "open_crypto": _open(socket.AF_ALG, socket.SOCK_SEQPACKET),
}
