"""The list of providers."""

import pytest

from cadence.domains.llm_configs.offering import ProviderOffer
from cadence.engine.providers import PROVIDERS
from cadence.engine.spec import Provider
from cadence.kernel.errors import InvalidInput
from cadence.kernel.paging import PageRequest, decode_cursor


def test_every_provider_is_offered_with_what_it_needs() -> None:
    page = ProviderOffer(serves_offline_model=True).page(PageRequest())

    assert [shown.id for shown in page.items] == list(PROVIDERS)
    assert page.next is None
    for shown in page.items:
        described = PROVIDERS[shown.id]
        assert shown.models == list(described.example_models)
        assert set(shown.frameworks) == described.frameworks
        assert [option.name for option in shown.options] == [
            option.name for option in described.options
        ]
        assert (shown.default_model is None) is described.requires_base_url


def test_the_offline_model_is_offered_only_where_it_is_served() -> None:
    page = ProviderOffer(serves_offline_model=False).page(PageRequest())

    assert Provider.OFFLINE not in [shown.id for shown in page.items]


def test_pages_walk_all_providers() -> None:
    offer = ProviderOffer(serves_offline_model=True)
    seen: list[Provider] = []
    after: str | None = None
    for _ in range(len(PROVIDERS)):
        page = offer.page(PageRequest(limit=1, after=after))
        seen += [shown.id for shown in page.items]
        after = None if page.next is None else decode_cursor(page.next)

    assert seen == list(PROVIDERS)
    assert after is None


def test_a_cursor_of_another_list_is_refused() -> None:
    with pytest.raises(InvalidInput):
        ProviderOffer(serves_offline_model=True).page(PageRequest(after="42"))
