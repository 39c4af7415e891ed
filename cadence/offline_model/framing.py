"""Undoes what frameworks wrap around messages, so that the user's own words remain.

Google ADK quotes other agents' turns as user text that begins with "For context:", adds a nudge
to single-turn agents, and hands a delegated wish over as JSON. Our own supervisor sends a
"Check of the results:" back, and our coordinator briefs an agent with what it asks and what others
have reported. Prompts may carry tool results or failures as a list.
"""

import ast
import re
from dataclasses import dataclass

import orjson
from pydantic import JsonValue

from cadence.offline_model.request import JsonObject, ToolCall

_CONTEXT = "For context:"
_CHECK = "Check of the results:"
_BRIEFING = "What the coordinator asks of you:"
_REPORT = re.compile(r"(?:^|\n\n)What \S{1,200} has reported:\n")
_NUDGE = re.compile(r"\n?Important: You will not receive any user replies[^\n]*")
_QUOTED = re.compile(
    r"\[(?P<agent>[^\]\n]{1,200})\] "
    r"(?:(?P<said>said)|called tool `(?P<called>[^`\n]{1,200})` with parameters"
    r"|`(?P<returned>[^`\n]{1,200})` tool returned result):\n"
    r"(?:<<<BEGIN_QUOTED_AGENT_CONTENT>>>\n)?"
    r"(?P<content>[\s\S]*?)(?:\n<<<END_QUOTED_AGENT_CONTENT>>>|(?=\n\[)|\Z)"
)
_RESULTS_HEADING = re.compile(
    r"(?im)^[ \t#*]{0,8}(?:(?:tool|agent)s?(?:'s?)? (?:results?|outputs?|answers?)[^\n:]{0,40}"
    r"|(?P<failed>what (?:has )?failed|failures|errors)):[ \t*]*\n"
)
_RESULT_LINE = re.compile(
    r"^[ \t]*[-*\u2022]?[ \t]*`?([A-Za-z_][\w.:-]{0,127})`?[ \t]*:[ \t]*(\S.*)$"
)
_LONGEST_LITERAL = 100_000


@dataclass(frozen=True, slots=True, kw_only=True)
class Quoted:
    """One thing that another agent did, as a framework quotes it; exactly one field is set."""

    agent: str = ""
    said: str | None = None
    call: ToolCall | None = None
    result: tuple[str, str] | None = None


def is_context(text: str) -> bool:
    """Tell whether a user message is a framework's and not the user's own."""
    bare = text.lstrip()
    return bare.startswith((_CONTEXT, _CHECK)) or _REPORT.match(bare) is not None


def read_context(text: str) -> tuple[Quoted, ...]:
    """Return what such an account tells of agents, in order; text in no known form was said."""
    if not text.lstrip().startswith(_CONTEXT):
        return ()
    found = tuple(_quoted(match) for match in _QUOTED.finditer(text))
    return found or (Quoted(said=text.strip().removeprefix(_CONTEXT).strip()),)


def own_words(text: str) -> str:
    """Return what the user said, or what a coordinator asks, without anything around it."""
    bare = _NUDGE.sub("", text).strip()
    if bare.startswith(_BRIEFING):
        return _REPORT.split(bare.removeprefix(_BRIEFING), maxsplit=1)[0].strip()
    if not (bare.startswith("{") and bare.endswith("}")):
        return bare
    value = parse_value(bare)
    if isinstance(value, dict) and len(value) == 1:
        (only,) = value.values()
        return only.strip() if isinstance(only, str) else bare
    return bare


def split_results(text: str) -> tuple[str, tuple[tuple[str, str], ...]]:
    """Return a text without its list of tool results, and these as (tool, result)."""
    heading = _RESULTS_HEADING.search(text)
    if heading is None:
        return text, ()
    results: list[tuple[str, str]] = []
    for line in text[heading.end() :].splitlines():
        match = _RESULT_LINE.match(line)
        if match is None:
            break
        told = f"Error: {match.group(2)}" if heading["failed"] else match.group(2)
        results.append((match.group(1), told))
    return (text[: heading.start()].strip(), tuple(results)) if results else (text, ())


def parse_value(text: str) -> JsonValue:
    """Return the value a text spells as JSON or as a Python literal, else the text itself."""
    bare = text.strip()
    try:
        value: JsonValue = orjson.loads(bare)
    except ValueError:
        return _literal(bare)
    return value


def _literal(text: str) -> JsonValue:
    """Read a Python literal, because ADK writes `str(dict)` where others write JSON."""
    if not text.startswith(("{", "[")) or len(text) > _LONGEST_LITERAL:
        return text
    try:
        value = ast.literal_eval(text)
        plain: JsonValue = orjson.loads(orjson.dumps(value))
    except (ValueError, TypeError, SyntaxError, MemoryError, RecursionError):
        return text
    return plain


def _quoted(match: re.Match[str]) -> Quoted:
    agent, content = match["agent"], match["content"].strip()
    if match["called"]:
        arguments = parse_value(content)
        known: JsonObject = arguments if isinstance(arguments, dict) else {}
        return Quoted(agent=agent, call=ToolCall(name=match["called"], arguments=known))
    if match["returned"]:
        return Quoted(agent=agent, result=(match["returned"], content))
    return Quoted(agent=agent, said=content)
