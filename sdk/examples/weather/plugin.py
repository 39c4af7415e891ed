"""The weather plugin: what it is like somewhere now, and what it will be like, from Open-Meteo."""

from typing import Any

from cadence_sdk import (
    BasePlugin,
    BaseSpecializedAgent,
    PluginMetadata,
    UvTool,
    plugin_settings,
    uvtool,
)
from typing_extensions import override

from .conditions import describe
from .service import Weather, WeatherError

UNITS = {"metric": ("celsius", "kmh"), "imperial": ("fahrenheit", "mph")}
MOST_DAYS = 7


class WeatherAgent(BaseSpecializedAgent):
    """Asks the service at every call; what it cannot find is answered under `error`."""

    @override
    def initialize(self, config: dict[str, Any]) -> None:
        """Take the units and the two addresses; raises `ValueError` for others than https."""
        temperature, wind = UNITS.get(config["units"], UNITS["metric"])
        self._weather = Weather(
            places=config["places_url"],
            forecasts=config["forecasts_url"],
            units={"temperature_unit": temperature, "wind_speed_unit": wind},
        )

    @override
    def get_tools(self) -> list[UvTool]:
        """Return the two tools."""
        return [self.current_weather, self.forecast]

    @override
    def get_system_prompt(self) -> str:
        """Tell a model to ask instead of guessing."""
        return (
            "You tell people about the weather. Always ask your tools, name the place that they "
            "found, and give numbers with their units. When a tool answers with an error, say so."
        )

    @uvtool(
        description=(
            "The weather now in a city or place: temperature, wind, rain, snow, sun, clouds. "
            "For example: what is the weather in Oslo?"
        )
    )
    def current_weather(self, place: str) -> dict[str, Any]:
        """Return the weather of this moment.

        Args:
            place: The name of a city or place, like "Oslo".
        """
        try:
            found = self._weather.find_place(place)
            now, units = self._weather.now(found)
        except WeatherError as error:
            return {"place": place, "error": str(error)}
        return {
            "place": found.title,
            "time": now["time"],
            "conditions": describe(now["weather_code"]),
            "temperature": f"{now['temperature_2m']} {units['temperature_2m']}",
            "wind": f"{now['wind_speed_10m']} {units['wind_speed_10m']}",
        }

    @uvtool(
        description=(
            "The weather forecast for the next days in a city or place: highest and lowest "
            "temperature, rain, snow, sun. For example: will it rain in Lima tomorrow?"
        )
    )
    def forecast(self, place: str, days: int = 3) -> dict[str, Any]:
        """Return one line for each day, today first.

        Args:
            place: The name of a city or place, like "Lima".
            days: For how many days, from 1 to 7.
        """
        try:
            found = self._weather.find_place(place)
            daily, units = self._weather.days(found, min(max(days, 1), MOST_DAYS))
        except WeatherError as error:
            return {"place": place, "error": str(error)}
        unit = units["temperature_2m_max"]
        columns = ("time", "weather_code", "temperature_2m_min", "temperature_2m_max")
        return {
            "place": found.title,
            "days": [
                {"date": date, "conditions": describe(code), "from": f"{low} {unit}"}
                | {"to": f"{high} {unit}"}
                for date, code, low, high in zip(*(daily[name] for name in columns), strict=True)
            ],
        }


@plugin_settings(
    [
        {
            "key": "units",
            "name": "Units",
            "type": "str",
            "description": "'metric' or 'imperial'.",
            "default": "metric",
        },
        {
            "key": "places_url",
            "name": "Address of the search for places",
            "type": "str",
            "description": "Another address needs its host in the plugin's network.",
            "default": "https://geocoding-api.open-meteo.com",
        },
        {
            "key": "forecasts_url",
            "name": "Address of the forecasts",
            "type": "str",
            "description": "Another address needs its host in the plugin's network.",
            "default": "https://api.open-meteo.com",
        },
    ]
)
class WeatherPlugin(BasePlugin):
    """The weather, from a service that needs no key."""

    @staticmethod
    @override
    def get_metadata() -> PluginMetadata:
        """Return who this plugin is, and the two hosts that it asks to call."""
        return PluginMetadata(
            pid="com.cadence.weather",
            name="Weather",
            version="1.0.0",
            description="Tells the weather now and the forecast for any place, from Open-Meteo.",
            capabilities=["current_weather", "forecast"],
            dependencies=["cadence_sdk>=2.0.0,<3.0.0"],
            network=["geocoding-api.open-meteo.com", "api.open-meteo.com"],
        )

    @staticmethod
    @override
    def create_agent() -> WeatherAgent:
        """Return a new agent."""
        return WeatherAgent()
