"""What logging in takes and gives."""

from datetime import datetime

from pydantic import Field

from cadence.domains.access.passwords import MAX_LENGTH
from cadence.http.bodies import Input, Output
from cadence.http.text import SafeSecret, SafeText


class LoginRequest(Input):
    """A name and a password, as typed."""

    username: SafeText = Field(min_length=1, max_length=254)
    password: SafeSecret = Field(min_length=1, max_length=MAX_LENGTH)


class LoginAnswer(Output):
    """The token for `Authorization: Bearer`, and when it ends at the latest."""

    token: str
    expires_at: datetime
