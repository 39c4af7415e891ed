"""Plays a workflow once, in a session that lives as long as the turn and keeps nothing."""

from collections.abc import Iterator
from contextlib import aclosing, contextmanager
from dataclasses import dataclass
from datetime import datetime
from typing import Any, TypeVar

from google.adk.agents.context import Context
from google.adk.agents.run_config import RunConfig
from google.adk.apps.app import App
from google.adk.events.event import Event
from google.adk.runners import Runner
from google.adk.sessions.base_session_service import (
    BaseSessionService,
    GetSessionConfig,
    ListSessionsResponse,
)
from google.adk.sessions.session import Session
from google.adk.telemetry.context import ContentCapturingMode, TelemetryConfig
from google.adk.workflow import Workflow
from pydantic import Field
from typing_extensions import override

from cadence.engine.backends.google_adk.asking import Answer, Question
from cadence.engine.backends.google_adk.translate import by_user
from cadence.engine.contract import Turn
from cadence.engine.models.calls import ModelCalls
from cadence.engine.tool_calls import ToolCalls
from cadence.engine.turn_events import TurnEvents
from cadence.kernel.ids import new_ulid

Scene = TypeVar("Scene")

# ADK warns once for each app's name, and remembers every name for ever.
_APP = "cadence"
# Who the user is, is nobody's business but ours.
_USER = "user"

# Spans that an operator lets out must not carry what people said.
_RUN = RunConfig(telemetry=TelemetryConfig(capture_message_content=ContentCapturingMode.NO_CONTENT))


@dataclass(frozen=True, slots=True, kw_only=True)
class Playing:
    """What one turn brings to a workflow, whatever its mode."""

    turn: Turn
    events: TurnEvents
    tools: ToolCalls
    calls: ModelCalls
    now: datetime

    async def ask(self, question: Question) -> Answer:
        """Return the answer to a question; raises an `EngineError`."""
        return await question.put(self.calls, meter=self.turn.meter)


class _TurnSession(Session):
    """A session that carries what one turn knows; ADK's own copies of state would cost time."""

    scene: Any = Field(exclude=True, repr=False)


class _TurnSessions(BaseSessionService):
    """The sessions of the turns that are being played.

    ADK's own services copy a session at every step and keep it for ever. History and state are
    ours, so nothing that happens is written into a session either.
    """

    def __init__(self) -> None:
        self._open: dict[str, _TurnSession] = {}

    @contextmanager
    def opened(self, scene: object) -> Iterator[str]:
        """Open a session for the block and return its id."""
        session_id = new_ulid()
        self._open[session_id] = _TurnSession(
            id=session_id, app_name=_APP, user_id=_USER, scene=scene
        )
        try:
            yield session_id
        finally:
            del self._open[session_id]

    @override
    async def get_session(
        self,
        *,
        app_name: str,
        user_id: str,
        session_id: str,
        config: GetSessionConfig | None = None,
    ) -> Session | None:
        """Return the open session itself."""
        return self._open.get(session_id)

    @override
    async def append_event(self, session: Session, event: Event) -> Event:
        """Keep nothing."""
        return event

    @override
    async def create_session(
        self,
        *,
        app_name: str,
        user_id: str,
        state: dict[str, Any] | None = None,
        session_id: str | None = None,
    ) -> Session:
        """Refuse: a session is opened with its turn, by `opened`."""
        raise NotImplementedError

    @override
    async def list_sessions(
        self, *, app_name: str, user_id: str | None = None
    ) -> ListSessionsResponse:
        """Show no turn to any other."""
        return ListSessionsResponse()

    @override
    async def delete_session(self, *, app_name: str, user_id: str, session_id: str) -> None:
        """Leave it to the end of the turn."""


class Player:
    """Plays one workflow for any number of turns at the same time."""

    def __init__(self, workflow: Workflow) -> None:
        self._sessions = _TurnSessions()
        self._runner = Runner(
            app=App(name=_APP, root_agent=workflow), session_service=self._sessions
        )

    async def play(self, scene: object, message: str) -> None:
        """Run the workflow to its end; raises what a node raises.

        Its nodes find the scene with `scene_of`.
        """
        with self._sessions.opened(scene) as session_id:
            events = self._runner.run_async(
                user_id=_USER,
                session_id=session_id,
                new_message=by_user(message),
                run_config=_RUN,
            )
            async with aclosing(events):
                # What they tell is told by our own events, exactly and earlier.
                async for _ in events:
                    pass


def scene_of(context: Context, kind: type[Scene]) -> Scene:
    """Return the scene that the node's turn is played with."""
    session = context.session
    if not isinstance(session, _TurnSession) or not isinstance(session.scene, kind):
        raise TypeError("The node is played without its scene.")
    return session.scene
