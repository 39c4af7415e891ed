"""Asks by the vendors' own clients: openai (two ways), anthropic and google-genai.

`ask_…` streams through the client's own accumulator, which is strict about the order of events;
`hear_out_…` iterates the bare stream, as frameworks on top of the client do.
"""

import json
import ssl
from typing import Any

import anthropic
import openai
from google import genai
from google.genai import types
from openai.types.chat import ChatCompletionStreamOptionsParam

from tests.fakes.model_server import ModelServer
from tests.unit.fakes.clients import (
    ADD_DESCRIPTION,
    ADD_PARAMETERS,
    MAX_TOKENS,
    SYSTEM,
    TEMPERATURE,
    Asking,
    Heard,
)

# Everything here speaks plain HTTP; loading the machine's certificates takes 20 ms a client.
TRUSTS_NOBODY = ssl.SSLContext(ssl.PROTOCOL_TLS_CLIENT)
INCLUDE_USAGE: ChatCompletionStreamOptionsParam = {"include_usage": True}


async def ask_openai_chat(server: ModelServer, asking: Asking) -> Heard:
    """Ask Chat Completions."""
    asked = _chat_request(asking)
    async with open_openai(server, asking) as client:
        if not asking.stream:
            return _heard_chat(await client.chat.completions.create(**asked))
        manager = client.chat.completions.stream(**asked, stream_options=INCLUDE_USAGE)
        async with manager as stream:
            return _heard_chat(await stream.get_final_completion())


async def hear_out_openai_chat(server: ModelServer, asking: Asking) -> None:
    """Ask Chat Completions and read the answer to its end."""
    async with open_openai(server, asking) as client:
        asked = _chat_request(asking)
        answer = await client.chat.completions.create(**asked, stream=asking.stream)
        await _hear_out(answer, asking)


async def ask_openai_responses(server: ModelServer, asking: Asking) -> Heard:
    """Ask Responses."""
    asked = _responses_request(asking)
    async with open_openai(server, asking) as client:
        if not asking.stream:
            return _heard_response(await client.responses.create(**asked))
        async with client.responses.stream(**asked) as stream:
            return _heard_response(await stream.get_final_response())


async def hear_out_openai_responses(server: ModelServer, asking: Asking) -> None:
    """Ask Responses and read the answer to its end."""
    async with open_openai(server, asking) as client:
        asked = _responses_request(asking)
        answer = await client.responses.create(**asked, stream=asking.stream)
        await _hear_out(answer, asking)


async def ask_anthropic(server: ModelServer, asking: Asking) -> Heard:
    """Ask Messages."""
    asked = _messages_request(asking)
    async with open_anthropic(server, asking) as client:
        if not asking.stream:
            return _heard_message(await client.messages.create(**asked))
        async with client.messages.stream(**asked) as stream:
            return _heard_message(await stream.get_final_message())


async def hear_out_anthropic(server: ModelServer, asking: Asking) -> None:
    """Ask Messages and read the answer to its end."""
    async with open_anthropic(server, asking) as client:
        answer = await client.messages.create(**_messages_request(asking), stream=asking.stream)
        await _hear_out(answer, asking)


async def ask_genai(server: ModelServer, asking: Asking) -> Heard:
    """Ask Gemini; its client leaves the adding up to the caller."""
    async with open_genai(server, asking).aio as client:
        return _heard_candidates(await _genai_responses(client, asking))


async def hear_out_genai(server: ModelServer, asking: Asking) -> None:
    """Ask Gemini and read the answer to its end."""
    async with open_genai(server, asking).aio as client:
        await _genai_responses(client, asking)


def open_openai(server: ModelServer, asking: Asking) -> openai.AsyncOpenAI:
    """Build a client, to be closed by the caller."""
    return openai.AsyncOpenAI(
        base_url=server.openai_url,
        api_key=asking.key,
        max_retries=0,
        timeout=asking.timeout,
        http_client=openai.DefaultAsyncHttpxClient(verify=TRUSTS_NOBODY),
    )


def open_anthropic(server: ModelServer, asking: Asking) -> anthropic.AsyncAnthropic:
    """Build a client, to be closed by the caller."""
    return anthropic.AsyncAnthropic(
        base_url=server.anthropic_url,
        api_key=asking.key,
        max_retries=0,
        timeout=asking.timeout,
        http_client=anthropic.DefaultAsyncHttpxClient(verify=TRUSTS_NOBODY),
    )


def open_genai(server: ModelServer, asking: Asking) -> genai.Client:
    """Build a client, whose `aio` is to be closed by the caller."""
    options = types.HttpOptions(
        base_url=server.gemini_url,
        timeout=int(asking.timeout * 1000),
        client_args={"verify": TRUSTS_NOBODY},
        async_client_args={"verify": TRUSTS_NOBODY},
    )
    return genai.Client(api_key=asking.key, http_options=options)


async def _hear_out(answer: Any, asking: Asking) -> None:
    if asking.stream:
        async for _ in answer:
            pass


def _results(asking: Asking) -> list[tuple[str, str, str]]:
    """Return id, name and result of each call that was heard before."""
    calls = asking.heard.calls if asking.heard is not None else ()
    return [(call[0], call[1], told) for call, told in zip(calls, asking.results, strict=True)]


def _chat_request(asking: Asking) -> dict[str, Any]:
    messages: list[Any] = [
        {"role": "system", "content": SYSTEM},
        {"role": "user", "content": asking.question},
    ]
    if asking.heard is not None:
        messages.append(asking.heard.memory)
    messages += [
        {"role": "tool", "tool_call_id": call_id, "content": told}
        for call_id, _, told in _results(asking)
    ]
    function = {"name": "add", "description": ADD_DESCRIPTION, "parameters": ADD_PARAMETERS}
    return {
        "model": asking.model or "gpt-test",
        "messages": messages,
        "tools": [{"type": "function", "function": function}],
        "temperature": TEMPERATURE,
        "max_completion_tokens": MAX_TOKENS,
    }


def _heard_chat(completion: Any) -> Heard:
    message = completion.choices[0].message
    calls = tuple(
        (call.id, call.function.name, json.loads(call.function.arguments))
        for call in message.tool_calls or ()
    )
    return Heard(
        text=message.content or "",
        calls=calls,
        tokens=(completion.usage.prompt_tokens, completion.usage.completion_tokens),
        memory=message.model_dump(include={"role", "content", "tool_calls"}, exclude_none=True),
    )


def _responses_request(asking: Asking) -> dict[str, Any]:
    items: list[Any] = [{"role": "user", "content": asking.question}]
    if asking.heard is not None:
        items += asking.heard.memory
    items += [
        {"type": "function_call_output", "call_id": call_id, "output": told}
        for call_id, _, told in _results(asking)
    ]
    tool = {"type": "function", "name": "add", "strict": False}
    return {
        "model": asking.model or "gpt-test",
        "instructions": SYSTEM,
        "input": items,
        "tools": [{**tool, "description": ADD_DESCRIPTION, "parameters": ADD_PARAMETERS}],
        "temperature": TEMPERATURE,
        "max_output_tokens": MAX_TOKENS,
        "store": False,
    }


def _heard_response(response: Any) -> Heard:
    called = [item for item in response.output if item.type == "function_call"]
    return Heard(
        text=response.output_text,
        calls=tuple((item.call_id, item.name, json.loads(item.arguments)) for item in called),
        tokens=(response.usage.input_tokens, response.usage.output_tokens),
        memory=[item.model_dump(exclude_none=True) for item in response.output],
    )


def _messages_request(asking: Asking) -> dict[str, Any]:
    messages: list[Any] = [{"role": "user", "content": asking.question}]
    if asking.heard is not None:
        results = [
            {"type": "tool_result", "tool_use_id": call_id, "content": told}
            for call_id, _, told in _results(asking)
        ]
        messages.append({"role": "assistant", "content": asking.heard.memory})
        messages.append({"role": "user", "content": results})
    tool = {"name": "add", "description": ADD_DESCRIPTION, "input_schema": ADD_PARAMETERS}
    return {
        "model": asking.model or "claude-test",
        "system": SYSTEM,
        "messages": messages,
        "tools": [tool],
        # The client has no argument for it any more; the wire still has the field.
        "extra_body": {"temperature": TEMPERATURE},
        "max_tokens": MAX_TOKENS,
    }


def _heard_message(message: Any) -> Heard:
    texts = [block.text for block in message.content if block.type == "text"]
    called = [block for block in message.content if block.type == "tool_use"]
    return Heard(
        text="".join(texts),
        calls=tuple((block.id, block.name, block.input) for block in called),
        tokens=(message.usage.input_tokens, message.usage.output_tokens),
        memory=[_sendable(block) for block in message.content],
    )


def _sendable(block: Any) -> dict[str, Any]:
    if block.type == "text":
        return {"type": "text", "text": block.text}
    return {"type": "tool_use", "id": block.id, "name": block.name, "input": block.input}


async def _genai_responses(client: Any, asking: Asking) -> list[Any]:
    asked: dict[str, Any] = {
        "model": asking.model or "gemini-2.5-test",
        "contents": _contents(asking),
        "config": _genai_config(),
    }
    if not asking.stream:
        return [await client.models.generate_content(**asked)]
    stream = await client.models.generate_content_stream(**asked)
    return [response async for response in stream]


def _contents(asking: Asking) -> list[types.Content]:
    contents = [types.Content(role="user", parts=[types.Part(text=asking.question)])]
    if asking.heard is not None:
        results = [
            types.FunctionResponse(id=call_id or None, name=name, response={"output": told})
            for call_id, name, told in _results(asking)
        ]
        parts = [types.Part(function_response=result) for result in results]
        contents.append(types.Content(role="model", parts=asking.heard.memory))
        contents.append(types.Content(role="user", parts=parts))
    return contents


def _genai_config() -> types.GenerateContentConfig:
    function = types.FunctionDeclaration(
        name="add", description=ADD_DESCRIPTION, parameters_json_schema=ADD_PARAMETERS
    )
    return types.GenerateContentConfig(
        system_instruction=SYSTEM,
        tools=[types.Tool(function_declarations=[function])],
        automatic_function_calling=types.AutomaticFunctionCallingConfig(disable=True),
        temperature=TEMPERATURE,
        max_output_tokens=MAX_TOKENS,
    )


def _heard_candidates(responses: list[Any]) -> Heard:
    parts = [part for response in responses for part in response.candidates[0].content.parts or ()]
    called = [part.function_call for part in parts if part.function_call]
    usage = responses[-1].usage_metadata
    return Heard(
        text="".join(part.text or "" for part in parts),
        calls=tuple((call.id or "", call.name, call.args) for call in called),
        tokens=(usage.prompt_token_count, usage.candidates_token_count),
        memory=[part for part in parts if part.text or part.function_call],
    )
