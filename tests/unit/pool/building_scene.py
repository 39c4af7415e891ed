"""A real builder with real plugins and real backends, up to where a model would be asked."""

import hashlib
from collections.abc import AsyncIterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import asynccontextmanager
from dataclasses import dataclass, field
from ipaddress import ip_network
from pathlib import Path

from cadence.config.settings import PluginSettings
from cadence.engine.modes import Framework, Mode
from cadence.engine.registry import BackendRegistry
from cadence.engine.spec import Limits, ModelSpec, Provider
from cadence.infra.egress.clients import Egress, open_egress
from cadence.infra.egress.rules import EgressRules
from cadence.infra.object_store.packages import PackageMissing
from cadence.kernel.clock import SystemClock
from cadence.kernel.ids import OrchestratorId, OrganizationId, new_uuid
from cadence.plugin_host.in_process import InProcessPlugins
from cadence.plugin_host.mcp.opener import McpServers
from cadence.pool.building import OrchestratorBuilder
from cadence.pool.bundles import PluginBundles
from cadence.pool.ports import Blueprint, PluginSource
from cadence.pool.stock import Stock
from tests.factories.plugins import zipped

SYSTEM = "system"
VERSION = "1.0.0"

# Its agent writes down when it is started and when it is stopped; a file named "slow" beside that
# holds it up, one named "broken" breaks it.
_SOURCE = """
import asyncio
from pathlib import Path

from cadence_sdk import BasePlugin, BaseSpecializedAgent, PluginMetadata, plugin_settings, uvtool


class Agent(BaseSpecializedAgent):
    async def initialize(self, config):
        self.diary = Path(config["diary"])
        self._note("started")
        while self.diary.with_name("slow").exists():
            await asyncio.sleep(0.001)
        if self.diary.with_name("broken").exists():
            raise ValueError("broken")

    def get_tools(self):
        @uvtool(name="count", description="Count.")
        def count() -> int:
            return 1

        return [count]

    def get_system_prompt(self):
        return "Count."

    async def cleanup(self):
        self._note("stopped")

    def _note(self, what):
        with self.diary.open("a") as diary:
            diary.write(what + " ")


@plugin_settings(
    [
        {"key": "diary", "type": "str", "description": "A file.", "required": True},
        {"key": "word", "type": "str", "description": "Any word.", "default": "x"},
    ]
)
class Plugin(BasePlugin):
    @staticmethod
    def get_metadata():
        return PluginMetadata(pid="PID", name="Diary", version="1.0.0", description="Counts.")

    @staticmethod
    def create_agent():
        return Agent()
"""


@dataclass
class MemoryPackages:
    """An object store in memory."""

    kept: dict[tuple[str, str], bytes] = field(default_factory=dict)

    def put(self, content: bytes, owner: str) -> str:
        digest = hashlib.sha256(content).hexdigest()
        self.kept[owner, digest] = content
        return digest

    async def get(self, digest: str, *, owner: str) -> bytes:
        try:
            return self.kept[owner, digest]
        except KeyError:
            raise PackageMissing from None


@dataclass
class Scene:
    """Everything that builds, and the folder with the diary of the plugins' agents."""

    folder: Path
    stock: Stock
    packages: MemoryPackages
    bundles: PluginBundles
    backends: BackendRegistry
    builder: OrchestratorBuilder
    transports: Egress

    @property
    def diary(self) -> list[str]:
        path = self.folder / "diary"
        return path.read_text().split() if path.exists() else []

    @property
    def slow(self) -> Path:
        return self.folder / "slow"

    @property
    def broken(self) -> Path:
        return self.folder / "broken"

    def source(
        self,
        *,
        pid: str = "com.acme.diary",
        owner: str = SYSTEM,
        stateless: bool = True,
        word: str = "x",
    ) -> PluginSource:
        content = zipped({"plugin.py": _SOURCE.replace("PID", pid)})
        return PluginSource(
            pid=pid,
            version=VERSION,
            title="Diary",
            description="Counts.",
            owner=owner,
            sha256=self.packages.put(content, owner),
            stateless=stateless,
            settings={"diary": str(self.folder / "diary"), "word": word},
        )

    def blueprint(
        self,
        organization_id: OrganizationId,
        *sources: PluginSource,
        framework: Framework = Framework.LANGGRAPH,
        mode: Mode = Mode.COORDINATOR,
        model: ModelSpec | None = None,
    ) -> Blueprint:
        plugins = sources or (self.source(), self.source(pid="com.acme.other"))
        return Blueprint(
            organization_id=organization_id,
            orchestrator_id=OrchestratorId(new_uuid()),
            name="Bot",
            build_hash="1",
            framework=framework,
            mode=mode,
            model=model or MODEL,
            nodes={},
            limits=Limits(),
            use_llm_validation=False,
            entry_agent=plugins[0].pid,
            plugins=plugins,
        )


MODEL = ModelSpec(
    provider=Provider.OPENAI_COMPATIBLE,
    model="m",
    base_url="http://127.0.0.1:1/v1",
    api_key="sk-one",
    llm_config_id=1,
    version=1,
)


@asynccontextmanager
async def open_scene(folder: Path) -> AsyncIterator[Scene]:
    """Open a builder that keeps what it unpacks below `folder`."""
    stock, packages = Stock(), MemoryPackages()
    rules = EgressRules(allow_networks=(ip_network("127.0.0.0/8"),))
    async with open_egress(rules) as egress:
        with ThreadPoolExecutor(4) as threads:
            bundles = PluginBundles(
                stock.bundles,
                packages=packages,
                folder=folder / "plugins",
                opener=InProcessPlugins(threads, within=10.0),
                mcp_servers=McpServers(egress),
            )
            backends = BackendRegistry(egress, clock=SystemClock())
            builder = OrchestratorBuilder(
                bundles=bundles,
                backends=backends,
                stock=stock,
                transports=egress,
                settings=PluginSettings(),
            )
            yield Scene(folder, stock, packages, bundles, backends, builder, egress)
