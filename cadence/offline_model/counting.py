"""How the stand-in counts tokens, and how it cuts and portions its texts.

The rule: a text has one token for each started four bytes of its UTF-8, so an empty text has none.
A prompt is the sum over its system texts, messages, calls and tool declarations. It is near enough
to real tokenizers for budgets to behave, and anyone can check it by hand.
"""

import json
import re

from cadence.offline_model.request import Request, ToolCall

_BYTES_PER_TOKEN = 4
_PIECE = re.compile(r"\s*\S+|\s+$")


def count_tokens(text: str) -> int:
    """Return the number of tokens of a text."""
    return -(-len(text.encode(errors="replace")) // _BYTES_PER_TOKEN)


def count_call(call: ToolCall) -> int:
    """Return the number of tokens of one call: its name and its arguments as JSON."""
    return count_tokens(call.name) + count_tokens(json.dumps(call.arguments, ensure_ascii=False))


def count_prompt(request: Request) -> int:
    """Return the number of tokens of everything a request holds."""
    tokens = sum(map(count_tokens, request.system))
    for message in request.messages:
        tokens += count_tokens(message.text) + sum(map(count_call, message.calls))
    for tool in request.tools:
        declared = json.dumps(tool.parameters, ensure_ascii=False)
        tokens += sum(map(count_tokens, (tool.name, tool.description, declared)))
    return tokens


def cut_to_tokens(text: str, most: int | None) -> tuple[str, bool]:
    """Return the text with at most that many tokens, and whether something was cut off."""
    if most is None or count_tokens(text) <= most:
        return text, False
    return text.encode()[: most * _BYTES_PER_TOKEN].decode(errors="ignore"), True


def word_by_word(text: str) -> list[str]:
    """Return the text in pieces of one word each; joined they are the text again."""
    return _PIECE.findall(text)
