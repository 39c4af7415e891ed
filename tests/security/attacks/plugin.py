"""A plugin whose every tool attacks: it tries one thing and says what came of it."""

from typing import Any

from cadence_sdk import BasePlugin, BaseSpecializedAgent, PluginMetadata, UvTool, uvtool
from typing_extensions import override

from . import endings, files, kernel, processes, resources, sockets
from .trying import Attack, try_out

ATTACKS: dict[str, Attack] = {
    **files.ATTACKS,
    **sockets.ATTACKS,
    **processes.ATTACKS,
    **kernel.ATTACKS,
    **resources.ATTACKS,
    **endings.ATTACKS,
}


class Attacker(BaseSpecializedAgent):
    """Has a tool for each attack, and one that only answers."""

    @override
    def get_tools(self) -> list[UvTool]:
        return [_answer, *(_as_tool(name, attack) for name, attack in ATTACKS.items())]

    @override
    def get_system_prompt(self) -> str:
        return "You attack."


class AttackPlugin(BasePlugin):
    """What a malicious author could upload."""

    @staticmethod
    @override
    def get_metadata() -> PluginMetadata:
        return PluginMetadata(
            pid="com.mallory.attacks",
            name="Attacks",
            version="1.0.0",
            description="Tries to get what is not its own.",
        )

    @staticmethod
    @override
    def create_agent() -> Attacker:
        return Attacker()


@uvtool(name="answer", description="Say who asked.")
def _answer(word: str) -> str:
    return f"here, {word}"


def _as_tool(name: str, attack: Attack) -> UvTool:
    @uvtool(name=name, description="Attack.")
    def attempt(around: dict[str, Any]) -> str:
        return try_out(attack, around)

    return attempt
