"""PostgreSQL from the distribution's package, in a cluster of this checkout's own."""

import os
import pwd
import shutil
from collections.abc import Mapping, Sequence

from native_services.programs import LOOPBACK, Failed, Place, find, not_found, run

STOP_SECONDS = 60


class Postgres:
    """A cluster with one database; root runs it as the user of its package, as it must."""

    name = "PostgreSQL"
    _programs = ("initdb", "postgres", "pg_ctl", "pg_isready")
    install = "apt-get install postgresql, or brew install postgresql"

    def __init__(self, place: Place) -> None:
        self.place = place
        self._data = place.folder / "data"

    def lacking(self) -> Sequence[str]:
        """Return which of its programs are not installed."""
        return not_found(*self._programs)

    @property
    def settings(self) -> Mapping[str, str]:
        """What to write into `.env` for it."""
        url = f"postgresql://cadence:{self.place.password}@{LOOPBACK}:{self.place.port}/cadence"
        return {"CADENCE_POSTGRES_URL": url}

    def answers(self) -> bool:
        """Whether the server of this folder takes connections."""
        asked = ("-q", "-h", LOOPBACK, "-p", str(self.place.port))
        return self._control("status") == 0 and run(find("pg_isready"), *asked) == 0

    def begin(self) -> None:
        """Make the cluster if there is none, and start it."""
        if not (self._data / "PG_VERSION").exists():
            self._create()
        options = f"-p {self.place.port} -c listen_addresses={LOOPBACK} -c unix_socket_directories="
        log = str(self.place.folder / "postgres.log")
        if self._control("start", "-W", "-l", log, "-o", options):
            raise Failed(f"read {log}")

    def end(self) -> None:
        """Stop it; whoever is still connected is disconnected."""
        self._control("stop", "-m", "fast", "-t", str(STOP_SECONDS))

    def _create(self) -> None:
        shutil.rmtree(self._data, ignore_errors=True)
        phrase = self.place.folder / "password"
        phrase.write_text(self.place.password)
        if os.geteuid() == 0:
            for path in (self.place.folder, phrase):
                shutil.chown(path, "postgres")
            self._require_reachable()
        options = ("-D", str(self._data), "-U", "cadence", "-E", "UTF8", "--no-locale")
        checked = ("-A", "scram-sha-256", f"--pwfile={phrase}")
        made = run(*self._user(), find("initdb"), *options, *checked, log=self.place.log)
        # While nobody can connect yet, so that it needs no password.
        alone = (find("postgres"), "--single", "-D", str(self._data), "postgres")
        create = b"CREATE DATABASE cadence\n"
        if made or run(*self._user(), *alone, log=self.place.log, told=create):
            raise Failed(f"read {self.place.log}")

    def _require_reachable(self) -> None:
        if run(*self._user(), "test", "-w", str(self.place.folder)):
            raise Failed(
                f"root runs it as the user postgres, who may not enter {self.place.folder}: "
                "name another folder with --folder, or run this as a normal user"
            )

    def _control(self, *arguments: str) -> int:
        command = (find("pg_ctl"), "-D", str(self._data), "-s", *arguments)
        return run(*self._user(), *command)

    def _user(self) -> list[str]:
        if os.geteuid() != 0:
            return []
        owner = pwd.getpwnam("postgres")
        identity = (f"--reuid={owner.pw_uid}", f"--regid={owner.pw_gid}")
        return ["setpriv", *identity, "--clear-groups"]
