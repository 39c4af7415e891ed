"""The base of errors that plugins raise on purpose, for people to read."""

from abc import ABC, abstractmethod
from collections.abc import Mapping
from typing import Any


class CadenceException(Exception, ABC):
    """An error with a sentence for people and a code for programs.

    Abstract: a subclass names its `error_category`, as an attribute or a property. `status_code` is
    the nearest HTTP status, `field` the input that caused it, `details` whatever helps a reader;
    none of them may hold a secret.
    """

    def __init__(  # noqa: PLR0917  # plugins may pass them in the contract's order
        self,
        message: str,
        code: str | None = None,
        status_code: int = 500,
        field: str | None = None,
        details: Mapping[str, Any] | None = None,
    ) -> None:
        # Exceptions escape the check that abc makes when other classes are instantiated.
        if type(self).__abstractmethods__:
            raise TypeError(f"{type(self).__name__} must set its error_category.")
        super().__init__(message)
        self.message = message
        self.code = code
        self.status_code = status_code
        self.field = field
        self.details = dict(details or {})

    @property
    @abstractmethod
    def error_category(self) -> str:
        """The group of errors this one belongs to, in one word."""
