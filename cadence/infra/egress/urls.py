"""What a base_url must look like before it is stored; names are looked up only when connecting."""

import re
from ipaddress import ip_address
from urllib.parse import SplitResult, urlsplit

from cadence.infra.egress.addresses import Address, find_literal, is_public
from cadence.infra.egress.rules import EgressRules, Scheme

LONGEST_URL = 2048
# Everything that URL parsers disagree about: controls, blanks, backslashes, other scripts.
_PLAIN = re.compile(r"[!-\[\]-~]+")
_LABEL = r"[A-Za-z0-9_](?:[A-Za-z0-9_-]{0,61}[A-Za-z0-9_])?"
_NAME = re.compile(rf"(?=.{{1,253}}\Z){_LABEL}(?:\.{_LABEL})*")
# Resolvers read a host whose last label is a number as an IPv4 address in disguise (127.1, 0x7f.1).
_NUMBER = re.compile(r"(?:.*\.)?(?:[0-9]+|0[xX][0-9A-Fa-f]*)")
_LOOPBACK = (ip_address("127.0.0.1"), ip_address("::1"))


def check_url(url: str, rules: EgressRules) -> str | None:
    """Return a sentence that says what is wrong with this base_url, or None when it may be stored.

    Looks at the form alone. A name may still lead somewhere forbidden; connecting checks that.
    """
    if len(url) > LONGEST_URL:
        return f"must be at most {LONGEST_URL} characters long"
    if not _PLAIN.fullmatch(url):
        return "must be plain ASCII without blanks and backslashes; write other names as xn--"
    if "?" in url or "#" in url:
        return "must end with its path, without ? and #"
    try:
        parts = urlsplit(url)
        port = parts.port
    except ValueError:
        return "must have a valid host and port"
    return _shape_problem(parts) or _target_problem(parts, port, rules)


def _shape_problem(parts: SplitResult) -> str | None:
    if parts.scheme not in set(Scheme):
        return "must start with https:// or http://"
    if "@" in parts.netloc:
        return "must not hold a user name or password"
    if not _is_plain_host(parts.hostname or "", bracketed="[" in parts.netloc):
        return "must have a host name or an IP address in its usual form"
    if parts.port == 0 or parts.netloc.endswith(":"):
        return "must have a port between 1 and 65535 or none"
    return None


def _target_problem(parts: SplitResult, port: int | None, rules: EgressRules) -> str | None:
    host = parts.hostname or ""
    addresses = _known_addresses(host)
    if any(map(rules.is_listed, addresses)):
        return None
    if not all(map(is_public, addresses)):
        return "must not lead to an address that is not public"
    if not addresses and rules.allow_networks:
        return None  # the name may be one of the operator's own; connecting will tell
    if parts.scheme != Scheme.HTTPS:
        return "must start with https://"
    if (port or 443) not in rules.https_ports:
        return f"must use port {' or '.join(map(str, sorted(rules.https_ports)))}"
    return None


def _is_plain_host(host: str, *, bracketed: bool) -> bool:
    if find_literal(host) is not None:
        return True
    return not bracketed and _NAME.fullmatch(host) is not None and not _NUMBER.fullmatch(host)


def _known_addresses(host: str) -> tuple[Address, ...]:
    """Return the addresses that a host has without asking anybody."""
    if host == "localhost" or host.endswith(".localhost"):
        return _LOOPBACK
    literal = find_literal(host)
    return () if literal is None else (literal,)
