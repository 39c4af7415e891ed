"""Nothing in `cadence` opens a way out of its own beside `cadence.infra.egress` (T12)."""

import ast
from collections.abc import Iterator
from pathlib import Path

import pytest
from typing_extensions import override

import cadence

ROOT = Path(cadence.__file__).parent
# The package that makes guarded clients. An entry more needs a reason as good.
# The stand-in's clients answer from memory: they have no transport that could reach a socket.
# Traces go to the operator's own collector, whose address no tenant has a say in.
MAY_OPEN = (
    ROOT / "infra" / "egress",
    ROOT / "engine" / "models" / "stand_in.py",
    ROOT / "infra" / "telemetry" / "traces.py",
)

HTTP_LIBRARIES = ("httpx", "httpx2")
WAYS_OUT = {
    f"{library}.{name}"
    for library in HTTP_LIBRARIES
    for name in (
        "AsyncClient",
        "AsyncHTTPTransport",
        "Client",
        "HTTPTransport",
        "delete",
        "get",
        "head",
        "options",
        "patch",
        "post",
        "put",
        "request",
        "stream",
    )
}
OTHER_LIBRARIES = {
    "aiohttp",
    "ftplib",
    "http.client",
    "httpcore",
    "httpcore2",
    "opentelemetry.exporter",
    "requests",
    "smtplib",
    "urllib.request",
    "urllib3",
    "websockets",
    "wsproto",
}
# What these must be handed, or they make clients and connections that nobody guards.
SDKS = {
    "asyncio.open_connection": "sock",
    "anthropic.Anthropic": "http_client",
    "anthropic.AsyncAnthropic": "http_client",
    "google.genai.Client": "http_options",
    "openai.AsyncAzureOpenAI": "http_client",
    "openai.AsyncOpenAI": "http_client",
    "openai.AzureOpenAI": "http_client",
    "openai.OpenAI": "http_client",
}


class Doors(ast.NodeVisitor):
    """Collects every way out that one module opens, as line number and name."""

    def __init__(self) -> None:
        self.found: list[str] = []
        self._origins: dict[str, str] = {}

    @override
    def visit_Import(self, node: ast.Import) -> None:
        for alias in node.names:
            local = alias.asname or alias.name.split(".", maxsplit=1)[0]
            self._origins[local] = alias.name if alias.asname else local
            self._note_library(node, alias.name)

    @override
    def visit_ImportFrom(self, node: ast.ImportFrom) -> None:
        for alias in node.names:
            origin = f"{node.module}.{alias.name}"
            self._origins[alias.asname or alias.name] = origin
            self._note_library(node, origin)

    @override
    def visit_ClassDef(self, node: ast.ClassDef) -> None:
        for base in node.bases:
            self._note_use(base)
        self.generic_visit(node)

    @override
    def visit_Assign(self, node: ast.Assign) -> None:
        self._note_use(node.value)
        self.generic_visit(node)

    @override
    def visit_Call(self, node: ast.Call) -> None:
        self._note_use(node.func)
        needed = SDKS.get(self._origin(node.func))
        if needed and needed not in {keyword.arg for keyword in node.keywords}:
            self._note(node, f"{self._origin(node.func)} without {needed}")
        self.generic_visit(node)

    def _note_use(self, node: ast.expr) -> None:
        if self._origin(node) in WAYS_OUT:
            self._note(node, self._origin(node))

    def _note_library(self, node: ast.stmt, module: str) -> None:
        parts = module.split(".")
        if OTHER_LIBRARIES & {".".join(parts[:length]) for length in range(1, len(parts) + 1)}:
            self._note(node, module)

    def _note(self, node: ast.expr | ast.stmt, what: str) -> None:
        self.found.append(f"line {node.lineno}: {what}")

    def _origin(self, node: ast.expr) -> str:
        match node:
            case ast.Name(id=name):
                return self._origins.get(name, "")
            case ast.Attribute(value=value, attr=attribute):
                return f"{self._origin(value)}.{attribute}"
            case _:
                return ""


def find_doors(source: str) -> list[str]:
    doors = Doors()
    doors.visit(ast.parse(source))
    return doors.found


def modules() -> Iterator[Path]:
    for path in sorted(ROOT.rglob("*.py")):
        if not any(path.is_relative_to(allowed) for allowed in MAY_OPEN):
            yield path


def test_no_other_module_opens_a_way_out() -> None:
    found = {str(path.relative_to(ROOT)): find_doors(path.read_text("utf-8")) for path in modules()}

    assert {path: doors for path, doors in found.items() if doors} == {}


def test_the_search_sees_the_whole_package() -> None:
    assert len(list(modules())) > 20
    assert all(path.exists() for path in MAY_OPEN)


@pytest.mark.parametrize(
    "source",
    [
        "import httpx\nhttpx.AsyncClient()",
        "import httpx2 as web\nweb.AsyncClient(verify=False)",
        "from httpx import AsyncClient as Safe\nasync with Safe() as client: ...",
        "import httpx2\nclass Mine(httpx2.AsyncClient): ...",
        "import httpx\nmake = httpx.Client\nmake()",
        "def fetch():\n    import httpx\n    return httpx.get('https://example.com')",
        "import httpx2\nhttpx2.AsyncHTTPTransport(uds='/run/docker.sock')",
        "import aiohttp",
        "from urllib.request import urlopen",
        "import urllib.request",
        "from urllib import request",
        "from requests.sessions import Session",
        "from websockets.asyncio.client import connect",
        "import httpcore2",
        "from opentelemetry.exporter.otlp.proto.http.trace_exporter import OTLPSpanExporter",
        "from openai import AsyncOpenAI\nAsyncOpenAI(api_key=key)",
        "import asyncio\nasyncio.open_connection('127.0.0.1', 6379)",
        "import anthropic\nanthropic.AsyncAnthropic(api_key=key)",
        "from google import genai\ngenai.Client(api_key=key)",
        "from google.genai import Client\nClient()",
    ],
)
def test_the_search_finds_a_planted_way_out(source: str) -> None:
    assert find_doors(source) != []


@pytest.mark.parametrize(
    "source",
    [
        "import httpx\ndef use(client: httpx.AsyncClient) -> None: ...",
        "import httpx2\nhttpx2.Timeout(5)",
        "from urllib.parse import urlsplit",
        "from openai import AsyncOpenAI\nAsyncOpenAI(api_key=key, http_client=egress.httpx2)",
        "from google import genai\ngenai.Client(http_options=options)",
        "import asyncio\nasyncio.open_connection(sock=accepted)",
        "class Client: ...\nClient()",
    ],
)
def test_the_search_leaves_what_opens_nothing(source: str) -> None:
    assert find_doors(source) == []
