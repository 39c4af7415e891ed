"""What a tool of an MCP server gave, as plain JSON that agents read and clients are shown."""

from collections.abc import Mapping, Sequence
from typing import Any

from cadence.plugin_host.mcp.words import Words

_LONGEST_LABEL = 200
_LONGEST_ERROR = 500
_BASE64_UNIT, _BYTES_IN_UNIT = 4, 3


def read_result(result: Mapping[str, Any], words: Words) -> Any:
    """Return the structured content when there is some, else the texts, with notes for the rest.

    Pictures, sounds and files are no text that a model could be given as a tool's result; a note
    says of what kind and how large each was.
    """
    structured = result.get("structuredContent")
    if structured is not None:
        return words.value(structured)
    return "\n\n".join(_part(block, words) for block in _blocks(result))


def read_failure(result: Mapping[str, Any], words: Words) -> str:
    """Return what a tool says of its own failure."""
    text = "\n".join(_part(block, words) for block in _blocks(result)).strip()
    return words.text(text, _LONGEST_ERROR) or "The tool failed and did not say why."


def _blocks(result: Mapping[str, Any]) -> Sequence[Mapping[str, Any]]:
    blocks: Sequence[Mapping[str, Any]] = result.get("content") or ()
    return blocks


def _part(block: Mapping[str, Any], words: Words) -> str:
    match block.get("type"):
        case "text":
            return words.text(str(block.get("text", "")))
        case "image" | "audio" as kind:
            return _note(kind, block, words, size=_size(block.get("data")))
        case "resource":
            return _resource(block.get("resource") or {}, words)
        case "resource_link":
            return f"[resource {_label(block, 'uri', words)}: {_label(block, 'name', words)}]"
        case _:
            return "[a part of an unknown kind, left out]"


def _resource(resource: Mapping[str, Any], words: Words) -> str:
    text = resource.get("text")
    if isinstance(text, str):
        return words.text(text)
    kind = f"resource {_label(resource, 'uri', words)}"
    return _note(kind, resource, words, size=_size(resource.get("blob")))


def _size(base64: object) -> int:
    return len(str(base64 or "")) * _BYTES_IN_UNIT // _BASE64_UNIT


def _note(kind: str, part: Mapping[str, Any], words: Words, *, size: int) -> str:
    return f"[{kind}, {_label(part, 'mimeType', words)}, {size} bytes, left out]"


def _label(part: Mapping[str, Any], key: str, words: Words) -> str:
    return words.line(str(part.get(key) or "unknown"), _LONGEST_LABEL)
