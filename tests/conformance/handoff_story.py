"""A turn in handoff mode."""

from typing_extensions import override

from tests.conformance.outlines import calls, ended, says, started
from tests.conformance.plugins import TRANSFERS
from tests.conformance.stories import Called, Story
from tests.fakes.model_server import Call, Say, Step


class HandoffStory(Story):
    """Each plugin's agent calls its own tools, hands the turn over, or speaks."""

    def __init__(self, first: str) -> None:
        super().__init__(first)
        self._holder = ""

    @override
    def round(self, owner: str | None, step: Step, told: list[str], *, words: str = "") -> None:
        self._to(owner)
        said = [says(self._holder, words)] if words else []
        self.steps.append(step)
        self.outline += [*said, *told]

    @override
    def answers(self, text: str, *, pause: float = 0) -> None:
        self._to(None)
        self.steps.append(Say(text, delay_per_word=pause))
        self.outline += [says(self._holder, text), ended(self._holder)]

    @override
    def answers_from_context(self, text: str) -> None:
        self.answers(text)

    @override
    def asks_back(self, text: str) -> None:
        self.answers(text)

    @override
    def explains(self, text: str) -> None:
        self.answers(text)

    @override
    def fails_at_once(self, *steps: Step) -> None:
        self._to(None)
        self.steps += steps
        self.outline.append(ended(self._holder))

    @override
    def fails_while_answering(self, step: Step, said: str) -> None:
        self._to(None)
        said_lines = [says(self._holder, said)] if said else []
        self.steps.append(step)
        self.outline += [*said_lines, ended(self._holder)]

    @override
    def fails_beside_tools(self, step: Step) -> None:
        self.fails_at_once(step)

    @override
    def breaks_off_in(self, *called: Called) -> None:
        told = [*(calls(each.tool) for each in called), *(each.end for each in called)]
        self.round(called[0].owner, Call(*(each.asked for each in called)), told)
        self.outline.append(ended(self._holder))

    @override
    def spends(self, hops: int, called: Called, asks: Step | None = None) -> int:
        for _ in range(hops):
            self.uses(called, asks=asks)
        return hops

    @override
    def closes(self, text: str) -> None:
        self.answers(text)

    @override
    def gives_up(self) -> None:
        self.outline.append(ended(self._holder))

    def hands_over(self, agent: str, step: Step | None = None, *, words: str = "") -> None:
        """Let the agent that acts transfer to another one, after words that are heard."""
        self._to(None)
        self.steps.append(step or Call((TRANSFERS[agent], {})))
        said = [says(self._holder, words)] if words else []
        self.outline += [*said, ended(self._holder), started(agent)]
        self._holder = agent

    def _to(self, owner: str | None) -> None:
        if not self._holder:
            self._holder = self.first
            self.outline.append(started(self._holder))
        if owner is not None and owner != self._holder:
            self.hands_over(owner)
