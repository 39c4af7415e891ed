"""A turn in supervisor mode."""

from collections.abc import Sequence

from typing_extensions import override

from tests.conformance.outlines import calls, ended, says, started
from tests.conformance.stories import Called, Story
from tests.fakes.model_server import Call, Say, Step


class SupervisorStory(Story):
    """The supervisor calls every plugin's tools itself, and another node speaks."""

    @override
    def together(self, called: Sequence[Called]) -> list[tuple[str | None, tuple[Called, ...]]]:
        return [(None, tuple(called))]

    @override
    def round(self, owner: str | None, step: Step, told: list[str], *, words: str = "") -> None:
        self._supervise(step)
        self.outline += [started("control_tools"), *told, ended("control_tools")]
        self.outline += [started("validation"), ended("validation")]

    @override
    def answers(self, text: str, *, pause: float = 0) -> None:
        self._supervise(Say("DONE"))
        self._leaf("synthesizer", Say(text, delay_per_word=pause))

    @override
    def answers_from_context(self, text: str) -> None:
        self._supervise(Call(("route_to_conversational", {})))
        self._leaf("conversational", Say(text))

    @override
    def asks_back(self, text: str) -> None:
        self._supervise(Call(("route_to_facilitator", {})))
        self._leaf("facilitator", Say(text))

    @override
    def explains(self, text: str) -> None:
        self._leaf("error_handler", Say(text))

    @override
    def fails_at_once(self, *steps: Step) -> None:
        self.steps += steps
        self.outline += [started("supervisor"), ended("supervisor")]

    @override
    def fails_while_answering(self, step: Step, said: str) -> None:
        self._supervise(Call(("route_to_conversational", {})))
        self.steps.append(step)
        said_lines = [says("conversational", said)] if said else []
        self.outline += [started("conversational"), *said_lines, ended("conversational")]

    @override
    def fails_beside_tools(self, step: Step) -> None:
        self._supervise(step)

    @override
    def breaks_off_in(self, *called: Called) -> None:
        self._supervise(Call(*(each.asked for each in called)))
        told = [*(calls(each.tool) for each in called), *(each.end for each in called)]
        self.outline += [started("control_tools"), *told, ended("control_tools")]

    @override
    def spends(self, hops: int, called: Called, asks: Step | None = None) -> int:
        for _ in range(hops):
            self.uses(called, asks=asks)
        return hops

    @override
    def closes(self, text: str) -> None:
        self._leaf("synthesizer", Say(text))

    @override
    def gives_up(self) -> None:
        """Nothing more is told."""

    def _supervise(self, step: Step) -> None:
        self.steps.append(step)
        self.outline += [started("supervisor"), ended("supervisor")]

    def _leaf(self, agent: str, said: Say) -> None:
        self.steps.append(said)
        self.outline += [started(agent), says(agent, said.text), ended(agent)]
