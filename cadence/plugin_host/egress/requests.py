"""Reads what a plugin asks of the proxy: where to, and by which of the two ways."""

import base64
import binascii
import re
from dataclasses import dataclass, field
from typing import Final
from urllib.parse import urlsplit

from cadence.infra.egress.rules import Scheme
from cadence.plugin_host.egress.outcomes import Outcome, Refused

USER: Final = "plugin"

_CONNECT: Final = re.compile(r"CONNECT (?P<host>[A-Za-z0-9._-]+):(?P<port>[0-9]{1,5}) HTTP/1\.[01]")
_PLAIN: Final = re.compile(r"(?P<method>[A-Z]{1,16}) (?P<url>http://[!-~]+) HTTP/1\.[01]")
_FIELD: Final = re.compile(
    r"(?P<name>[!#$%&'*+.^_`|~0-9A-Za-z-]+):[ \t]*(?P<value>[\t -~\x80-\xff]*?)[ \t]*"
)
_HIGHEST_PORT: Final = 65_535
_HTTP_PORT: Final = 80
# Said between the plugin and the proxy alone, or by the proxy anew.
_OWN_FIELDS: Final = frozenset(
    {"connection", "host", "keep-alive", "proxy-authorization", "proxy-connection"}
)


@dataclass(frozen=True, slots=True, kw_only=True)
class ProxyRequest:
    """One request; `host` is in lower case, `onward` what the far end is sent first.

    A request over https is a tunnel: nothing is sent onward but what the plugin says inside of it.
    """

    host: str
    port: int
    scheme: Scheme
    password: str | None = field(repr=False)
    onward: bytes = field(default=b"", repr=False)


def read_request(head: bytes) -> ProxyRequest:
    """Read a request's header up to its empty line; raises `Refused`."""
    try:
        line, *rest = head.decode("latin-1").removesuffix("\r\n\r\n").split("\r\n")
        fields = [_read_field(text) for text in rest]
        password = _read_password(fields)
        if tunnel := _CONNECT.fullmatch(line):
            host, port = _plain_name(tunnel["host"]), _checked_port(int(tunnel["port"]))
            return ProxyRequest(host=host, port=port, scheme=Scheme.HTTPS, password=password)
        return _read_plain(line, fields, password)
    except ValueError:
        raise Refused(Outcome.MALFORMED) from None


def _read_plain(line: str, fields: list[tuple[str, str]], password: str | None) -> ProxyRequest:
    asked = _PLAIN.fullmatch(line)
    if asked is None:
        raise ValueError("neither a tunnel nor plain http")
    url = urlsplit(asked["url"])
    if not url.hostname or "@" in url.netloc:
        raise ValueError("no host, or more than a host")
    path = f"{url.path or '/'}{'?' if url.query else ''}{url.query}"
    # The host is said anew, so that an approved name cannot stand for another one behind it.
    lines = [f"{asked['method']} {path} HTTP/1.1", f"Host: {url.netloc}", "Connection: close"]
    lines += [f"{name}: {value}" for name, value in fields if name.lower() not in _OWN_FIELDS]
    return ProxyRequest(
        host=_plain_name(url.hostname),
        port=_checked_port(_HTTP_PORT if url.port is None else url.port),
        scheme=Scheme.HTTP,
        password=password,
        onward="\r\n".join([*lines, "", ""]).encode("latin-1"),
    )


def _read_field(text: str) -> tuple[str, str]:
    found = _FIELD.fullmatch(text)
    if found is None:
        raise ValueError("no header field")
    return found["name"], found["value"]


def _read_password(fields: list[tuple[str, str]]) -> str | None:
    """Return what the plugin proves itself with, if it says anything of that kind."""
    said = [value for name, value in fields if name.lower() == "proxy-authorization"]
    kind, _, coded = said[0].partition(" ") if len(said) == 1 else ("", "", "")
    if kind.lower() != "basic":
        return None
    try:
        user, _, password = base64.b64decode(coded, validate=True).decode("latin-1").partition(":")
    except binascii.Error:
        return None
    return password if user == USER else None


def _plain_name(host: str) -> str:
    return host.lower().removesuffix(".")


def _checked_port(port: int) -> int:
    if not 0 < port <= _HIGHEST_PORT:
        raise ValueError("no port")
    return port
