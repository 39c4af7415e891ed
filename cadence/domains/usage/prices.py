"""What models cost by the list of public prices that is installed; no network is ever asked."""

from dataclasses import dataclass
from datetime import UTC, date, datetime, time
from decimal import Decimal
from typing import TYPE_CHECKING, Protocol, assert_never

from cadence.engine.spec import Provider

if TYPE_CHECKING:
    from genai_prices.data_snapshot import DataSnapshot
    from genai_prices.types import ModelInfo
    from genai_prices.types import Provider as Vendor

# Some prices depend on the hour, which is not kept.
_NOON = time(12, tzinfo=UTC)


@dataclass(frozen=True, slots=True, kw_only=True)
class Rates:
    """US dollars for one token and for one call."""

    input_token: Decimal
    output_token: Decimal
    call: Decimal

    def cost(self, *, input_tokens: int, output_tokens: int, llm_calls: int) -> Decimal:
        """Return what so much usage costs, in US dollars."""
        tokens = self.input_token * input_tokens + self.output_token * output_tokens
        return tokens + self.call * llm_calls


FREE = Rates(input_token=Decimal(0), output_token=Decimal(0), call=Decimal(0))


class Prices(Protocol):
    """A list of prices."""

    @property
    def source(self) -> str:
        """The name and version of the list."""
        ...

    def find(self, provider: Provider, model: str, day: date) -> Rates | None:
        """Return the rates of that day, None when the list does not tell them."""
        ...


class PublicPrices:
    """The public list; it finds models by name as vendors write them, with dates or without."""

    def __init__(self, snapshot: "DataSnapshot", *, source: str) -> None:
        self.source = source
        self._vendors = snapshot.providers
        self._found: dict[tuple[Provider, str], list[tuple[Vendor, ModelInfo]]] = {}

    def find(self, provider: Provider, model: str, day: date) -> Rates | None:
        """Return the rates at noon of that day, None when the list has none or several."""
        if provider is Provider.OFFLINE:
            return FREE
        key = provider, model
        if key not in self._found:
            self._found[key] = list(self._models(provider, model))
        rates = {_rates(vendor, found, day) for vendor, found in self._found[key]} - {None}
        return rates.pop() if len(rates) == 1 else None

    def _models(self, provider: Provider, model: str) -> "list[tuple[Vendor, ModelInfo]]":
        # Whoever speaks like OpenAI may be anybody: then it is the model's name that tells, as
        # long as all who serve it ask the same.
        asked = _vendor_id(provider)
        vendors = [each for each in self._vendors if asked is None or each.id == asked]
        everybody = None if asked is None else self._vendors
        name = model.removeprefix("models/") if provider is Provider.GOOGLE else model
        found = [(each, each.find_model(name, all_providers=everybody)) for each in vendors]
        return [(vendor, info) for vendor, info in found if info is not None]


def open_prices() -> Prices:
    """Read the list; blocks for up to half a second the first time."""
    # A list of two thousand models is of no use to a process that nobody asks for costs.
    import genai_prices  # noqa: PLC0415
    from genai_prices.data_snapshot import get_snapshot  # noqa: PLC0415

    return PublicPrices(get_snapshot(), source=f"genai-prices {genai_prices.__version__}")


def _vendor_id(provider: Provider) -> str | None:
    match provider:
        case Provider.OPENAI | Provider.ANTHROPIC | Provider.GOOGLE:
            return str(provider)
        case Provider.AZURE_OPENAI:
            return "azure"
        case Provider.OPENAI_COMPATIBLE | Provider.OFFLINE:
            return None
        case _:
            assert_never(provider)


def _rates(vendor: "Vendor", model: "ModelInfo", day: date) -> Rates | None:
    """Return what a model's vendor asks for the smallest call, None for nothing at all.

    Larger calls may cost more for each token, and cached tokens less; neither is kept.
    """
    from genai_prices import Usage  # noqa: PLC0415  # as above

    smallest = Usage(input_tokens=1, output_tokens=1)
    at = datetime.combine(day, _NOON)
    price = model.calc_price(smallest, vendor, genai_request_timestamp=at)
    if not price.total_price:
        return None
    return Rates(
        input_token=price.input_price,
        output_token=price.output_price,
        call=price.total_price - price.input_price - price.output_price,
    )
