"""The compose files and the image: no Docker runs here, so what can be read of them is held to."""

import re
from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import Any

import pytest
import yaml

from cadence.config.settings import Settings

ROOT = Path(__file__).resolve().parents[2]
FILES = ("compose.yml", "compose.services.yml")
STORES = frozenset({"postgres", "redis", "rabbitmq", "mongodb", "objects"})
# They run once, and whoever waits for them waits for their end.
JOBS = frozenset({"migrate", "bucket"})
# `${NAME:?why}` and `${NAME:-default}`.
VARIABLE = re.compile(r"(?<!\$)\$\{(\w+)(:[?-])?([^}]*)\}")
MAY_DO_WITHOUT = {"API_PORT", "API_WORKERS", "CADENCE_METRICS_TOKEN"}


def _read(name: str) -> dict[str, Any]:
    read: dict[str, Any] = yaml.safe_load((ROOT / "docker" / name).read_text(encoding="utf-8"))
    return read


def _services(name: str) -> dict[str, dict[str, Any]]:
    services: dict[str, dict[str, Any]] = _read(name)["services"]
    return services


def _all_services() -> Iterator[tuple[str, dict[str, Any]]]:
    for file in FILES:
        yield from _services(file).items()


def _words(value: object) -> Iterator[str]:
    match value:
        case Mapping():
            for part in value.values():
                yield from _words(part)
        case list():
            for part in value:
                yield from _words(part)
        case _:
            yield str(value)


def _settings() -> set[str]:
    """Return the names of all settings of the service."""
    names = set()
    defaults = Settings(_env_file=None)
    for group in Settings.model_fields:
        fields = getattr(type(getattr(defaults, group)), "model_fields", {"": None})
        names |= {f"CADENCE_{group}_{field}".upper().rstrip("_") for field in fields}
    return names


@pytest.mark.parametrize("file", FILES)
def test_each_file_has_the_stores_and_says_where_they_keep_what_they_hold(file: str) -> None:
    read = _read(file)
    mounted = {
        volume.partition(":")[0]
        for service in read["services"].values()
        for volume in service.get("volumes", [])
    }

    assert set(read["services"]) >= STORES
    assert mounted == set(read["volumes"])
    for name in STORES:
        assert read["services"][name]["volumes"], name


def test_the_whole_has_the_service_and_its_jobs_too() -> None:
    assert set(_services("compose.yml")) == STORES | JOBS | {"api"}
    assert set(_services("compose.services.yml")) == STORES | {"bucket"}


def test_both_files_run_the_same_stores() -> None:
    whole, alone = _services("compose.yml"), _services("compose.services.yml")

    for name in alone:
        assert {**alone[name], "ports": None} == {**whole[name], "ports": None}


def test_every_image_is_of_one_version() -> None:
    for name, service in _all_services():
        repository, _, tag = service["image"].rpartition(":")
        assert repository, name
        assert re.search(r"\d+\.\d+|RELEASE\.\d{4}-\d{2}-\d{2}T", tag), service["image"]


def test_everything_that_stays_up_says_whether_it_is_well() -> None:
    for name, service in _all_services():
        health = service["healthcheck"]
        if name in JOBS:
            assert health == {"disable": True}
            assert service["restart"] == "no"
        else:
            assert health["test"][0] in {"CMD", "CMD-SHELL"}, name
            assert {"interval", "timeout", "retries"} <= set(health), name
            assert service["restart"] == "unless-stopped"


def test_the_service_waits_for_healthy_stores_and_finished_jobs() -> None:
    services = _services("compose.yml")
    waited = {name: how["condition"] for name, how in services["api"]["depends_on"].items()}

    assert waited == {
        **dict.fromkeys(STORES, "service_healthy"),
        **dict.fromkeys(JOBS, "service_completed_successfully"),
    }
    assert services["migrate"]["command"] == ["cadence", "migrate"]
    assert services["migrate"]["depends_on"] == {"postgres": {"condition": "service_healthy"}}
    assert services["bucket"]["depends_on"] == {"objects": {"condition": "service_healthy"}}


def test_nothing_is_privileged_and_the_service_can_do_least() -> None:
    for _, service in _all_services():
        allowed = set(service) & {"privileged", "network_mode", "pid", "devices", "cap_add"}
        assert not allowed
        assert not any("docker.sock" in volume for volume in service.get("volumes", []))
    for name in ("api", "migrate"):
        service = _services("compose.yml")[name]
        assert service["cap_drop"] == ["ALL"]
        assert service["read_only"] is True
        assert service["security_opt"] == ["no-new-privileges:true"]


def test_only_this_machine_is_listened_to() -> None:
    published = {
        (file, name): service["ports"]
        for file in FILES
        for name, service in _services(file).items()
        if "ports" in service
    }

    assert {key for key in published if key[0] == "compose.yml"} == {("compose.yml", "api")}
    assert {name for file, name in published if file == "compose.services.yml"} == STORES
    for ports in published.values():
        assert all(port.startswith("127.0.0.1:") for port in ports)


def test_every_setting_is_one_of_the_service() -> None:
    services = _services("compose.yml")
    for name in ("api", "migrate"):
        used = {word for word in services[name]["environment"] if word.startswith("CADENCE_")}
        assert used <= _settings()
        # Each of the five, or the whole would run on embedded stores.
        assert {
            "CADENCE_POSTGRES_URL",
            "CADENCE_REDIS_URL",
            "CADENCE_RABBITMQ_URL",
            "CADENCE_MONGO_URL",
            "CADENCE_OBJECT_STORE_URL",
        } <= used


@pytest.mark.parametrize("file", FILES)
def test_no_secret_has_a_default_and_each_is_listed(file: str) -> None:
    example = (ROOT / "docker" / ".env.example").read_text(encoding="utf-8")
    listed = dict(re.findall(r"^(\w+)=(.*)$", example, re.MULTILINE))
    found = [VARIABLE.findall(word) for word in _words(_read(file))]
    used = [variable for variables in found for variable in variables]

    assert {name for name, _, _ in used} <= set(listed)
    for name, how, said in used:
        assert how == (":-" if name in MAY_DO_WITHOUT else ":?"), name
        assert said == listed[name] if how == ":-" else said, name
    if file == "compose.yml":
        assert {name for name, _, _ in used} == set(listed)


def test_no_secret_is_written_down() -> None:
    for _, service in _all_services():
        for name, value in service.get("environment", {}).items():
            if re.search(r"PASS|SECRET|KEYS|TOKEN|AUTH", name):
                assert VARIABLE.fullmatch(value), name


def test_addresses_lead_to_services_of_the_file() -> None:
    services = _services("compose.yml")
    for name in ("api", "migrate"):
        for value in services[name]["environment"].values():
            plain = VARIABLE.sub("", str(value))
            for host in re.findall(r"\w+://(?:[^@/]*@)?([a-z]+)(?=[:/])", plain):
                assert host in services


def test_the_documents_name_the_images_and_health_checks_that_are_used() -> None:
    text = (ROOT / "docs" / "operations.md").read_text(encoding="utf-8")
    told = re.findall(r"^\| `(\w+)` \| `([^`]+)` \| `([^`]+)` \|$", text, re.MULTILINE)

    # The kind of check comes first, and is not told.
    assert sorted(told) == sorted(
        (name, service["image"], " ".join(service["healthcheck"]["test"][1:]))
        for name, service in _services("compose.yml").items()
        if name not in JOBS
    )
    readme = (ROOT / "README.md").read_text(encoding="utf-8")
    assert "docs/operations.md#on-one-machine-with-docker" in readme
    assert "\n## On one machine with Docker\n" in text


def _instructions() -> list[str]:
    written = (ROOT / "docker" / "api.Dockerfile").read_text(encoding="utf-8")
    joined = written.replace("\\\n", " ")
    return [line for line in joined.splitlines() if line and not line.startswith("#")]


def test_the_image_is_built_of_files_that_are_there_and_sent() -> None:
    ignored = (ROOT / ".dockerignore").read_text(encoding="utf-8").splitlines()
    sent = {line.removeprefix("!") for line in ignored if line.startswith("!")}
    copied = [
        source
        for line in _instructions()
        if line.startswith("COPY ") and "--from" not in line
        for source in line.split()[1:-1]
    ]

    assert ignored[1] == "*"
    assert len(copied) > 5
    for source in copied:
        assert (ROOT / source).exists(), source
        assert source.partition("/")[0] in sent, source


def test_the_image_runs_the_service_as_nobody_in_particular_and_says_whether_it_is_well() -> None:
    instructions = _instructions()
    last_stage = instructions[max(i for i, x in enumerate(instructions) if x.startswith("FROM ")) :]
    stages = [line.split()[1] for line in instructions if line.startswith("FROM ")]
    compose = _services("compose.yml")["api"]["healthcheck"]["test"]
    checks = [line for line in last_stage if line.startswith("HEALTHCHECK ")]

    assert [line for line in last_stage if line.startswith("USER ")] == ["USER cadence"]
    assert all(re.search(r":\d+\.\d+\.\d+", stage) for stage in stages)
    assert len(checks) == 1
    assert compose[-1] in checks[0]
    assert "/health" in compose[-1]
    syncs = [line for line in instructions if "uv sync" in line]
    assert syncs
    assert all("--frozen" in line and "--no-dev" in line for line in syncs)
