"""An S3 endpoint: moto's server, which holds everything in memory."""

import http.client
import sys
from collections.abc import Mapping, Sequence
from contextlib import closing
from pathlib import Path

from native_services.programs import LOOPBACK, Background, Place, begin

PROGRAM = Path(sys.executable).with_name("moto_server")
BUCKET = "cadence"
REGION = "us-east-1"


class Objects:
    """One bucket; it asks for no password, and forgets everything when it stops."""

    name = "S3"
    install = "make setup"

    def __init__(self, place: Place) -> None:
        self.place = place
        self._background = Background(place)

    def lacking(self) -> Sequence[str]:
        """Return which of its programs are not installed."""
        return () if PROGRAM.exists() else (PROGRAM.name,)

    @property
    def settings(self) -> Mapping[str, str]:
        """What to write into `.env` for it."""
        return {
            "CADENCE_OBJECT_STORE_URL": f"s3://{BUCKET}",
            "CADENCE_OBJECT_ENDPOINT": f"http://{LOOPBACK}:{self.place.port}",
            "CADENCE_OBJECT_REGION": REGION,
            "CADENCE_OBJECT_ACCESS_KEY": "cadence",
            "CADENCE_OBJECT_SECRET_KEY": self.place.password,
        }

    def answers(self) -> bool:
        """Whether the server of this folder has the bucket, which is made when it has none."""
        if not self._background.runs:
            return False
        return self._ask("HEAD") == http.client.OK or self._ask("PUT") == http.client.OK

    def begin(self) -> None:
        """Start it in the background."""
        command = (str(PROGRAM), "-H", LOOPBACK, "-p", str(self.place.port))
        self._background.note(begin(*command, log=self.place.log))

    def end(self) -> None:
        """Ask it to end."""
        self._background.end()

    def _ask(self, method: str) -> int | None:
        asking = http.client.HTTPConnection(LOOPBACK, self.place.port, timeout=5)
        with closing(asking):
            try:
                asking.request(method, f"/{BUCKET}")
                return asking.getresponse().status
            except OSError:
                return None
