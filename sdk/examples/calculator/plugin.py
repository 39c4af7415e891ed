"""The calculator plugin: arithmetic, conversion of units, and statistics over numbers."""

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

from .expression import evaluate
from .rounding import DEFAULT_PRECISION, tidy
from .summary import summarize
from .trouble import CalculatorError
from .units import convert
from .wording import in_notation


class CalculatorAgent(BaseSpecializedAgent):
    """Calculates; what cannot be calculated is answered with a sentence under `error`."""

    def __init__(self) -> None:
        self._precision = DEFAULT_PRECISION

    @override
    def initialize(self, config: dict[str, Any]) -> None:
        """Take the number of significant digits, at least 1 and at most 15."""
        self._precision = min(max(config["precision"], 1), 15)

    @override
    def get_tools(self) -> list[UvTool]:
        """Return the three tools."""
        return [self.calculate, self.convert_units, self.statistics]

    @override
    def get_system_prompt(self) -> str:
        """Tell a model to leave the arithmetic to the tools."""
        return (
            "You are a calculator. Use your tools for every calculation, conversion of units and "
            "statistic, also for easy ones, and give their results exactly as they are. When a "
            "tool answers with an error, say what it says and ask for what is missing."
        )

    @uvtool(
        description=(
            "Calculate, compute or solve a math expression, for example what is 2+2: plus, minus, "
            "times, divided by, power, percent of, sqrt, round, log, sin."
        )
    )
    def calculate(self, expression: str) -> dict[str, Any]:
        """Evaluate an arithmetic expression.

        Args:
            expression: The math expression to calculate, like "2 * (3 + 4)", "sqrt(16)",
                "15% of 80" or "2^10".
        """
        try:
            text = in_notation(expression)
            return {"expression": text, "result": tidy(evaluate(text), self._precision)}
        except CalculatorError as error:
            return {"expression": expression, "error": str(error)}

    @uvtool(
        description=(
            "Convert a value from one unit to another, for example convert 5 km to miles or "
            "celsius to fahrenheit: length, mass, weight, temperature, time, volume, area, speed, "
            "data, energy."
        )
    )
    def convert_units(self, value: float, from_unit: str, to_unit: str) -> dict[str, Any]:
        """Convert a value.

        Args:
            value: The number to convert.
            from_unit: The unit of the value, like "km", "pounds" or "celsius".
            to_unit: The unit to convert to, like "miles", "kg" or "fahrenheit".
        """
        given = {"value": value, "from_unit": from_unit, "to_unit": to_unit}
        try:
            source, target, converted = convert(value, from_unit, to_unit)
            result = tidy(converted, self._precision)
            given = {"value": tidy(value, 15), "from_unit": source.symbol, "to_unit": target.symbol}
        except CalculatorError as error:
            return {**given, "error": str(error)}
        return {**given, "result": result}

    @uvtool(
        description=(
            "Statistics over a list of numbers: average, mean, median, standard deviation, sum, "
            "total, count, minimum, maximum."
        )
    )
    def statistics(self, numbers: list[float]) -> dict[str, Any]:
        """Summarize numbers.

        Args:
            numbers: The list of numbers, like [3, 5, 8].
        """
        try:
            found = summarize(numbers)
            return {name: tidy(value, self._precision) for name, value in found.items()}
        except CalculatorError as error:
            return {"error": str(error)}


@plugin_settings(
    [
        {
            "key": "precision",
            "name": "Precision",
            "type": "int",
            "description": "Significant digits of results, from 1 to 15.",
            "default": 10,
        }
    ]
)
class CalculatorPlugin(BasePlugin):
    """Arithmetic that is right, because no model does it."""

    @staticmethod
    @override
    def get_metadata() -> PluginMetadata:
        """Return who this plugin is."""
        return PluginMetadata(
            pid="com.cadence.calculator",
            name="Calculator",
            version="1.0.0",
            description=(
                "Calculates math expressions, converts units and computes statistics "
                "such as the average of numbers."
            ),
            capabilities=["calculate", "convert_units", "statistics"],
            dependencies=["cadence_sdk>=2.0.0,<3.0.0"],
        )

    @staticmethod
    @override
    def create_agent() -> CalculatorAgent:
        """Return a new calculator."""
        return CalculatorAgent()

    @staticmethod
    @override
    def health_check() -> dict[str, Any]:
        """Calculate something and say whether it came out right."""
        return {"status": "broken" if evaluate("6 * 7 - 42") else "healthy"}
