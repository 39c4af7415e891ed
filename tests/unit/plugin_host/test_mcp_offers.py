"""What a server lists and what models are shown of it; what its tools give and what is kept."""

import re
from typing import Any

import pytest

from cadence.plugin_host.mcp.endpoint import McpEndpoint, McpToOpen
from cadence.plugin_host.mcp.errors import McpServerUnusable
from cadence.plugin_host.mcp.offers import Offer, read_offer, safe_name
from cadence.plugin_host.mcp.results import read_failure, read_result
from cadence.plugin_host.mcp.words import Words

WORDS = Words(["Bearer a-secret-of-ours", "short"])


def listed(*names: str, **more: Any) -> Offer:
    tools = [{"name": name, "inputSchema": {"type": "object"}, **more} for name in names]
    return read_offer(tools, WORDS, instructions="")


@pytest.mark.parametrize("name", ["add", "get-forecast", "a.b_c-9", "A" * 64])
def test_a_plain_name_stays(name: str) -> None:
    assert safe_name(name) == name


@pytest.mark.parametrize(
    "name",
    ["a b", "a/b", "天気", "a\nb", "\x00", "\u202ea", "\ud800", "A" * 65, "<script>", "a\u200db"],
    ids=ascii,
)
def test_any_other_name_is_made_safe_and_stays_apart(name: str) -> None:
    safe = safe_name(name)

    assert re.fullmatch(r"[A-Za-z0-9_.-]{1,64}", safe)
    assert safe != safe_name(f"{name} ")


def test_of_two_tools_of_one_name_the_first_is_taken() -> None:
    tools: list[dict[str, Any]] = [
        {"name": "add", "description": text, "inputSchema": {}} for text in ("first", "second")
    ]

    offer = read_offer(tools, WORDS, instructions="")

    assert [each.tool.description for each in offer.tools] == ["first"]


def test_a_tool_that_cannot_be_used_leaves_the_others() -> None:
    tools = [
        {"name": "bad\x1b", "inputSchema": {"type": "string"}},
        {"name": "", "inputSchema": {}},
        {"name": "x" * 300, "inputSchema": {}},
        {"name": "good", "inputSchema": {}},
    ]

    offer = read_offer(tools, WORDS, instructions="")

    assert [each.tool.name for each in offer.tools] == ["good"]
    assert [each.name for each in offer.left_out] == ["bad", "", "x" * 63 + "…"]
    assert offer.left_out[0].reason == "its parameters are no object"


def test_descriptions_are_cleaned_and_cut() -> None:
    (tool,) = listed("add", description="\x1b[31mUse \u202ea-secret-of-ours " + "x" * 5000).tools

    assert tool.tool.description.startswith("[31mUse ******** xxx")
    assert len(tool.tool.description) == 1024


def test_a_tool_without_a_description_has_one() -> None:
    (tool,) = listed("add").tools

    assert tool.tool.description == "The tool add."


def test_only_what_is_allowed_is_offered() -> None:
    offer = listed("a", "b", "c")

    assert [each.raw_name for each in offer.only(None, most=3)] == ["a", "b", "c"]
    assert [each.raw_name for each in offer.only(("c", "a", "z"), most=3)] == ["a", "c"]
    for allowed, most in ((("z",), 3), ((), 3), (None, 2)):
        with pytest.raises(McpServerUnusable):
            offer.only(allowed, most=most)


def test_structured_content_is_the_result() -> None:
    result = {"content": [{"type": "text", "text": "{}"}], "structuredContent": {"sum": 3}}

    assert read_result(result, WORDS) == {"sum": 3}


def test_texts_are_the_result_and_the_rest_is_noted() -> None:
    content = [
        {"type": "text", "text": "A\tcloud.\x07"},
        {"type": "image", "data": "AAAA" * 100, "mimeType": "image/png"},
        {"type": "audio", "data": "AAAA", "mimeType": "audio/wav\r\nX: y"},
        {"type": "resource", "resource": {"uri": "note://1", "text": "Taken at noon."}},
        {"type": "resource", "resource": {"uri": "file://2", "blob": "AAAA"}},
        {"type": "resource_link", "uri": "https://example.com", "name": "more"},
        {"type": "hologram"},
    ]

    assert read_result({"content": content}, WORDS).split("\n\n") == [
        "A\tcloud.",
        "[image, image/png, 300 bytes, left out]",
        "[audio, audio/wav X: y, 3 bytes, left out]",
        "Taken at noon.",
        "[resource file://2, unknown, 3 bytes, left out]",
        "[resource https://example.com: more]",
        "[a part of an unknown kind, left out]",
    ]


def test_our_own_secrets_are_masked_wherever_they_are_repeated() -> None:
    value = {"a-secret-of-ours": ["Bearer a-secret-of-ours!", 3, None, True]}

    assert read_result({"structuredContent": value}, WORDS) == {
        "********": ["********!", 3, None, True]
    }


def test_what_is_too_short_to_be_a_secret_is_not_masked() -> None:
    assert WORDS.text("a short text") == "a short text"


def test_a_result_that_is_nested_too_deeply_is_refused() -> None:
    value: Any = 1
    for _ in range(200):
        value = [value]

    with pytest.raises(ValueError, match="deeply"):
        read_result({"structuredContent": value}, WORDS)


def test_a_failure_speaks_for_itself_or_says_that_it_does_not() -> None:
    text = {"type": "text", "text": "It is late. " * 100}

    assert len(read_failure({"content": [text]}, WORDS)) == 500
    assert read_failure({"content": []}, WORDS) == "The tool failed and did not say why."


def test_headers_are_shown_by_nobody() -> None:
    endpoint = McpEndpoint(url="https://x", headers={"authorization": "a-secret-of-ours"})
    plugin = McpToOpen(pid="p", version="1.0", description="d", endpoint=endpoint)

    assert "a-secret-of-ours" not in repr((endpoint, plugin))
