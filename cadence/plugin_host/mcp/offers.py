"""From what a server lists to tools that models may be shown: named, bounded and cleaned."""

import re
from collections.abc import Collection, Iterable, Mapping
from dataclasses import dataclass
from hashlib import sha256
from typing import Any

from cadence.plugin_host.mcp.errors import McpServerUnusable
from cadence.plugin_host.mcp.schemas import SchemaRefused, plain_schema
from cadence.plugin_host.mcp.words import Words
from cadence.plugin_host.ports import LoadedTool

LONGEST_NAME = 64
_LONGEST_RAW_NAME = 256
_LONGEST_DESCRIPTION = 1024
_DIGEST_LENGTH = 10
_UNSAFE = re.compile(r"[^A-Za-z0-9_.-]")


@dataclass(frozen=True, slots=True, kw_only=True)
class OfferedTool:
    """A tool, what the server calls it, and that name as it can be shown to admins."""

    raw_name: str
    shown_raw_name: str
    tool: LoadedTool


@dataclass(frozen=True, slots=True, kw_only=True)
class LeftOut:
    """A tool that cannot be offered, by a name that can be shown, and why not."""

    name: str
    reason: str


@dataclass(frozen=True, slots=True, kw_only=True)
class Offer:
    """What a server can be used for; `instructions` are its own words to models."""

    tools: tuple[OfferedTool, ...]
    left_out: tuple[LeftOut, ...]
    instructions: str

    def only(self, allowed: Collection[str] | None, *, most: int) -> tuple[OfferedTool, ...]:
        """Return the tools that are allowed, all of them for None.

        Raises `McpServerUnusable` when there is none, or more than `most`.
        """
        tools = [each for each in self.tools if allowed is None or each.raw_name in allowed]
        if not tools:
            raise McpServerUnusable("it offers none of the tools that may be used.")
        if len(tools) > most:
            raise McpServerUnusable(
                f"it offers {len(tools)} tools, and {most} at most can be used: name those that "
                "are needed in allowed_tools."
            )
        return tuple(tools)


def read_offer(listed: Iterable[Mapping[str, Any]], words: Words, *, instructions: str) -> Offer:
    """Read what a server lists; of two tools of one name, the first."""
    tools: dict[str, OfferedTool] = {}
    left_out = []
    for raw in listed:
        name = str(raw["name"])
        try:
            offered = _read_tool(name, raw, words)
        except SchemaRefused as refused:
            left_out.append(LeftOut(name=words.line(name, LONGEST_NAME), reason=str(refused)))
        else:
            tools.setdefault(offered.tool.name, offered)
    return Offer(tools=tuple(tools.values()), left_out=tuple(left_out), instructions=instructions)


def safe_name(raw: str) -> str:
    """Return a tool's name as events and models may have it.

    One that had to be changed ends in a digest of what it was, so that no two become the same.
    """
    safe = _UNSAFE.sub("_", raw)
    if safe == raw and 0 < len(raw) <= LONGEST_NAME:
        return raw
    digest = sha256(raw.encode("utf-8", "surrogatepass")).hexdigest()[:_DIGEST_LENGTH]
    return f"{safe[: LONGEST_NAME - _DIGEST_LENGTH - 1]}_{digest}"


def _read_tool(name: str, raw: Mapping[str, Any], words: Words) -> OfferedTool:
    if not name or len(name) > _LONGEST_RAW_NAME:
        raise SchemaRefused("its name is empty or too long")
    description = str(raw.get("description") or raw.get("title") or "")
    return OfferedTool(
        raw_name=name,
        shown_raw_name=words.line(name, _LONGEST_RAW_NAME),
        tool=LoadedTool(
            name=safe_name(name),
            description=words.text(description, _LONGEST_DESCRIPTION).strip() or name_as_text(name),
            parameters=plain_schema(raw.get("inputSchema") or {}, words),
            needs_validation=False,
            streams=False,
        ),
    )


def name_as_text(name: str) -> str:
    """Return a description for a tool that has none."""
    return f"The tool {safe_name(name)}."
