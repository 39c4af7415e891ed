"""Sets up logging: ours and every library's through one handler, one line for each record."""

import json
import logging
import sys
from collections.abc import Iterable
from contextlib import suppress
from typing import Literal, TextIO

import structlog
from typing_extensions import override

from cadence.infra.telemetry.redaction import Redaction
from cadence.infra.telemetry.rendering import render_json, render_text

# Libraries whose chatter holds URLs, headers, prompts, answers or bound SQL values, and from which
# level on they are heard. ADK reports one failed model call with five nested tracebacks; we report
# it once. OpenTelemetry has four lines for each batch that a collector does not take; `traces` has
# one a minute.
_HEARD_FROM = {
    "aiobotocore": logging.WARNING,
    "alembic": logging.WARNING,
    "aiosqlite": logging.WARNING,
    "anthropic": logging.WARNING,
    "asyncio": logging.WARNING,
    # The `mcp` library's own names; it writes out what it could not read of a server's answers.
    "client": logging.CRITICAL,
    "mcp": logging.CRITICAL,
    "google": logging.WARNING,
    "google_adk": logging.CRITICAL,
    "google_genai": logging.WARNING,
    "httpcore": logging.WARNING,
    "httpcore2": logging.WARNING,
    "httpx": logging.WARNING,
    "httpx2": logging.WARNING,
    "langchain": logging.WARNING,
    "langgraph": logging.WARNING,
    "langsmith": logging.ERROR,
    "openai": logging.WARNING,
    "opentelemetry": logging.CRITICAL,
    "pymongo": logging.WARNING,
    "python_multipart": logging.WARNING,
    "sqlalchemy": logging.WARNING,
    "urllib3": logging.WARNING,
    "websockets": logging.WARNING,
}
_UVICORN = ("uvicorn", "uvicorn.access", "uvicorn.asgi", "uvicorn.error")


def configure_logging(
    *,
    level: str,
    output: Literal["json", "text"],
    stream: TextIO | None = None,
    known_secrets: Iterable[str] = (),
) -> None:
    """Send every log record of this process to the stream (standard error by default).

    Values bound with `structlog.contextvars` (`request_id`, `organization_id`, `run_id`) are on
    every line. `known_secrets` are masked wherever they appear. Repeating replaces what was set up.
    Uvicorn must be started with `log_config=None`, or it sets up its own again.
    """
    handler = _OneLineHandler(stream or sys.stderr)
    handler.addFilter(_is_heard)
    handler.setFormatter(_build_formatter(output, Redaction(known_secrets)))
    root = logging.getLogger()
    root.handlers[:] = [handler]
    root.setLevel(level.upper())
    for name in _UVICORN:
        _route_to_root(logging.getLogger(name))
    for name, lowest in _HEARD_FROM.items():
        logging.getLogger(name).setLevel(lowest)
    logging.captureWarnings(capture=True)
    structlog.configure(
        processors=[
            structlog.stdlib.filter_by_level,
            structlog.stdlib.PositionalArgumentsFormatter(),
            structlog.processors.StackInfoRenderer(),
            structlog.stdlib.ProcessorFormatter.wrap_for_formatter,
        ],
        logger_factory=structlog.stdlib.LoggerFactory(),
        wrapper_class=structlog.stdlib.BoundLogger,
        cache_logger_on_first_use=False,
    )


class _OneLineHandler(logging.StreamHandler[TextIO]):
    """A stream handler whose own failures reveal nothing."""

    @override
    def handleError(self, record: logging.LogRecord) -> None:
        """Say that a record was lost; the base class would print its arguments as they are."""
        trouble = {
            "level": "error",
            "logger": record.name,
            "event": "log_record_lost",
            "error": type(sys.exc_info()[1]).__name__,
        }
        with suppress(OSError, ValueError):  # the stream itself is gone: nobody is left to tell
            self.stream.write(json.dumps(trouble) + self.terminator)
            self.flush()


def _build_formatter(output: Literal["json", "text"], redaction: Redaction) -> logging.Formatter:
    return structlog.stdlib.ProcessorFormatter(
        processors=[
            structlog.contextvars.merge_contextvars,
            structlog.stdlib.add_log_level,
            structlog.stdlib.add_logger_name,
            structlog.processors.TimeStamper(fmt="iso", utc=True),
            structlog.processors.format_exc_info,
            structlog.stdlib.ProcessorFormatter.remove_processors_meta,
            redaction,
            render_json if output == "json" else render_text,
        ]
    )


def _is_heard(record: logging.LogRecord) -> bool:
    """Whether a record is loud enough for its library.

    Asked of every record, because libraries change their own loggers' levels by environment
    variables such as OPENAI_LOG.
    """
    return record.levelno >= _HEARD_FROM.get(record.name.split(".", maxsplit=1)[0], logging.NOTSET)


def _route_to_root(logger: logging.Logger) -> None:
    logger.handlers.clear()
    logger.propagate = True
    logger.setLevel(logging.NOTSET)
