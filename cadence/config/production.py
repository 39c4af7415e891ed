"""What the service refuses to start with, each as one sentence that says what to set."""

from collections.abc import Iterator
from ipaddress import ip_address

from cadence.config.settings import IsolationChoice, ObjectSettings, Settings
from cadence.config.tracing import untraceable

MEMORY = "memory://"
LOOPBACK = ip_address("127.0.0.1")
DATABASES = ("postgresql", "postgres", "postgresql+asyncpg", "sqlite", "sqlite+aiosqlite")
REDISES = ("redis", "rediss", "unix")
BROKERS = ("amqp", "amqps")
TRANSCRIPTS = ("mongodb", "mongodb+srv")
BUCKETS = ("s3", "s3a")
WEAK_ISOLATION = frozenset({IsolationChoice.PROCESS, IsolationChoice.OFF})
SHORTEST_SECRET = 32
WELL_KNOWN = ("change", "secret", "password", "example", "cadence", "default", "your-")


class SettingsRefused(Exception):
    """The settings cannot be started with; the message has a line for every reason."""


def require_startable(settings: Settings, *, processes: int = 1) -> None:
    """Raise `SettingsRefused` when these settings would be unsafe or could not work."""
    _refuse_for(
        *_unreadable(settings),
        *_unreachable(settings),
        *_unshareable(settings, processes),
        *_unsafe(settings),
    )


def require_readable(settings: Settings) -> None:
    """Raise `SettingsRefused` when a store's URL is none that could be opened."""
    _refuse_for(*_unreadable(settings))


def _refuse_for(*reasons: str) -> None:
    if reasons:
        raise SettingsRefused("\n".join(reasons))


def _unreadable(settings: Settings) -> Iterator[str]:
    database, redis = settings.postgres.url, settings.redis.url.get_secret_value()
    if database is not None and not _has_scheme(database.get_secret_value(), DATABASES):
        yield (
            "CADENCE_POSTGRES_URL must look like postgresql://user:password@host/database; "
            "leave it out for an embedded SQLite file."
        )
    if redis != MEMORY and not _has_scheme(redis, REDISES):
        yield f"CADENCE_REDIS_URL must look like redis://host:6379, or be {MEMORY}."
    events = settings.rabbitmq.url.get_secret_value()
    if events != MEMORY and not _has_scheme(events, BROKERS):
        yield f"CADENCE_RABBITMQ_URL must look like amqp://user:password@host/, or be {MEMORY}."
    transcripts = settings.mongo.url
    if transcripts is not None and not _has_scheme(transcripts.get_secret_value(), TRANSCRIPTS):
        yield (
            "CADENCE_MONGO_URL must look like mongodb://user:password@host:27017; "
            "leave it out to keep transcripts with the rest."
        )
    packages = settings.object.store_url
    if packages is not None and "://" not in packages:
        yield (
            "CADENCE_OBJECT_STORE_URL must look like s3://bucket/prefix; "
            "leave it out for a folder below CADENCE_STORAGE_ROOT."
        )
    yield from _unreadable_bucket(settings.object)
    yield from untraceable(settings.trace)


def _unreadable_bucket(chosen: ObjectSettings) -> Iterator[str]:
    only_for_s3 = {
        "CADENCE_OBJECT_ENDPOINT": chosen.endpoint,
        "CADENCE_OBJECT_REGION": chosen.region,
        "CADENCE_OBJECT_ACCESS_KEY": chosen.access_key,
        "CADENCE_OBJECT_SECRET_KEY": chosen.secret_key,
    }
    asked = [name for name, value in only_for_s3.items() if value is not None]
    if asked and not _has_scheme(chosen.store_url or "", BUCKETS):
        yield f"{asked[0]} is for an s3:// URL: set CADENCE_OBJECT_STORE_URL to one."
    if chosen.endpoint is not None and not _has_scheme(chosen.endpoint, ("http", "https")):
        yield "CADENCE_OBJECT_ENDPOINT must look like https://host:port."
    if (chosen.access_key is None) is not (chosen.secret_key is None):
        yield "CADENCE_OBJECT_ACCESS_KEY and CADENCE_OBJECT_SECRET_KEY are set together or not."


def _has_scheme(url: str, schemes: tuple[str, ...]) -> bool:
    scheme, mark, _ = url.partition("://")
    return bool(mark) and scheme in schemes


def _unreachable(settings: Settings) -> Iterator[str]:
    listed = settings.egress.allow_nets
    if listed is None and not settings.in_production:
        return
    if settings.serves_offline_model and not any(LOOPBACK in network for network in listed or ()):
        yield (
            "The offline model is served on this machine, where model calls may not go: add "
            "127.0.0.0/8 to CADENCE_EGRESS_ALLOW_NETS, or set CADENCE_OFFLINE_MODEL=false."
        )


def _unshareable(settings: Settings, processes: int) -> Iterator[str]:
    if processes <= 1:
        return
    if settings.redis.url.get_secret_value() == MEMORY:
        yield f"{processes} processes cannot share an in-process Redis: set CADENCE_REDIS_URL."
    if settings.postgres.url is None:
        yield f"{processes} processes cannot share an embedded database: set CADENCE_POSTGRES_URL."
    if settings.rabbitmq.url.get_secret_value() == MEMORY:
        yield (
            f"{processes} processes would not hear of each other's changes: set "
            "CADENCE_RABBITMQ_URL."
        )


def _unsafe(settings: Settings) -> Iterator[str]:
    if not settings.in_production:
        return
    key = settings.secret.key.get_secret_value() if settings.secret.key else ""
    if len(key) < SHORTEST_SECRET:
        yield (
            f"CADENCE_SECRET_KEY must hold {SHORTEST_SECRET} random characters or more in "
            "production: set it to what `cadence keys generate` prints."
        )
    elif _looks_well_known(key):
        yield (
            "CADENCE_SECRET_KEY looks like a placeholder: set it to what "
            "`cadence keys generate` prints."
        )
    if settings.encryption.keys is None and settings.encryption.keys_file is None:
        yield (
            "CADENCE_ENCRYPTION_KEYS is missing, so keys of LLM configs could not be sealed: "
            "set it to `k1:` and what `cadence keys generate` prints."
        )
    chosen = settings.plugin.isolation
    if chosen in WEAK_ISOLATION and not settings.allow.weak_plugin_isolation:
        yield (
            f"CADENCE_PLUGIN_ISOLATION={chosen} lets uploaded plugins read every organization's "
            "keys: leave it out, or set CADENCE_ALLOW_WEAK_PLUGIN_ISOLATION=true if you trust "
            "everybody who may upload."
        )
    token = settings.metrics.token
    if token is not None and _is_weak(token.get_secret_value()):
        yield (
            "CADENCE_METRICS_TOKEN can be guessed: set it to what `cadence keys generate` prints, "
            "or leave it out."
        )
    if "*" in settings.api.cors_origins:
        yield "CADENCE_API_CORS_ORIGINS must list origins in production, not `*`."


def _is_weak(secret: str) -> bool:
    return len(secret) < SHORTEST_SECRET or _looks_well_known(secret)


def _looks_well_known(key: str) -> bool:
    lowered = key.lower()
    is_repeated = key in (key + key)[1:-1]
    has_few = len(set(key)) < SHORTEST_SECRET // 4
    return is_repeated or has_few or any(word in lowered for word in WELL_KNOWN)
