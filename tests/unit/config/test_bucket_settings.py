"""What settings of a bucket are refused, and that no log line shows what it is signed with."""

import logging

import pytest
from pydantic import SecretStr

from cadence.config.production import SettingsRefused, require_readable
from cadence.config.settings import LogSettings, ObjectSettings, Settings
from cadence.entrypoints.serving import set_up_logging

BUCKET = "s3://packages"
KEYS = {"access_key": SecretStr("an-access-key-of-ours"), "secret_key": SecretStr("what-it-signs")}


def _settings(**chosen: str | SecretStr) -> Settings:
    return Settings(_env_file=None, object=ObjectSettings.model_validate(chosen))


@pytest.mark.parametrize(
    "chosen",
    [
        pytest.param({}, id="a folder"),
        pytest.param({"store_url": BUCKET}, id="whatever the machine's role may use"),
        pytest.param({"store_url": BUCKET, "endpoint": "http://objects:9000", **KEYS}, id="MinIO"),
        pytest.param({"store_url": "gs://packages"}, id="Google"),
    ],
)
def test_what_can_be_meant_is_let_pass(chosen: dict[str, str | SecretStr]) -> None:
    require_readable(_settings(**chosen))


@pytest.mark.parametrize(
    ("chosen", "named"),
    [
        pytest.param(
            {"endpoint": "http://objects:9000"}, "CADENCE_OBJECT_STORE_URL", id="no bucket"
        ),
        pytest.param({"store_url": "gs://packages", **KEYS}, "s3://", id="not of S3"),
        pytest.param(
            {"store_url": BUCKET, "endpoint": "objects:9000"},
            "CADENCE_OBJECT_ENDPOINT",
            id="no scheme",
        ),
        pytest.param(
            {"store_url": BUCKET, "secret_key": KEYS["secret_key"]},
            "CADENCE_OBJECT_ACCESS_KEY",
            id="half a key",
        ),
    ],
)
def test_what_cannot_be_meant_is_refused_by_name(
    chosen: dict[str, str | SecretStr], named: str
) -> None:
    with pytest.raises(SettingsRefused, match=named) as refused:
        require_readable(_settings(**chosen))

    assert "what-it-signs" not in str(refused.value)


def test_no_log_line_shows_the_keys(capsys: pytest.CaptureFixture[str]) -> None:
    settings = _settings(store_url=BUCKET, **KEYS)
    set_up_logging(settings.model_copy(update={"log": LogSettings(format="json")}))

    logging.getLogger("a library").warning("%s and %s", "an-access-key-of-ours", "what-it-signs")

    written = "".join(capsys.readouterr())
    assert "[masked] and [masked]" in written
