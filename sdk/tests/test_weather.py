"""The weather plugin asks its service over TLS, and says in words what is wrong."""

import json
import threading
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from typing import Any
from urllib.parse import parse_qs, urlsplit

import pytest
from cadence_sdk.testing import PluginHarness
from typing_extensions import override

from sdk.examples.weather.conditions import CONDITIONS, describe
from sdk.tests.sources import EXAMPLES
from tests.fakes.certificates import build_tls

OSLO = {
    "results": [
        {
            "name": "Oslo",
            "admin1": "Oslo",
            "country": "Norway",
            "latitude": 59.91,
            "longitude": 10.75,
        }
    ]
}
NOW = {
    "current": {
        "time": "2026-03-01T12:00",
        "temperature_2m": -3.5,
        "wind_speed_10m": 12.0,
        "weather_code": 73,
    },
    "current_units": {"temperature_2m": "°C", "wind_speed_10m": "km/h"},
}
DAYS = {
    "daily": {
        "time": ["2026-03-01", "2026-03-02"],
        "weather_code": [73, 0],
        "temperature_2m_min": [-8, -10],
        "temperature_2m_max": [-3, 1],
    },
    "daily_units": {"temperature_2m_max": "°C"},
}


class OpenMeteo:
    """Where the service listens, what it answers by path, and what it was asked."""

    def __init__(self, port: int) -> None:
        self.address = f"https://localhost:{port}"
        self.answers: dict[str, tuple[int, bytes]] = {}
        self.asked: list[Mapping[str, list[str]]] = []

    def answer(self, path: str, body: object, *, status: int = 200) -> None:
        """Answer this path with a body from now on: bytes as they are, all else as JSON."""
        content = body if isinstance(body, bytes) else json.dumps(body).encode()
        self.answers[path] = (status, content)


@pytest.fixture
def service(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[OpenMeteo]:
    """Return a local service that the plugin trusts, and that knows the weather of Oslo."""
    tls, _ = build_tls(tmp_path, "localhost")
    monkeypatch.setenv("SSL_CERT_FILE", str(tmp_path / "certificate.pem"))
    for variable in ("https_proxy", "HTTPS_PROXY"):
        monkeypatch.delenv(variable, raising=False)

    class Answering(BaseHTTPRequestHandler):
        def do_GET(self) -> None:
            url = urlsplit(self.path)
            meteo.asked.append(parse_qs(url.query))
            status, content = meteo.answers[url.path]
            self.send_response(status)
            self.send_header("Content-Length", str(len(content)))
            self.end_headers()
            self.wfile.write(content)

        @override
        def log_message(self, format: str, *args: Any) -> None:
            """Say nothing."""

    with ThreadingHTTPServer(("127.0.0.1", 0), Answering) as server:
        meteo = OpenMeteo(server.server_address[1])
        meteo.answer("/v1/search", OSLO)
        server.socket = tls.wrap_socket(server.socket, server_side=True)
        thread = threading.Thread(target=server.serve_forever, kwargs={"poll_interval": 0.01})
        thread.start()
        try:
            yield meteo
        finally:
            server.shutdown()
            thread.join()


@contextmanager
def weather_of(service: OpenMeteo, **settings: Any) -> Iterator[PluginHarness]:
    """Open the plugin with this service behind it."""
    addresses = {"places_url": service.address, "forecasts_url": f"{service.address}/"}
    with PluginHarness(EXAMPLES / "weather", settings={**addresses, **settings}) as plugin:
        yield plugin


def test_it_asks_for_the_two_hosts_that_its_settings_name_by_default() -> None:
    with PluginHarness(EXAMPLES / "weather") as plugin:
        defaults = [entry.entry().get("default", "") for entry in plugin.manifest.settings]

        hosts = {urlsplit(default).hostname for default in defaults} - {None}
        assert hosts == set(plugin.manifest.network)


def test_the_weather_of_this_moment_is_told_with_its_place_and_units(service: OpenMeteo) -> None:
    service.answer("/v1/forecast", NOW)

    with weather_of(service) as plugin:
        answer = plugin.call("current_weather", place="oslo")

    assert answer.result == {
        "place": "Oslo, Norway",
        "time": "2026-03-01T12:00",
        "conditions": "snow",
        "temperature": "-3.5 °C",
        "wind": "12.0 km/h",
    }
    assert service.asked[0]["name"] == ["oslo"]
    assert service.asked[1]["latitude"] == ["59.91"]


def test_a_forecast_has_a_line_for_each_day(service: OpenMeteo) -> None:
    service.answer("/v1/forecast", DAYS)

    with weather_of(service) as plugin:
        answer = plugin.call("forecast", place="Oslo", days=2)

    assert answer.result["days"] == [
        {"date": "2026-03-01", "conditions": "snow", "from": "-8 °C", "to": "-3 °C"},
        {"date": "2026-03-02", "conditions": "clear sky", "from": "-10 °C", "to": "1 °C"},
    ]


@pytest.mark.parametrize(("asked", "sent"), [(0, "1"), (3, "3"), (99, "7")])
def test_days_stay_within_what_the_service_has(
    service: OpenMeteo, *, asked: int, sent: str
) -> None:
    service.answer("/v1/forecast", DAYS)

    with weather_of(service) as plugin:
        plugin.call("forecast", place="Oslo", days=asked)

    assert service.asked[1]["forecast_days"] == [sent]


@pytest.mark.parametrize(("units", "sent"), [("imperial", "fahrenheit"), ("metric", "celsius")])
def test_the_units_are_those_of_the_settings(service: OpenMeteo, *, units: str, sent: str) -> None:
    service.answer("/v1/forecast", NOW)

    with weather_of(service, units=units) as plugin:
        plugin.call("current_weather", place="Oslo")

    assert service.asked[1]["temperature_unit"] == [sent]


def test_a_place_that_nobody_knows_is_told_as_such(service: OpenMeteo) -> None:
    service.answer("/v1/search", {"generationtime_ms": 1})

    with weather_of(service) as plugin:
        answer = plugin.call("forecast", place="Nowhere & everywhere")

    assert answer.result["error"] == "There is no place called 'Nowhere & everywhere'."


@pytest.mark.parametrize(
    ("body", "status", "told"),
    [
        (b"busy", 503, "The weather service answered 503."),
        (b"<html>", 200, "The weather service gave no proper answer."),
        (b'{"results": ["Oslo"]}', 200, "The weather service gave no proper answer."),
        (b"[]", 200, "The weather service gave no proper answer."),
        (
            b'{"results": [' + b" " * 300_000 + b"]}",
            200,
            "The weather service gave no proper answer.",
        ),
    ],
    ids=["busy", "html", "bare name", "list", "endless"],
)
def test_an_answer_that_is_none_is_told_in_words(
    service: OpenMeteo, body: bytes, *, status: int, told: str
) -> None:
    service.answer("/v1/search", body, status=status)

    with weather_of(service) as plugin:
        answer = plugin.call("current_weather", place="Oslo")

    assert answer.result == {"place": "Oslo", "error": told}


@pytest.mark.parametrize("tool", ["current_weather", "forecast"])
def test_a_forecast_without_its_values_is_told_in_words(service: OpenMeteo, tool: str) -> None:
    service.answer("/v1/forecast", {"current": {}, "daily": None})

    with weather_of(service) as plugin:
        answer = plugin.call(tool, place="Oslo")

    assert answer.result["error"] == "The weather service gave no proper answer."


def test_a_service_that_is_away_is_told_in_words(service: OpenMeteo) -> None:
    with weather_of(service, places_url="https://localhost:1") as plugin:
        answer = plugin.call("current_weather", place="Oslo")

    assert answer.result["error"].startswith("The weather service cannot be reached: ")


def test_an_address_without_tls_is_refused(service: OpenMeteo) -> None:
    with pytest.raises(ValueError, match="https"), weather_of(service, places_url="http://a.b"):
        pass


def test_every_code_has_words_and_anything_else_is_unknown() -> None:
    assert {describe(code) for code in CONDITIONS} == set(CONDITIONS.values())
    assert describe(1000) == describe(None) == "unknown"
