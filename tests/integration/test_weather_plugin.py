"""The weather plugin gets out through a proxy, as far as its hosts are approved."""

import sys
from pathlib import Path
from urllib.parse import urlsplit

import pytest
from cadence_sdk.testing import PluginHarness

from cadence.plugin_host.egress.outcomes import Outcome
from cadence.plugin_host.egress.proxy import EgressProxy
from tests.fakes.certificates import build_tls
from tests.fakes.far_end import http_answer, open_far_end
from tests.fakes.names import Names
from tests.fixtures.egress_proxy import LISTED, open_outside

pytestmark = pytest.mark.skipif(
    sys.platform != "linux", reason="two loopback addresses are needed, which only Linux has"
)
WEATHER = Path(__file__).parents[2] / "sdk" / "examples" / "weather"
PLACES, FORECASTS = "geocoding-api.open-meteo.com", "api.open-meteo.com"
LIMA = {"results": [{"name": "Lima", "country": "Peru", "latitude": -12.0, "longitude": -77.0}]}


def use(proxy: EgressProxy, monkeypatch: pytest.MonkeyPatch) -> None:
    """Have this process get out as the proxy's host does."""
    for variable, value in proxy.environment.items():
        monkeypatch.setenv(variable, value)


@pytest.mark.parametrize(
    ("approved", "told", "outcomes"),
    [
        pytest.param((), "The organization has not approved", [Outcome.NOT_APPROVED], id="no host"),
        pytest.param(
            (PLACES,),
            "The organization has not approved",
            [Outcome.CARRIED, Outcome.NOT_APPROVED],
            id="one of two hosts",
        ),
    ],
)
async def test_an_author_is_told_which_approval_is_missing(
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
    *,
    approved: tuple[str, ...],
    told: str,
    outcomes: list[Outcome],
) -> None:
    tls, _ = build_tls(tmp_path, PLACES)
    names = Names(**{"geocoding-api": [[LISTED]], "api": [[LISTED]]})
    async with (
        open_far_end(LISTED, tls=tls, answer=http_answer(LIMA, connection="close")) as far,
        open_outside(names=names, certificates=tmp_path / "certificate.pem") as outside,
        outside.proxy(*(approved or ("nobody.example.com",))) as proxy,
    ):
        use(proxy, monkeypatch)
        addresses = {
            "places_url": f"https://{PLACES}:{far.port}",
            "forecasts_url": f"https://{FORECASTS}:{far.port}",
        }
        async with PluginHarness(WEATHER, settings=addresses) as plugin:
            answer = await plugin.acall("current_weather", place="Lima")
        ends = list(await outside.told(len(outcomes)))

    assert told in answer.result["error"]
    assert ends == outcomes
    assert len(far.requests) == outcomes.count(Outcome.CARRIED)
    assert all(urlsplit(f"//{each.headers['host']}").hostname == PLACES for each in far.requests)
