"""How the service's health is shown."""

from enum import StrEnum

from cadence.http.bodies import Output


class State(StrEnum):
    """Whether a part answers."""

    OK = "ok"
    DOWN = "down"


class HealthAnswer(Output):
    """The process answers."""

    status: State
    version: str


class ReadyAnswer(Output):
    """Whether every store answers, by its name."""

    status: State
    stores: dict[str, State]
