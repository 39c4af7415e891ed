"""The model of the story with the canaries: it does as the message says, and blames the key."""

from tests.fakes.model_server import (
    Call,
    Fail,
    FailMidStream,
    Garbage,
    InvalidArguments,
    ModelRequest,
    Say,
    Step,
    UnknownTool,
)

# Tools of the leaky plugin that go wrong, and what the model itself can get wrong.
TOOLS = ("boom", "leave", "strange", "huge", "slow")
FAULTS = ("refuse", "fail", "forbid", "break off", "talk nonsense", "unknown tool")
WISHES = ("hello", "greet", "wrong arguments", *FAULTS, *(f"tool {name}" for name in TOOLS))


def answer(request: ModelRequest) -> Step:
    """Answer one request; what goes wrong repeats the key, as some providers do."""
    tools = {name.rpartition("_")[2]: name for name in request.tool_names}
    fault = next((word for word in FAULTS if word in request.user_text), None)
    if fault is not None:
        return _fault(fault, request.api_key)
    if tools and not request.tool_results:
        return _use(tools, request)
    return Say(f"You said: {request.user_text}")


def _fault(word: str, key: str) -> Step:
    blame = f"Incorrect API key provided: {key}. Authorization: Bearer {key}"
    faults: dict[str, Step] = {
        "refuse": Fail(401, message=blame),
        "fail": Fail(500, message=blame),
        "forbid": Fail(400, message=blame),
        "break off": FailMidStream(message=blame),
        "talk nonsense": Garbage(),
        "unknown tool": UnknownTool(),
    }
    return faults[word]


def _use(tools: dict[str, str], request: ModelRequest) -> Step:
    text = request.user_text
    if "wrong arguments" in text:
        return InvalidArguments(raw=f'{{"name": "{request.api_key}", ', tool=tools["greet"])
    if "greet" in text:
        return Call((tools["greet"], {"name": text}))
    asked = next((name for name in TOOLS if f"tool {name}" in text), None)
    return Say("Nothing to do.") if asked is None else Call((tools[asked], {}))
