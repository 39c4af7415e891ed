"""What the operator's settings hold is in no line of the log, whoever writes it."""

import logging
from collections.abc import Iterator

import pytest
import structlog
from pydantic import SecretStr

from cadence.config.settings import LogSettings, Settings, TraceSettings
from cadence.entrypoints.serving import set_up_logging


@pytest.fixture
def logging_of_its_own() -> Iterator[None]:
    """Afterwards logging is as it was."""
    root = logging.getLogger()
    handlers, level = root.handlers[:], root.level
    yield
    root.handlers[:] = handlers
    root.setLevel(level)
    logging.captureWarnings(capture=False)
    structlog.reset_defaults()


@pytest.mark.usefixtures("logging_of_its_own")
@pytest.mark.parametrize("shown", ["x-one=Kq7-first,x-two=Kq7%20second", "Kq7-first", "Kq7 second"])
def test_a_collectors_headers_are_masked_together_and_each(
    capsys: pytest.CaptureFixture[str], *, shown: str
) -> None:
    headers = SecretStr("x-one=Kq7-first,x-two=Kq7%20second")
    set_up_logging(
        Settings(
            _env_file=None, log=LogSettings(format="json"), trace=TraceSettings(headers=headers)
        )
    )

    logging.getLogger("a.library").warning("sent to the collector: %s", shown)

    written = capsys.readouterr().err
    assert "sent to the collector" in written
    assert "Kq7" not in written
