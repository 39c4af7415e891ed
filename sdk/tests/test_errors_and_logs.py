"""The base of errors, and the logger mixin."""

import pickle

import pytest
from cadence_sdk import CadenceException, Loggable
from typing_extensions import override


class QuotaExceeded(CadenceException):
    """Names its category as an attribute."""

    error_category = "quota"


class Refused(CadenceException):
    """Names its category as a property."""

    @property
    @override
    def error_category(self) -> str:
        return "refusal"


class Chatty(Loggable):
    """Has something to log."""


def test_an_error_says_what_where_and_how_bad() -> None:
    error = QuotaExceeded(
        "The quota is used up.", code="quota", status_code=429, field="query", details={"left": 0}
    )

    assert str(error) == error.message == "The quota is used up."
    assert (error.code, error.status_code, error.field) == ("quota", 429, "query")
    assert error.details == {"left": 0}
    assert error.error_category == "quota"


def test_all_but_the_message_has_a_default() -> None:
    error = Refused("No.")

    assert (error.code, error.status_code, error.field, error.details) == (None, 500, None, {})
    assert error.error_category == "refusal"


def test_the_base_itself_cannot_be_raised() -> None:
    with pytest.raises(TypeError, match="error_category"):
        CadenceException("Anything.")  # type: ignore[abstract]  # on purpose


def test_an_error_survives_the_way_to_another_process() -> None:
    error = QuotaExceeded("Used up.", code="quota", details={"left": 0})

    copy = pickle.loads(pickle.dumps(error))  # noqa: S301  # our own bytes

    assert (copy.message, copy.code, copy.details) == ("Used up.", "quota", {"left": 0})


def test_a_logger_is_named_after_module_and_class() -> None:
    assert Chatty().logger.name == f"{__name__}.Chatty"
