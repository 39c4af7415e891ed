"""Why somebody is not let in."""

from cadence.kernel.errors import CadenceError, Kind


class NotSignedIn(CadenceError):
    """No token, or one that is not good (any more)."""

    kind = Kind.UNAUTHENTICATED
    code = "not_signed_in"

    def __init__(self) -> None:
        super().__init__("Log in first: the token is missing, wrong or expired.")


class WrongCredentials(CadenceError):
    """The same for an unknown user, a wrong password and a disabled user."""

    kind = Kind.UNAUTHENTICATED
    code = "wrong_credentials"

    def __init__(self) -> None:
        super().__init__("Username or password is wrong.")


class NotAllowed(CadenceError):
    """Signed in, known here, but the role is too small."""

    kind = Kind.FORBIDDEN
    code = "not_allowed"

    def __init__(self, role: str) -> None:
        super().__init__(f"Only a {role} may do this.")


class OrganizationSuspended(CadenceError):
    """The organization is known to the caller but suspended."""

    kind = Kind.FORBIDDEN
    code = "organization_suspended"

    def __init__(self) -> None:
        super().__init__("This organization is suspended. Ask the operator of this service.")
