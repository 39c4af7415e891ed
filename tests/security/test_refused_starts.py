"""What a process says when its settings are wrong: which one, and never what it holds."""

import pytest

from cadence.infra.secrets.keyring import generate_key
from tests.fixtures.processes import Processes
from tests.security.canaries import find, new_canary, secret_text

pytestmark = pytest.mark.slow

CANARY = new_canary()
SHORT = CANARY[:24]
RANDOM = generate_key()
GOOD = {"CADENCE_SECRET_KEY": new_canary(), "CADENCE_ENCRYPTION_KEYS": f"k1:{generate_key()}"}
WRONG = {
    "a short secret": {"CADENCE_ENVIRONMENT": "production", "CADENCE_SECRET_KEY": SHORT},
    "a sealing key without its kid": {"CADENCE_ENCRYPTION_KEYS": CANARY},
    "a misspelt setting": {"CADENCE_ENCRYPTION_KEYZ": CANARY},
    "a database that is away": {
        "CADENCE_POSTGRES_URL": f"postgresql://cadence:{SHORT}@127.0.0.1:1/cadence"
    },
    "a broker and a store of another kind": {
        "CADENCE_RABBITMQ_URL": f"http://cadence:{SHORT}@127.0.0.1:1",
        "CADENCE_MONGO_URL": f"http://cadence:{SHORT}@127.0.0.1:1",
    },
    "an unreadable URL of transcripts": {
        "CADENCE_MONGO_URL": f"mongodb://cadence:{SHORT}@127.0.0.1:1/?tls={SHORT}"
    },
    "an object store that is none": {"CADENCE_OBJECT_STORE_URL": f"x://{SHORT}:{SHORT}@bucket"},
}


@pytest.mark.parametrize("wrong", WRONG)
def test_a_refusal_names_the_setting_and_does_not_repeat_it(
    processes: Processes, *, wrong: str
) -> None:
    environment = {**GOOD, "CADENCE_STORAGE_ROOT": str(processes.folder / "var"), **WRONG[wrong]}
    secrets = [secret_text("canary", CANARY), secret_text("half", SHORT)]
    secrets += [secret_text(name, text) for name, text in GOOD.items()]

    ended = processes.attempt("serve", environment=environment)

    assert ended.code != 0, ended.written
    assert find(ended.written.encode(), secrets) == []
    assert "Traceback" not in ended.written
    assert [name for name in WRONG[wrong] if name in ended.written]


def test_one_key_for_two_purposes_is_refused_without_repeating_it(processes: Processes) -> None:
    both = {"CADENCE_SECRET_KEY": RANDOM, "CADENCE_ENCRYPTION_KEYS": f"k1:{RANDOM}"}
    environment = {**both, "CADENCE_STORAGE_ROOT": str(processes.folder / "var")}

    ended = processes.attempt("serve", environment=environment)

    assert ended.code != 0, ended.written
    assert find(ended.written.encode(), [secret_text("key", RANDOM)]) == []


def test_a_store_that_is_away_does_not_show_its_password(processes: Processes) -> None:
    address = f"redis://:{SHORT}@127.0.0.1:1/0"
    environment = {**GOOD, "CADENCE_STORAGE_ROOT": str(processes.folder / "var")}

    ended = processes.attempt("doctor", environment={**environment, "CADENCE_REDIS_URL": address})

    assert ended.code != 0
    assert find(ended.written.encode(), [secret_text("password", SHORT)]) == []
