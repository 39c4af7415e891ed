"""Whose conversations: a user's, or a service key's."""

from dataclasses import dataclass

from typing_extensions import override

from cadence.domains.access.permissions import OrganizationScope
from cadence.kernel.ids import ApiKeyId, UserId


@dataclass(frozen=True, slots=True, kw_only=True)
class ConversationOwner:
    """Exactly one of the two."""

    user_id: UserId | None
    api_key_id: ApiKeyId | None

    @override
    def __str__(self) -> str:
        """Return the id, which is unique among both."""
        return str(self.user_id or self.api_key_id)


def owner_of(scope: OrganizationScope) -> ConversationOwner:
    """Return under whose name the caller's conversations are kept."""
    return ConversationOwner(user_id=scope.user_id, api_key_id=scope.api_key_id)
