"""Which hosts a plugin may ask for."""

import re
from typing import Final

MOST_HOSTS: Final = 20
LONGEST_HOST: Final = 253
_LABEL: Final = r"[a-z0-9_]([a-z0-9_-]{0,61}[a-z0-9_])?"
_NAME: Final = re.compile(rf"(?=.{{1,{LONGEST_HOST}}}\Z){_LABEL}(\.{_LABEL})*")
_COMPLAINTS: Final = tuple(
    (re.compile(pattern), complaint)
    for pattern, complaint in (
        ("/", "Write the host's name alone, without 'https://' and without a path."),
        (r"\*", "Every host is named for itself; there are no wildcards."),
        (":", "Write the host's name alone: no port, and no IPv6 address."),
        ("[^\x00-\x7f]", "Write a name of other letters as browsers send it, with 'xn--'."),
        ("[A-Z]", "Write the host in lower case."),
        # Resolvers read such a last label as part of an IPv4 address: 127.1, 0x7f.1.
        (r"(^|\.)([0-9]+|0x[0-9a-f]*)$", "An IP address cannot be approved; write a host's name."),
        (r"^[^.]+$", "Write the host's full name, with its domain."),
    )
)


def host_complaint(host: str) -> str | None:
    """Return why this is not the name of one host, or None if it is."""
    for pattern, complaint in _COMPLAINTS:
        if pattern.search(host):
            return complaint
    return None if _NAME.fullmatch(host) else "This is no host name, like 'api.example.com'."
