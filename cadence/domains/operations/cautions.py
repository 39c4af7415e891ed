"""What an operator should know of settings and machine, although the service runs with them."""

from collections.abc import Iterator

from cadence.config.production import MEMORY
from cadence.config.settings import Settings
from cadence.domains.operations.schemas import Caution
from cadence.plugin_host.isolation import Isolation


def find_cautions(settings: Settings, isolation: Isolation) -> Iterator[Caution]:
    """Yield a caution for each thing that is fine for a try and not for much more."""
    yield from _secrets(settings)
    yield from _doors(settings)
    yield from _plugins(isolation)
    if settings.redis.url.get_secret_value() == MEMORY:
        yield Caution(
            code="sessions_in_memory",
            message="A restart ends every session and every run's events: set CADENCE_REDIS_URL.",
        )


def _plugins(isolation: Isolation) -> Iterator[Caution]:
    if isolation.level is None:
        yield Caution(
            code="plugins_refused",
            message=f"Uploaded plugins are not run: {isolation.cause}. {isolation.remedy}",
        )
    elif isolation.level.is_weak:
        yield Caution(
            code="plugin_isolation_weak",
            message=(
                "Uploaded plugins can read every organization's keys: let only people upload whom "
                f"you trust with them. {isolation.remedy}"
            ),
        )


def _secrets(settings: Settings) -> Iterator[Caution]:
    if settings.encryption.keys is None and settings.encryption.keys_file is None:
        yield Caution(
            code="development_keys",
            message=(
                "Secrets are sealed with keys that this process made and keeps beside them: set "
                "CADENCE_ENCRYPTION_KEYS."
            ),
        )
    if settings.secret.key is None:
        yield Caution(
            code="development_secret",
            message=(
                "Tokens are signed with a secret that this process made and keeps in its folder: "
                "set CADENCE_SECRET_KEY."
            ),
        )


def _doors(settings: Settings) -> Iterator[Caution]:
    if settings.shows_docs:
        yield Caution(
            code="docs_open",
            message="Anybody can read /docs and /openapi.json: set CADENCE_API_DOCS=false.",
        )
    if settings.metrics.token is None and not settings.in_production:
        yield Caution(
            code="metrics_open",
            message="Anybody can read /metrics: set CADENCE_METRICS_TOKEN.",
        )
    if settings.serves_offline_model:
        yield Caution(
            code="offline_model_served",
            message="Anybody can call the stand-in model: set CADENCE_OFFLINE_MODEL=false.",
        )
