"""Open-Meteo over HTTPS, with what everybody has: `urllib` and `json`."""

import json
from collections.abc import Mapping
from dataclasses import dataclass
from http.client import HTTPException
from typing import Any, Final
from urllib.error import HTTPError, URLError
from urllib.parse import urlencode
from urllib.request import build_opener

# A tool has thirty seconds for both of its calls.
TIMEOUT: Final = 10.0
# A forecast has a few kilobytes.
LONGEST_ANSWER: Final = 262_144
NOW: Final = ("temperature_2m", "wind_speed_10m", "weather_code")
EACH_DAY: Final = ("weather_code", "temperature_2m_min", "temperature_2m_max")
NO_ANSWER: Final = "The weather service gave no proper answer."

Fields = Mapping[str, Any]


class WeatherError(Exception):
    """Nothing is known, in words that a model may repeat."""


@dataclass(frozen=True, slots=True)
class Place:
    """A place on earth; `title` tells it from others of its name."""

    title: str
    latitude: float
    longitude: float


class Weather:
    """The service, at two addresses; raises `ValueError` unless both are https."""

    def __init__(self, *, places: str, forecasts: str, units: Mapping[str, str]) -> None:
        if not all(address.startswith("https://") for address in (places, forecasts)):
            raise ValueError("Both addresses must begin with https://.")
        self._places = places.rstrip("/")
        self._forecasts = forecasts.rstrip("/")
        self._units = units

    def find_place(self, name: str) -> Place:
        """Return the best known place of this name; raises `WeatherError`."""
        answer = _get(f"{self._places}/v1/search", {"name": name, "count": 1})
        results = answer.get("results")
        if not results:
            raise WeatherError(f"There is no place called {name!r}.")
        best = _with_fields(results[0], "name", "latitude", "longitude")
        names = [best["name"], best.get("admin1"), best.get("country")]
        title = ", ".join(dict.fromkeys(filter(None, names)))
        return Place(title, best["latitude"], best["longitude"])

    def now(self, place: Place) -> tuple[Fields, Fields]:
        """Return the values of this moment and their units; raises `WeatherError`."""
        answer = self._ask(place, {"current": ",".join(NOW)})
        values = _with_fields(answer.get("current"), "time", *NOW)
        return values, _with_fields(answer.get("current_units"), *NOW[:2])

    def days(self, place: Place, count: int) -> tuple[Fields, Fields]:
        """Return columns of values with a row for each day, and units; raises `WeatherError`."""
        answer = self._ask(place, {"daily": ",".join(EACH_DAY), "forecast_days": count})
        values = _with_fields(answer.get("daily"), "time", *EACH_DAY)
        return values, _with_fields(answer.get("daily_units"), EACH_DAY[-1])

    def _ask(self, place: Place, what: Mapping[str, object]) -> Fields:
        where = {"latitude": place.latitude, "longitude": place.longitude, "timezone": "auto"}
        return _get(f"{self._forecasts}/v1/forecast", {**where, **what, **self._units})


def _get(address: str, query: Mapping[str, object]) -> Fields:
    """Return what the service answers.

    An opener of this moment takes the way out that the service gives its plugins: a proxy, which
    `HTTPS_PROXY` names. There is no other.
    """
    try:
        with build_opener().open(f"{address}?{urlencode(query)}", timeout=TIMEOUT) as answer:
            found = json.loads(answer.read(LONGEST_ANSWER))
    except HTTPError as error:
        with error:
            raise WeatherError(f"The weather service answered {error.code}.") from error
    except URLError as error:
        raise WeatherError(f"The weather service cannot be reached: {error.reason}") from error
    except (OSError, HTTPException, ValueError) as error:
        raise WeatherError(NO_ANSWER) from error
    return _with_fields(found)


def _with_fields(found: object, *names: str) -> Fields:
    if not isinstance(found, dict) or not found.keys() >= set(names):
        raise WeatherError(NO_ANSWER)
    return found
