"""A server of the MongoDB protocol, which `scripts/mongodb_server.sh` has obtained and runs."""

import subprocess
from collections.abc import Mapping, Sequence
from contextlib import suppress
from pathlib import Path

from pymongo import MongoClient
from pymongo.errors import OperationFailure, PyMongoError

from native_services.programs import LOOPBACK, Background, Place, begin

SCRIPT = Path(__file__).resolve().parents[1] / "mongodb_server.sh"
ANSWER_MILLISECONDS = 2000


class MongoDb:
    """FerretDB, mongod or mongo-java-server, whichever there is."""

    name = "MongoDB"
    install = "scripts/mongodb_server.sh"

    def __init__(self, place: Place) -> None:
        self.place = place
        self._background = Background(place)
        asked = subprocess.run(  # noqa: S603  # a script of this folder
            [SCRIPT, "which"], capture_output=True, text=True, check=False
        )
        self._found = asked.stdout.strip()

    def lacking(self) -> Sequence[str]:
        """Return which of its programs are not installed."""
        return () if self._found else ("server of the MongoDB protocol",)

    @property
    def settings(self) -> Mapping[str, str]:
        """What to write into `.env` for it."""
        # The one in Java cannot ask for a password.
        is_open_to_all = self._found == "mongo-java-server"
        person = "" if is_open_to_all else f"cadence:{self.place.password}@"
        return {"CADENCE_MONGO_URL": f"mongodb://{person}{LOOPBACK}:{self.place.port}/"}

    def answers(self) -> bool:
        """Whether the server of this folder lets in who knows the password."""
        if not self._background.runs:
            return False
        try:
            _ask(self.settings["CADENCE_MONGO_URL"])
        except OperationFailure:
            self._make_user()
            return False
        except PyMongoError:
            return False
        return True

    def begin(self) -> None:
        """Start it in the background."""
        address = (LOOPBACK, str(self.place.port), str(self.place.folder / "data"))
        command = (str(SCRIPT), "run", *address)
        self._background.note(
            begin(*command, log=self.place.log, MONGODB_PASSWORD=self.place.password)
        )

    def end(self) -> None:
        """Ask it to end."""
        self._background.end()

    def _make_user(self) -> None:
        """Make the user in a mongod that has none, who is let in from this machine just once."""
        made = ("createUser", "cadence")
        with suppress(PyMongoError):
            url = f"mongodb://{LOOPBACK}:{self.place.port}/"
            _ask(url, *made, pwd=self.place.password, roles=["root"])


def _ask(url: str, *command: str, **options: object) -> None:
    with MongoClient[dict[str, object]](
        url, serverSelectionTimeoutMS=ANSWER_MILLISECONDS
    ) as client:
        client.admin.command(*(command or ("ping",)), **options)
