"""Reads what says where traces go, and refuses what would send them nowhere."""

import re
from collections.abc import Iterator
from urllib.parse import SplitResult, unquote, urlsplit

from cadence.config.settings import TraceSettings

_NAME = re.compile(r"[!#$%&'*+.^_`|~0-9A-Za-z-]+")
_VALUE = re.compile(r"[\x20-\x7e]*")


def parse_trace_headers(text: str) -> dict[str, str]:
    """Return the headers in `name=value,…`, where a value may be percent-encoded.

    Raises `ValueError`, which never repeats what it was given.
    """
    return dict(_parse(entry) for entry in text.split(",") if entry.strip())


def _parse(entry: str) -> tuple[str, str]:
    name, mark, value = entry.partition("=")
    name, value = name.strip(), unquote(value.strip())
    if not mark or not _NAME.fullmatch(name) or not _VALUE.fullmatch(value):
        raise ValueError("a header is not name=value")
    return name, value


def untraceable(trace: TraceSettings) -> Iterator[str]:
    """Yield a sentence for everything that is wrong with the settings."""
    if trace.endpoint is not None and not _is_web_address(trace.endpoint):
        yield (
            "CADENCE_TRACE_ENDPOINT must look like http://collector:4318, without a user or "
            "password: a collector's key goes into CADENCE_TRACE_HEADERS."
        )
    try:
        parse_trace_headers(trace.headers.get_secret_value() if trace.headers else "")
    except ValueError:
        yield (
            "CADENCE_TRACE_HEADERS must look like name=value,name=value; commas and what is not "
            "ASCII are percent-encoded."
        )


def _is_web_address(address: str) -> bool:
    split = _split(address)
    if split is None or split.scheme not in {"http", "https"} or not split.hostname:
        return False
    return "@" not in split.netloc and address.isprintable() and " " not in address


def _split(address: str) -> SplitResult | None:
    try:
        split = urlsplit(address)
        _ = split.port  # only reading it finds out that it is none
    except ValueError:
        return None
    return split
