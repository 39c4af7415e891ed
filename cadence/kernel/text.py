"""Text from models and plugins, made fit for every store and every wire."""

import re

# PostgreSQL refuses NUL in text and JSON, and UTF-8 has no way to write half a surrogate pair.
_UNFIT = re.compile("[\x00\ud800-\udfff]")
_REPLACEMENT = "\ufffd"


def clean(text: str) -> str:
    """Return the text with each NUL and lone surrogate replaced by U+FFFD."""
    return _UNFIT.sub(_REPLACEMENT, text) if _UNFIT.search(text) else text


def clean_value(value: object) -> object:
    """Return a JSON value with every text in it, keys included, cleaned."""
    match value:
        case str():
            return clean(value)
        case dict():
            return {clean(str(key)): clean_value(item) for key, item in value.items()}
        case list():
            return [clean_value(item) for item in value]
        case _:
            return value


def clip(text: str, limit: int) -> str:
    """Return at most `limit` characters of the text, the last one an ellipsis when cut."""
    return text if len(text) <= limit else text[: limit - 1] + "…"
