"""Anchors a turn to one record: asks every plugin whose agent works on records."""

import asyncio
from collections.abc import Mapping, Sequence
from dataclasses import dataclass

import structlog
from cadence_sdk import CadenceException

from cadence.engine.anchors import AnchoredAgent
from cadence.kernel.errors import CadenceError
from cadence.kernel.own_task import own_task
from cadence.kernel.plain_json import ResultTooLarge, ResultUnreadable
from cadence.kernel.text import clean, clip
from cadence.kernel.tool_failures import ToolRaised, ToolUnavailable
from cadence.plugin_host.anchoring import ANCHOR_WITHIN, RECORD_BYTES
from cadence.plugin_host.ports import Anchor, OpenedPlugin
from cadence.pool.errors import (
    AnchorFailed,
    AnchorRefused,
    AnchorUnavailable,
    ResourceRequired,
    ResourceUnexpected,
)

# As much of its own words as a tool's error may have.
_LONGEST_MESSAGE = 500
# Seconds for plugin code to end when a turn is cancelled; as for its tools.
_LAST_WORDS = 0.15

log = structlog.get_logger(__name__)


@dataclass(frozen=True, slots=True, kw_only=True)
class ScopedPlugin:
    """A plugin whose agent can be anchored, and what people call it."""

    title: str
    plugin: OpenedPlugin

    @property
    def needs_record(self) -> bool:
        """Whether its agent has no subject but its record, so that it cannot do without one."""
        return not self.plugin.system_prompt.strip()


@dataclass(frozen=True, slots=True, kw_only=True)
class Anchoring:
    """The plugins of one orchestrator that can be anchored; holds no record of any turn.

    `within` is in seconds, for all plugins together, which are asked at the same time.
    """

    plugins: Sequence[ScopedPlugin] = ()
    within: float = ANCHOR_WITHIN

    def none(self) -> Mapping[str, AnchoredAgent]:
        """Return the anchors of a turn about no record; raises `ResourceRequired`."""
        for each in self.plugins:
            if each.needs_record:
                raise ResourceRequired(each.title)
        return {}

    async def load(self, resource_id: str) -> Mapping[str, AnchoredAgent]:
        """Return the agents with what keeps each of them to the record, by name.

        Raises `ResourceUnexpected` where there is none to be anchored, and where one plugin cannot
        be: `AnchorRefused`, `AnchorFailed`, `AnchorUnavailable`, or what stands in the way of its
        process.
        """
        if not self.plugins:
            raise ResourceUnexpected
        try:
            async with asyncio.TaskGroup() as tasks:
                asked = [tasks.create_task(self._load(each, resource_id)) for each in self.plugins]
        except ExceptionGroup as failures:
            # The first of them has ended the others.
            raise failures.exceptions[0] from None
        found = [task.result() for task in asked]
        return {each.plugin.pid: agent for each, agent in zip(self.plugins, found, strict=True)}

    async def _load(self, scoped: ScopedPlugin, resource_id: str) -> AnchoredAgent:
        # In a task of its own the plugin cannot prolong its time by catching its cancellation.
        async with own_task(_ask(scoped, resource_id), patience=_LAST_WORDS) as task:
            await asyncio.wait({task}, timeout=self.within)
            if not task.done():
                log.warning("anchor_timed_out", plugin=scoped.plugin.pid)
                raise AnchorUnavailable(scoped.title)
            anchor = task.result()
        return AnchoredAgent(title=scoped.title, rules=anchor.rules, record=anchor.record)


# An orchestrator without any plugin that could be.
NOT_ANCHORED = Anchoring()


async def _ask(scoped: ScopedPlugin, resource_id: str) -> Anchor:
    pid, title = scoped.plugin.pid, scoped.title
    try:
        return await scoped.plugin.anchor(resource_id)
    except CadenceError:  # in words of ours
        raise
    except CadenceException as refusal:
        log.info("anchor_refused", plugin=pid)
        raise AnchorRefused(_words_of(refusal, title)) from None
    except ToolUnavailable:
        log.warning("anchor_unavailable", plugin=pid)
        raise AnchorUnavailable(title) from None
    except (ResultTooLarge, ResultUnreadable):
        log.warning("anchor_unfit", plugin=pid)
        why = f"it must be JSON of at most {RECORD_BYTES} bytes"
        raise AnchorFailed(title, why) from None
    except Exception as error:  # noqa: BLE001  # plugin code may raise anything
        # Its text stays out of the log: it may quote the record, or a secret setting.
        kind, where = _place_of(error)
        log.warning("anchor_failed", plugin=pid, error=kind, where=where)
        raise AnchorFailed(title, "its code failed") from None


def _words_of(refusal: CadenceException, title: str) -> str:
    said = clip(clean(str(refusal.message)).strip(), _LONGEST_MESSAGE)
    return said or f"The plugin {title} refused the record."


def _place_of(error: Exception) -> tuple[str, str]:
    if isinstance(error, ToolRaised):
        return error.kind, error.where
    return type(error).__qualname__, ""
