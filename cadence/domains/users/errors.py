"""Why an account cannot be made, changed or removed."""

from cadence.kernel.errors import CadenceError, FieldProblem, Kind


class UsernameTaken(CadenceError):
    """Usernames are unique on the whole platform."""

    kind = Kind.CONFLICT
    code = "username_taken"

    def __init__(self) -> None:
        super().__init__(
            "Another user has this username.", fields=[FieldProblem("username", "is taken")]
        )


class EmailTaken(CadenceError):
    """An email address belongs to one user of the whole platform."""

    kind = Kind.CONFLICT
    code = "email_taken"

    def __init__(self) -> None:
        super().__init__(
            "Another user has this email address.", fields=[FieldProblem("email", "is taken")]
        )


class LastSysAdmin(CadenceError):
    """Without an enabled sys_admin nobody could run the platform any more."""

    kind = Kind.CONFLICT
    code = "last_sys_admin"

    def __init__(self) -> None:
        super().__init__("This is the last enabled sys_admin. Appoint another one first.")
