"""Where traces go is read at the start, and refused there when it leads nowhere."""

import pytest
from hypothesis import given
from hypothesis import strategies as st
from pydantic import SecretStr

from cadence.config.production import SettingsRefused, require_readable
from cadence.config.settings import Settings, TraceSettings
from cadence.config.tracing import parse_trace_headers

SECRET = "7Q-canary-Zk"


def chosen(endpoint: str | None = None, headers: str | None = None) -> Settings:
    held = SecretStr(headers) if headers is not None else None
    return Settings(_env_file=None, trace=TraceSettings(endpoint=endpoint, headers=held))


@pytest.mark.parametrize(
    "endpoint",
    [
        "http://collector:4318",
        "https://traces.example.com/v1/traces?team=a",
        "http://127.0.0.1:4318/",
        "http://[::1]:4318",
    ],
)
def test_an_address_on_the_web_is_taken(endpoint: str) -> None:
    require_readable(chosen(endpoint, "x-api-key=abc"))


@pytest.mark.parametrize(
    "endpoint",
    [
        "",
        "collector:4318",
        "grpc://collector:4317",
        "http://",
        "http://collector:no-port",
        "http://collector:99999",
        "http://[::1",
        f"http://me:{SECRET}@collector:4318",
        f"http://{SECRET}@collector:4318",
        "http://collector:4318/a b",
        "http://collector:4318/\n",
    ],
)
def test_any_other_endpoint_is_refused_by_its_name(endpoint: str) -> None:
    with pytest.raises(SettingsRefused, match="CADENCE_TRACE_ENDPOINT must look like") as refused:
        require_readable(chosen(endpoint))

    assert SECRET not in str(refused.value)


@pytest.mark.parametrize(
    "headers",
    [
        SECRET,
        f"={SECRET}",
        f"a b={SECRET}",
        f"x={SECRET}%0d%0aEvil: 1",
        f"x={SECRET}é",
        f"a=1,{SECRET}",
    ],
)
def test_headers_that_are_none_are_refused_without_repeating_them(headers: str) -> None:
    with pytest.raises(SettingsRefused, match="CADENCE_TRACE_HEADERS must look like") as refused:
        require_readable(chosen("http://collector:4318", headers))

    assert SECRET not in str(refused.value)


@pytest.mark.parametrize(
    ("text", "headers"),
    [
        ("", {}),
        ("a=1", {"a": "1"}),
        (" a = 1 , b=2,", {"a": "1", "b": "2"}),
        ("authorization=Bearer%20abc==", {"authorization": "Bearer abc=="}),
        ("a=1%2C2", {"a": "1,2"}),
    ],
)
def test_headers_are_read_as_opentelemetry_writes_them(text: str, headers: dict[str, str]) -> None:
    assert parse_trace_headers(text) == headers


@given(st.text(max_size=40))
def test_no_text_makes_a_header_that_forges_another(text: str) -> None:
    try:
        headers = parse_trace_headers(text)
    except ValueError:
        return
    for name, value in headers.items():
        assert name
        assert f"{name}: {value}".isprintable()
