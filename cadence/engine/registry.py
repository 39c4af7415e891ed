"""Which frameworks and modes there are, and their backends, imported when first needed.

Importing this module imports no framework.
"""

import asyncio
import gc
import importlib
import sys
from collections.abc import Mapping
from types import MappingProxyType

from cadence.engine.contract import Backend, Runtime
from cadence.engine.errors import UnsupportedOrchestrator
from cadence.engine.modes import Framework, Mode
from cadence.engine.sharing import Sharing
from cadence.engine.spec import OrchestratorSpec
from cadence.engine.tools import ToolInvoker
from cadence.engine.transports import Transports
from cadence.kernel.clock import Clock

# What can be built today; `GET /api/engine/frameworks` and the check of a new orchestrator read it.
MODES: Mapping[Framework, frozenset[Mode]] = MappingProxyType(
    {
        Framework.LANGGRAPH: frozenset(Mode),
        Framework.OPENAI_AGENTS: frozenset(Mode),
        Framework.GOOGLE_ADK: frozenset(Mode),
    }
)

# Each module offers `build_backend(transports, *, clock) -> Backend`.
_MODULES = MappingProxyType(
    {
        Framework.LANGGRAPH: "cadence.engine.backends.langgraph.backend",
        Framework.OPENAI_AGENTS: "cadence.engine.backends.openai_agents.backend",
        Framework.GOOGLE_ADK: "cadence.engine.backends.google_adk.backend",
    }
)


def may_build(framework: Framework, mode: Mode) -> bool:
    """Tell whether orchestrators of this kind can be built."""
    return mode in MODES.get(framework, frozenset())


class BackendRegistry:
    """The backends of one process; each framework is imported once, in a thread, for all askers."""

    def __init__(self, transports: Transports, *, clock: Clock) -> None:
        """Hand `transports` and `clock` to every backend."""
        self._transports = transports
        self._clock = clock
        self._backends: dict[Framework, Backend] = {}
        self._importing = {framework: asyncio.Lock() for framework in _MODULES}

    async def backend_for(self, framework: Framework) -> Backend:
        """Return the framework's backend, importing it when nobody has asked for it yet.

        Raises `UnsupportedOrchestrator` when the framework has none.
        """
        if framework not in _MODULES:
            raise UnsupportedOrchestrator(f"Orchestrators of {framework} cannot be built yet.")
        async with self._importing[framework]:
            if framework not in self._backends:
                self._backends[framework] = await asyncio.to_thread(self._import, framework)
            return self._backends[framework]

    async def build(
        self, spec: OrchestratorSpec, tools: ToolInvoker, *, sharing: Sharing | None = None
    ) -> Runtime:
        """Build one orchestrator, off the event loop; without `sharing` all of it anew.

        Raises `UnsupportedOrchestrator`.
        """
        backend = await self.backend_for(spec.framework)
        return await asyncio.to_thread(_build, backend, spec, tools=tools, sharing=sharing)

    async def warm_up(self, spec: OrchestratorSpec) -> None:
        """Import and prepare what a spec of this kind needs, so that its first turn is fast."""
        backend = await self.backend_for(spec.framework)
        await asyncio.to_thread(_load, backend, spec)

    def _import(self, framework: Framework) -> Backend:
        module = importlib.import_module(_MODULES[framework])
        backend: Backend = module.build_backend(self._transports, clock=self._clock)
        return backend


def _build(
    backend: Backend, spec: OrchestratorSpec, *, tools: ToolInvoker, sharing: Sharing | None
) -> Runtime:
    _load(backend, spec)
    return backend.build(spec, tools, sharing=sharing)


def _load(backend: Backend, spec: OrchestratorSpec) -> None:
    known = len(sys.modules)
    backend.load(spec)
    if len(sys.modules) > known:
        # Libraries stay for ever, three hundred thousand objects of them: each full collection
        # would look at all of these again, 180 ms in which every stream stands still.
        gc.freeze()
