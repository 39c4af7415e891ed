"""The weather plugin in a real host at each level: out by its own proxy, and by nothing else."""

import shutil
from collections.abc import AsyncIterator
from contextlib import AsyncExitStack, asynccontextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import pytest

from cadence.config.settings import PluginSettings
from cadence.plugin_host.commands import zygote_command
from cadence.plugin_host.egress.outcomes import Outcome
from cadence.plugin_host.host import Ending
from cadence.plugin_host.hosts import PluginHosts
from cadence.plugin_host.inside.confinement.landlock import KNOWS_PORTS, landlock_abi
from cadence.plugin_host.isolation import IsolationLevel
from cadence.plugin_host.ports import PluginIdentity, PluginToOpen
from cadence.plugin_host.zygotes import Zygotes
from tests.fakes.certificates import build_tls
from tests.fakes.far_end import FarEnd, http_answer, open_far_end
from tests.fakes.names import Names
from tests.fixtures.egress_proxy import LISTED, Outside, open_outside
from tests.fixtures.plugin_hosts import why_not

WEATHER = Path(__file__).parents[2] / "sdk" / "examples" / "weather"
HOST = "geocoding-api.open-meteo.com"
LIMA = {"results": [{"name": "Lima", "country": "Peru", "latitude": -12.0, "longitude": -77.0}]}
NOW = {
    "current": {
        "time": "2026-03-01T12:00",
        "temperature_2m": 24.5,
        "wind_speed_10m": 9,
        "weather_code": 1,
    },
    "current_units": {"temperature_2m": "°C", "wind_speed_10m": "km/h"},
}


@dataclass(frozen=True, slots=True)
class Scene:
    """Hosts with a way out, and a weather service outside."""

    hosts: PluginHosts
    zygotes: Zygotes
    outside: Outside
    folder: Path
    settings: dict[str, str]
    far_ends: tuple[FarEnd, FarEnd]

    def plugin(self, *network: str, organization: str = "acme") -> PluginToOpen:
        """Return the plugin as it is opened for an organization that approved these hosts."""
        return PluginToOpen(
            organization=organization,
            owner="system",
            sha256="0" * 64,
            folder=self.folder / "weather",
            settings=self.settings,
            expected=PluginIdentity(pid="com.cadence.weather", version="1.0.0"),
            network=network,
        )

    async def ask(self, *network: str, organization: str = "acme") -> dict[str, Any]:
        """Open the plugin for an organization with these hosts and ask it for the weather."""
        opened = await self.hosts.open(self.plugin(*network, organization=organization))
        try:
            read, _ = await opened.call("current_weather", {"place": "Lima"})
        finally:
            await opened.close()
        assert isinstance(read, dict)
        return read


@pytest.fixture(params=[IsolationLevel.NAMESPACES, IsolationLevel.LOCK])
async def scene(request: pytest.FixtureRequest, tmp_path: Path) -> AsyncIterator[Scene]:
    reason = why_not(request.param)
    if reason is not None or landlock_abi() < KNOWS_PORTS:
        pytest.skip(f"{request.param}: {reason or 'this kernel cannot tell ports apart'}")
    async with _opened(request.param, tmp_path.resolve()) as opened:  # noqa: ASYNC240  # once
        yield opened


@asynccontextmanager
async def _opened(level: IsolationLevel, folder: Path) -> AsyncIterator[Scene]:
    shutil.copytree(WEATHER, folder / "weather")
    # A sandbox shows its plugins their own folder, so what they are to trust lies there.
    tls, _ = build_tls(folder / "weather", HOST)
    async with AsyncExitStack() as stack:
        places, forecasts = [
            await stack.enter_async_context(
                open_far_end(LISTED, tls=tls, answer=http_answer(body, connection="close"))
            )
            for body in (LIMA, NOW)
        ]
        outside = await stack.enter_async_context(
            open_outside(
                names=Names(**{"geocoding-api": [[LISTED]]}),
                certificates=folder / "weather" / "certificate.pem",
            )
        )
        zygotes = Zygotes(
            lambda descriptor: zygote_command(
                level, descriptor=descriptor, bubblewrap=shutil.which("bwrap"), folder=folder
            )
        )
        hosts = PluginHosts(
            zygotes, level=level, settings=PluginSettings(), proxies=outside.proxies
        )
        await stack.enter_async_context(hosts.running())
        settings = {
            "places_url": f"https://{HOST}:{places.port}",
            "forecasts_url": f"https://{HOST}:{forecasts.port}",
        }
        yield Scene(hosts, zygotes, outside, folder, settings, (places, forecasts))


async def test_an_approved_host_answers_a_plugin_in_its_own_process(scene: Scene) -> None:
    answer = await scene.ask(HOST)

    assert answer == {
        "place": "Lima, Peru",
        "time": "2026-03-01T12:00",
        "conditions": "mainly clear",
        "temperature": "24.5 °C",
        "wind": "9 km/h",
    }
    assert await scene.outside.told(2) == [Outcome.CARRIED] * 2


async def test_a_plugin_without_approvals_has_no_way_out(scene: Scene) -> None:
    answer = await scene.ask()

    assert answer["error"].startswith("The weather service cannot be reached: ")
    assert scene.outside.outcomes == []
    assert [far.connections for far in scene.far_ends] == [0, 0]


async def test_each_organization_has_the_hosts_that_it_approved_itself(scene: Scene) -> None:
    ours = await scene.ask(HOST)
    theirs = await scene.ask("api.open-meteo.com", organization="rival")

    assert ours["place"] == "Lima, Peru"
    assert "The organization has not approved this host" in theirs["error"]


async def test_a_host_that_crashed_takes_its_way_out_along_and_the_next_has_its_own(
    scene: Scene,
) -> None:
    await scene.ask(HOST)
    crashed = scene.hosts.process_of(scene.plugin(HOST))
    assert crashed is not None
    crashed.kill(Ending.CRASHED)

    assert (await scene.ask(HOST))["place"] == "Lima, Peru"
