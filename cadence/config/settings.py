"""Every setting of the service, grouped by the room that reads it.

An environment variable is `CADENCE_`, the group's name, `_` and the field's name in capitals:
`CADENCE_POSTGRES_URL` is `postgres.url`. `.env.example` lists them all; a test keeps both equal.
"""

from collections.abc import Mapping
from enum import StrEnum
from ipaddress import IPv4Network, IPv6Network, ip_network
from pathlib import Path
from typing import Annotated, Literal

from pydantic import BaseModel, ConfigDict, Field, SecretStr, ValidationInfo, field_validator
from pydantic_settings import BaseSettings, NoDecode, SettingsConfigDict

from cadence.config.declaring import Value
from cadence.config.definitions import DEFINITIONS

Network = IPv4Network | IPv6Network


class Environment(StrEnum):
    """Where the service runs; `production` refuses weak settings."""

    DEVELOPMENT = "development"
    PRODUCTION = "production"


class Group(BaseModel):
    """Settings of one room; a misspelt variable of a known group is refused."""

    model_config = ConfigDict(extra="forbid", frozen=True)


class ApiSettings(Group):
    """The HTTP side: address, documents, body limits in bytes."""

    host: str = "127.0.0.1"
    port: int = Field(default=8000, ge=0, le=65535)
    docs: bool | None = None
    cors_origins: Annotated[tuple[str, ...], NoDecode] = ()
    max_body_bytes: int = Field(default=1_048_576, ge=1024)
    max_upload_bytes: int = Field(default=6_291_456, ge=1024)
    trusted_proxies: Annotated[tuple[Network, ...], NoDecode] = ()

    @field_validator("cors_origins", mode="before")
    @classmethod
    def _split(cls, value: object) -> object:
        return _words(value)

    @field_validator("trusted_proxies", mode="before")
    @classmethod
    def _networks(cls, value: object) -> object:
        return _networks(value)


class PostgresSettings(Group):
    """The relational store; no URL means an SQLite file under the storage root."""

    url: SecretStr | None = None
    pool_size: int = Field(default=10, ge=1, le=200)


class RedisSettings(Group):
    """Sessions, rate limits and run events; `memory://` is one process only."""

    url: SecretStr = SecretStr("memory://")


class RabbitmqSettings(Group):
    """Where orchestrator events travel; `memory://` is one process only."""

    url: SecretStr = SecretStr("memory://")


class MongoSettings(Group):
    """Transcripts; no URL means tables in the relational store."""

    url: SecretStr | None = None


class ObjectSettings(Group):
    """Plugin packages; no URL means a folder under the storage root.

    The rest is for an `s3://` URL: `endpoint` for one that is not Amazon's, such as MinIO, and what
    to sign requests with. Without it the driver looks at `AWS_…` and at the machine's role.
    """

    store_url: str | None = None
    endpoint: str | None = None
    region: str | None = None
    access_key: SecretStr | None = None
    secret_key: SecretStr | None = None


class StorageSettings(Group):
    """The folder that everything embedded lives in."""

    root: Path = Path("var")


class SecretSettings(Group):
    """The operator's secret, 32 characters or more; keys for tokens and events derive from it."""

    key: SecretStr | None = None


class EncryptionSettings(Group):
    """Sealing keys as `kid:base64,…`, first is primary; or a file that holds the same."""

    keys: SecretStr | None = None
    keys_file: Path | None = None


class AccessSettings(Group):
    """Sessions: idle minutes, longest hours, and whether use prolongs them."""

    token_expire_minutes: int = Field(default=30, ge=1, le=1440)
    session_hours: int = Field(default=12, ge=1, le=720)
    session_sliding: bool = True
    max_sessions: int = Field(default=20, ge=1, le=1000)


class LogSettings(Group):
    """How much is logged and in which form."""

    level: Literal["DEBUG", "INFO", "WARNING", "ERROR"] = "INFO"
    format: Literal["json", "text"] | None = None


class EgressSettings(Group):
    """Networks that outbound calls may reach although they are not public."""

    allow_nets: Annotated[tuple[Network, ...] | None, NoDecode] = None

    @field_validator("allow_nets", mode="before")
    @classmethod
    def _networks(cls, value: object) -> object:
        return _networks(value)


class OfflineSettings(Group):
    """The rule-based stand-in model under `/offline`; by default only in development."""

    model: bool | None = None


class IsolationChoice(StrEnum):
    """How plugins' code is locked in; `auto` takes the best that works and refuses weak ones."""

    AUTO = "auto"
    NAMESPACES = "namespaces"
    LOCK = "lock"
    PROCESS = "process"
    OFF = "off"


class PluginDependencies(StrEnum):
    """What plugins may import besides their own: what is installed here, or nothing at all."""

    ALLOWLIST = "allowlist"
    OFF = "off"


class PluginSettings(Group):
    """Limits on tenants' code: seconds, bytes and counts (SECURITY.md §3.4 says where from).

    `threads` serve plugins that run in this process, where isolation is off. The limits of memory,
    files and concurrent calls are those of one host; a host that is idle for `host_idle` ends, and
    one that crashes `crashes` times in a minute is left alone for `quarantine`.
    """

    isolation: IsolationChoice = IsolationChoice.AUTO
    dependencies: PluginDependencies = PluginDependencies.ALLOWLIST
    call_timeout: float = Field(default=30.0, gt=0, le=300)
    init_timeout: float = Field(default=10.0, gt=0, le=60)
    result_bytes: int = Field(default=262_144, ge=1024)
    threads: int = Field(default=16, ge=1, le=256)
    hosts: int = Field(default=200, ge=1, le=10_000)
    hosts_per_organization: int = Field(default=10, ge=1, le=10_000)
    host_idle: float = Field(default=600.0, gt=0)
    host_calls: int = Field(default=4, ge=1, le=16)
    memory_bytes: int = Field(default=268_435_456, ge=67_108_864)
    file_bytes: int = Field(default=16_777_216, ge=0)
    frame_bytes: int = Field(default=1_048_576, ge=65_536, le=16_777_216)
    log_bytes_per_minute: int = Field(default=65_536, ge=0)
    crashes: int = Field(default=5, ge=1)
    quarantine: float = Field(default=300.0, ge=0)


class AllowSettings(Group):
    """What an operator takes the risk of, by hand."""

    weak_plugin_isolation: bool = False


class PrewarmStrategy(StrEnum):
    """What a starting process makes ready before anybody asks."""

    RECENT = "recent"
    ALL = "all"
    NONE = "none"


class PoolSettings(Group):
    """Orchestrators that a process keeps ready: how many, how long, in seconds, and from when.

    `prewarm_count` are built at the start; `all` also reads the configuration of all others.
    """

    max_hot: int = Field(default=200, ge=1, le=10_000)
    warm_ttl_seconds: float = Field(default=3600, ge=1, le=604_800)
    wait_seconds: float = Field(default=5, gt=0, le=60)
    builds: int = Field(default=4, ge=1, le=64)
    prewarm_strategy: PrewarmStrategy = PrewarmStrategy.RECENT
    prewarm_count: int = Field(default=100, ge=0, le=10_000)


class MetricsSettings(Group):
    """What opens `/metrics` to a scraper, besides a sys_admin's login."""

    token: SecretStr | None = None


class RunSettings(Group):
    """Runs: how long their events stay readable, how long and how large one may get, heartbeat.

    Times are in seconds. `streams_per_node` bounds the event streams that one process serves.
    """

    keep_seconds: int = Field(default=3600, ge=60, le=86_400)
    max_seconds: float = Field(default=1260.0, ge=1, le=3600)
    max_bytes: int = Field(default=8_388_608, ge=65_536)
    heartbeat_seconds: float = Field(default=15.0, gt=0)
    send_timeout_seconds: float = Field(default=30.0, gt=0)
    streams_per_node: int = Field(default=500, ge=1)


class ConversationSettings(Group):
    """How many days a conversation is kept after its last message; unset, for ever."""

    retention_days: int | None = Field(default=None, ge=1, le=36_500)


class TraceSettings(Group):
    """Where OpenTelemetry traces go, as OTLP over HTTP; without an endpoint none are made.

    `headers` is `name=value,…`, for a collector that wants a key. `content` adds what people and
    models have said, which is nobody's business by default.
    """

    endpoint: str | None = None
    headers: SecretStr | None = None
    content: bool = False
    sample_ratio: float = Field(default=1.0, ge=0, le=1)


class RateSettings(Group):
    """How often a minute, and for failed logins an hour, before the answer is 429 or slower.

    `streams_…` bound how many runs are under way at once.
    """

    user_per_minute: int = Field(default=600, ge=1)
    organization_per_minute: int = Field(default=3000, ge=1)
    completion_per_minute: int = Field(default=300, ge=1)
    write_per_minute: int = Field(default=600, ge=1)
    upload_per_minute: int = Field(default=30, ge=1)
    probe_per_minute: int = Field(default=30, ge=1)
    login_per_name_and_address: int = Field(default=5, ge=1)
    login_per_address: int = Field(default=60, ge=1)
    login_failures_per_name: int = Field(default=20, ge=1)
    streams_per_user: int = Field(default=5, ge=1)
    streams_per_organization: int = Field(default=50, ge=1)


class DefaultSettings(Group):
    """What orchestrators use that say nothing else, as `cadence.config.definitions` declares it."""

    max_agent_hops: int | None = None
    parallel_tool_calls: bool | None = None
    invoke_timeout: float | None = None
    supervisor_timeout: float | None = None
    temperature: float | None = None
    max_tokens: int | None = None
    message_window: int | None = None
    context_tokens: int | None = None
    compaction: str | None = None

    @field_validator("*")
    @classmethod
    def _as_declared(cls, value: Value | None, info: ValidationInfo) -> Value | None:
        return None if value is None else DEFINITIONS[str(info.field_name)].read(value)


class Settings(BaseSettings):
    """Read once, in `bootstrap`; everything else is handed the group it needs."""

    model_config = SettingsConfigDict(
        env_prefix="CADENCE_",
        env_file=".env",
        env_nested_delimiter="_",
        env_nested_max_split=1,
        extra="forbid",
        env_ignore_empty=True,
        frozen=True,
    )

    environment: Environment = Environment.DEVELOPMENT
    api: ApiSettings = ApiSettings()
    postgres: PostgresSettings = PostgresSettings()
    redis: RedisSettings = RedisSettings()
    rabbitmq: RabbitmqSettings = RabbitmqSettings()
    mongo: MongoSettings = MongoSettings()
    object: ObjectSettings = ObjectSettings()
    storage: StorageSettings = StorageSettings()
    secret: SecretSettings = SecretSettings()
    encryption: EncryptionSettings = EncryptionSettings()
    access: AccessSettings = AccessSettings()
    log: LogSettings = LogSettings()
    egress: EgressSettings = EgressSettings()
    offline: OfflineSettings = OfflineSettings()
    plugin: PluginSettings = PluginSettings()
    allow: AllowSettings = AllowSettings()
    pool: PoolSettings = PoolSettings()
    run: RunSettings = RunSettings()
    conversation: ConversationSettings = ConversationSettings()
    trace: TraceSettings = TraceSettings()
    metrics: MetricsSettings = MetricsSettings()
    rate: RateSettings = RateSettings()
    default: DefaultSettings = DefaultSettings()

    @property
    def in_production(self) -> bool:
        """Whether weak settings are refused."""
        return self.environment is Environment.PRODUCTION

    @property
    def first_tier(self) -> Mapping[str, Value | None]:
        """What the environment says of every declared key; None where it says nothing."""
        return {
            key: getattr(getattr(self, definition.group), definition.field)
            for key, definition in DEFINITIONS.items()
        }

    @property
    def shows_docs(self) -> bool:
        """Whether `/docs` and `/openapi.json` are there: as asked, else only in development."""
        return not self.in_production if self.api.docs is None else self.api.docs

    @property
    def serves_offline_model(self) -> bool:
        """Whether `/offline` is mounted: as asked, else only in development."""
        return not self.in_production if self.offline.model is None else self.offline.model


def _words(value: object) -> object:
    """Split `a,b` into its parts; anything but text is left to the validator."""
    if not isinstance(value, str):
        return value
    return tuple(part.strip() for part in value.split(",") if part.strip())


def _networks(value: object) -> object:
    parts = _words(value)
    return tuple(map(ip_network, parts)) if isinstance(parts, tuple) else parts
