"""Which providers this server offers."""

from cadence.domains.llm_configs.rules import default_model
from cadence.domains.llm_configs.schemas import OptionRead, ProviderRead
from cadence.engine.modes import Framework
from cadence.engine.providers import PROVIDERS, ProviderDescription
from cadence.engine.spec import Provider
from cadence.kernel.errors import FieldProblem, InvalidInput
from cadence.kernel.paging import Page, PageRequest, cut_page


class ProviderOffer:
    """The providers in their usual order; the offline one only where it is served."""

    def __init__(self, *, serves_offline_model: bool) -> None:
        self._offered = [
            description
            for provider, description in PROVIDERS.items()
            if serves_offline_model or provider is not Provider.OFFLINE
        ]

    def page(self, request: PageRequest) -> Page[ProviderRead]:
        """Return some of them; raises `InvalidInput` for a cursor that is not of this list."""
        start = self._place_after(request.after)
        rows = self._offered[start : start + request.limit + 1]
        return cut_page(rows, request.limit, key=lambda row: row.provider).map(_show)

    def _place_after(self, after: str | None) -> int:
        names = [description.provider for description in self._offered]
        if after is None:
            return 0
        if after not in names:
            raise InvalidInput.of(FieldProblem("after", "is not a cursor of this list"))
        return names.index(Provider(after)) + 1


def _show(description: ProviderDescription) -> ProviderRead:
    return ProviderRead(
        id=description.provider,
        display_name=description.display_name,
        default_base_url=description.default_base_url,
        requires_base_url=description.requires_base_url,
        requires_api_key=description.requires_api_key,
        models=list(description.example_models),
        default_model=default_model(description),
        options=[OptionRead.model_validate(option) for option in description.options],
        frameworks=[framework for framework in Framework if framework in description.frameworks],
    )
