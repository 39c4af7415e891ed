"""Which plugins an orchestrator uses, and which of them follow their latest version."""

from collections.abc import Collection, Sequence
from dataclasses import dataclass
from uuid import UUID

from cadence.kernel.errors import FieldProblem


@dataclass(frozen=True, slots=True)
class Choice:
    """One version of a plugin in an orchestrator, pinned unless it `follows_latest`."""

    plugin_id: UUID
    follows_latest: bool = False


def choose(plugin_ids: Sequence[UUID], followers: Collection[UUID]) -> list[Choice]:
    """Return these plugins in their order; those among the followers follow."""
    return [Choice(plugin_id, plugin_id in followers) for plugin_id in plugin_ids]


def ids_of(choices: Sequence[Choice]) -> list[UUID]:
    """Return the row ids of the plugins."""
    return [choice.plugin_id for choice in choices]


def followers_of(choices: Sequence[Choice]) -> list[UUID]:
    """Return the row ids of the plugins that follow."""
    return [choice.plugin_id for choice in choices if choice.follows_latest]


def exchange(
    choices: Sequence[Choice], plugin_id: UUID, target_id: UUID, *, is_latest: bool
) -> list[Choice]:
    """Return the choices with another version in the place of one.

    To go to a version that is not the latest is to follow no longer.
    """
    return [
        Choice(target_id, choice.follows_latest and is_latest)
        if choice.plugin_id == plugin_id
        else choice
        for choice in choices
    ]


def follower_problems(
    followers: Sequence[UUID], plugin_ids: Collection[UUID]
) -> list[FieldProblem]:
    """Say which of the plugins that are to follow are not active."""
    return [
        FieldProblem(f"follow_latest.{place}", "is not an active plugin")
        for place, plugin_id in enumerate(followers)
        if plugin_id not in plugin_ids
    ]
