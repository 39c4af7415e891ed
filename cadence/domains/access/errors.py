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


class PersonsOnly(CadenceError):
    """A service key asks for what only a person has."""

    kind = Kind.FORBIDDEN
    code = "persons_only"

    def __init__(self) -> None:
        super().__init__("Only a person may do this: log in instead of using a service key.")


class TooManyApiKeys(CadenceError):
    """An organization can have only so many service keys that are in force."""

    kind = Kind.CONFLICT
    code = "too_many_api_keys"

    def __init__(self, most: int) -> None:
        super().__init__(f"An organization can have {most} service keys. Revoke one first.")


class OrganizationSuspended(CadenceError):
    """The organization is known to the caller but suspended."""

    kind = Kind.FORBIDDEN
    code = "organization_suspended"

    def __init__(self) -> None:
        super().__init__("This organization is suspended. Ask the operator of this service.")
