"""What the installed list of prices says of models, by the names that organizations give them."""

from datetime import date
from decimal import Decimal

import pytest
from genai_prices.data_snapshot import DataSnapshot, get_snapshot
from genai_prices.types import ClauseEquals, ModelInfo, ModelPrice
from genai_prices.types import Provider as Vendor

from cadence.domains.usage.prices import FREE, PublicPrices, Rates, open_prices
from cadence.engine.spec import Provider

TODAY = date(2026, 11, 20)
CHEAP = Rates(input_token=Decimal("0.000001"), output_token=Decimal("0.000002"), call=Decimal(0))


def vendor(name: str, *, dollars: int | None = 1, model: str = "acme-1") -> Vendor:
    """Return a vendor of one model, whose million tokens cost so much to read, twice to write."""
    price = (
        ModelPrice()
        if dollars is None
        else ModelPrice(input_mtok=Decimal(dollars), output_mtok=Decimal(dollars * 2))
    )
    sold = ModelInfo(id=model, match=ClauseEquals(equals=model), prices=price)
    return Vendor(id=name, name=name, api_pattern="", models=[sold])


def listed(*vendors: Vendor) -> PublicPrices:
    return PublicPrices(DataSnapshot(list(vendors), from_auto_update=False), source="a list")


@pytest.mark.parametrize(
    ("provider", "model"),
    [
        (Provider.OPENAI, "gpt-4o"),
        (Provider.OPENAI, "GPT-4o"),
        (Provider.AZURE_OPENAI, "gpt-4o"),
        (Provider.ANTHROPIC, "claude-sonnet-4-5"),
        (Provider.GOOGLE, "gemini-2.5-pro"),
        (Provider.GOOGLE, "models/gemini-2.5-pro"),
        (Provider.OPENAI_COMPATIBLE, "deepseek-chat"),
    ],
)
def test_well_known_models_have_a_price(provider: Provider, model: str) -> None:
    rates = open_prices().find(provider, model, TODAY)

    assert rates is not None
    assert 0 < rates.input_token < rates.output_token < Decimal("0.001")


@pytest.mark.parametrize("provider", [each for each in Provider if each is not Provider.OFFLINE])
def test_nobody_knows_what_an_unknown_model_costs(provider: Provider) -> None:
    assert open_prices().find(provider, "scripted-1", TODAY) is None


def test_what_is_asked_offline_costs_nothing() -> None:
    assert open_prices().find(Provider.OFFLINE, "scripted-1", TODAY) == FREE


def test_the_source_is_the_list_that_came_with_the_service() -> None:
    assert open_prices().source.startswith("genai-prices 0.")
    assert not get_snapshot().from_auto_update


def test_a_model_is_looked_for_at_its_own_vendor_only() -> None:
    prices = listed(vendor("openai"), vendor("anthropic", dollars=5))

    assert prices.find(Provider.OPENAI, "acme-1", TODAY) == CHEAP
    assert prices.find(Provider.GOOGLE, "acme-1", TODAY) is None


@pytest.mark.parametrize(
    ("others", "rates"),
    [
        pytest.param([vendor("b", model="other")], CHEAP, id="sold by one"),
        pytest.param([vendor("b")], CHEAP, id="sold by two at the same price"),
        pytest.param([vendor("b", dollars=None)], CHEAP, id="given away by another"),
        pytest.param([vendor("b", dollars=2)], None, id="sold at two prices"),
    ],
)
def test_who_only_speaks_like_openai_may_be_anybody(
    others: list[Vendor], rates: Rates | None
) -> None:
    prices = listed(vendor("a"), *others)

    assert prices.find(Provider.OPENAI_COMPATIBLE, "acme-1", TODAY) == rates


def test_a_price_of_nothing_is_no_price() -> None:
    assert listed(vendor("openai", dollars=0)).find(Provider.OPENAI, "acme-1", TODAY) is None


def test_the_price_is_that_of_the_day() -> None:
    prices = open_prices()
    early, late = (
        prices.find(Provider.OPENAI, "o3", day) for day in (date(2025, 5, 1), date(2025, 7, 1))
    )

    assert early is not None
    assert late is not None
    assert early.input_token > late.input_token


def test_a_cost_is_of_tokens_and_calls() -> None:
    rates = Rates(
        input_token=Decimal("0.000003"), output_token=Decimal("0.00001"), call=Decimal("0.012")
    )

    cost = rates.cost(input_tokens=1000, output_tokens=100, llm_calls=2)

    assert cost == Decimal("0.028")


def test_every_model_of_the_list_can_be_priced() -> None:
    snapshot = get_snapshot()
    prices = open_prices()

    found = [
        prices.find(Provider.OPENAI_COMPATIBLE, model.id, TODAY)
        for seller in snapshot.providers
        if seller.id in {"openai", "anthropic", "google", "azure", "mistral", "deepseek"}
        for model in seller.models
    ]

    rates = [each for each in found if each is not None]
    assert len(rates) > 50
    assert all(min(each.input_token, each.output_token, each.call) >= 0 for each in rates)
