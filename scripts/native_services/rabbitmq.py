"""RabbitMQ from the distribution's package."""

from collections.abc import Iterator, Mapping, Sequence

from native_services.programs import LOOPBACK, Place, begin, find, is_open, not_found, run


class RabbitMq:
    """A node of its own, with a port mapper of its own that ends with it."""

    name = "RabbitMQ"
    _programs = ("rabbitmq-server", "rabbitmqctl", "erl", "epmd")
    install = "apt-get install rabbitmq-server, or brew install rabbitmq"

    def __init__(self, place: Place) -> None:
        self.place = place

    def lacking(self) -> Sequence[str]:
        """Return which of its programs are not installed."""
        return not_found(*self._programs)

    @property
    def settings(self) -> Mapping[str, str]:
        """What to write into `.env` for it."""
        url = f"amqp://cadence:{self.place.password}@{LOOPBACK}:{self.place.port}/"
        return {"CADENCE_RABBITMQ_URL": url}

    def answers(self) -> bool:
        """Whether the node of this folder has started; asked only once its port is open."""
        return is_open(self.place.port) and self._control("await_startup", "--timeout", "5") == 0

    def begin(self) -> None:
        """Start it in the background."""
        lines = (
            f"listeners.tcp.1 = {LOOPBACK}:{self.place.port}",
            "default_user = cadence",
            f"default_pass = {self.place.password}",
            "log.file.level = warning",
        )
        (self.place.folder / "rabbitmq.conf").write_text("\n".join(lines) + "\n")
        (self.place.folder / "plugins").write_text("[].\n")
        begin(*self._environment(), find("rabbitmq-server"), log=self.place.log)

    def end(self) -> None:
        """Stop the node, then the port mapper, which knows no other."""
        self._control("stop", str(self.place.folder / "pid"))
        run(find("epmd"), "-port", str(self.place.port + 2), "-kill")

    def _control(self, *arguments: str) -> int:
        return run(*self._environment(), find("rabbitmqctl"), "-q", *arguments)

    def _environment(self) -> Iterator[str]:
        """Yield what has everything kept in the folder, and nothing read from /etc/rabbitmq."""
        yield "env"
        folder, port = self.place.folder, self.place.port
        yield from (
            f"HOME={folder}",
            f"RABBITMQ_NODENAME=cadence{port}@localhost",
            f"RABBITMQ_NODE_PORT={port}",
            f"RABBITMQ_DIST_PORT={port + 1}",
            f"ERL_EPMD_PORT={port + 2}",
            f"ERL_EPMD_ADDRESS={LOOPBACK}",
            "RABBITMQ_SERVER_ADDITIONAL_ERL_ARGS=-kernel inet_dist_use_interface {127,0,0,1}",
            f"RABBITMQ_MNESIA_BASE={folder / 'data'}",
            f"RABBITMQ_LOG_BASE={folder / 'logs'}",
            f"RABBITMQ_PID_FILE={folder / 'pid'}",
            f"RABBITMQ_ENABLED_PLUGINS_FILE={folder / 'plugins'}",
            f"RABBITMQ_CONFIG_FILE={folder / 'rabbitmq'}",
            f"RABBITMQ_ADVANCED_CONFIG_FILE={folder / 'advanced'}",
            "RABBITMQ_CONF_ENV_FILE=/dev/null",
        )
