"""Why an organization or a membership cannot be made, changed or removed."""

from cadence.kernel.errors import CadenceError, FieldProblem, Kind


class OrganizationNameTaken(CadenceError):
    """Names of organizations are unique on the whole platform."""

    kind = Kind.CONFLICT
    code = "organization_name_taken"

    def __init__(self) -> None:
        super().__init__(
            "Another organization has this name.", fields=[FieldProblem("name", "is taken")]
        )


class AlreadyMember(CadenceError):
    """A user has one place in an organization."""

    kind = Kind.CONFLICT
    code = "already_member"

    def __init__(self) -> None:
        super().__init__("This user is a member of the organization already.")


class LastAdmin(CadenceError):
    """Somebody must be left to run the organization."""

    kind = Kind.CONFLICT
    code = "last_admin"

    def __init__(self) -> None:
        super().__init__("This is the organization's last admin. Appoint another one first.")
