"""A turn in coordinator mode."""

from typing_extensions import override

from tests.conformance.outlines import calls, ended, says, started
from tests.conformance.plugins import TRANSFERS
from tests.conformance.stories import Called, Story
from tests.fakes.model_server import Call, Say, Step

COORDINATOR = "coordinator"
REPORT = "I have reported."


class CoordinatorStory(Story):
    """The coordinator lets one plugin's agent work at a time, and speaks itself."""

    def __init__(self, first: str) -> None:
        super().__init__(first)
        self._acting: str | None = None

    @override
    def round(self, owner: str | None, step: Step, told: list[str], *, words: str = "") -> None:
        self._to_agent(owner)
        self.steps.append(step)
        self.outline += told

    @override
    def answers(self, text: str, *, pause: float = 0) -> None:
        self._to_coordinator()
        self._speak(Say(text, delay_per_word=pause))

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
        self.steps += steps
        self.outline += [started(COORDINATOR), ended(COORDINATOR)]

    @override
    def fails_while_answering(self, step: Step, said: str) -> None:
        self._to_coordinator()
        self.steps.append(step)
        said_lines = [says(COORDINATOR, said)] if said else []
        self.outline += [*said_lines, ended(COORDINATOR)]

    @override
    def fails_beside_tools(self, step: Step) -> None:
        self.round(self.first, step, [ended(self.first)])

    @override
    def breaks_off_in(self, *called: Called) -> None:
        told = [*(calls(each.tool) for each in called), *(each.end for each in called)]
        step = Call(*(each.asked for each in called))
        self.round(called[0].owner, step, [*told, ended(called[0].owner or self.first)])

    @override
    def spends(self, hops: int, called: Called, asks: Step | None = None) -> int:
        for _ in range(hops - 1):  # one goes into the transfer
            self.uses(called, asks=asks)
        self.outline.append(ended(called.owner or self.first))
        return hops - 1

    @override
    def closes(self, text: str) -> None:
        self.outline.append(started(COORDINATOR))
        self._speak(Say(text))

    @override
    def gives_up(self) -> None:
        """Nothing more is told."""

    def routes(self, step: Step) -> None:
        """Let the coordinator ask for something that gets it nowhere."""
        self._to_coordinator()
        self.steps.append(step)

    def transfers(self, agent: str, step: Step | None = None, *, words: str = "") -> None:
        """Let the coordinator transfer to an agent, after words that are heard."""
        self._to_coordinator()
        self.steps.append(step or Call((TRANSFERS[agent], {})))
        said = [says(COORDINATOR, words)] if words else []
        self.outline += [*said, ended(COORDINATOR), started(agent)]
        self._acting = agent

    def reports(self, text: str = REPORT) -> None:
        """Let the agent that acts return to the coordinator."""
        self.steps.append(Say(text))
        self.outline += [ended(self._acting or ""), started(COORDINATOR)]
        self._acting = COORDINATOR

    def _to_agent(self, owner: str | None) -> None:
        agent = owner or (self.first if self._acting in {None, COORDINATOR} else self._acting)
        if agent != self._acting:
            self.transfers(agent)

    def _to_coordinator(self) -> None:
        if self._acting is None:
            self.outline.append(started(COORDINATOR))
            self._acting = COORDINATOR
        elif self._acting != COORDINATOR:
            self.reports()

    def _speak(self, said: Say) -> None:
        self.steps.append(said)
        self.outline += [says(COORDINATOR, said.text), ended(COORDINATOR)]
