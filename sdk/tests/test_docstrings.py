"""Descriptions of parameters, in the styles people write them."""

import pytest
from cadence_sdk.docstrings import parameter_descriptions

GOOGLE = """Do it.

    Args:
        text (str, optional): What to
            do it to.
        *more: The rest: all of it.

        silent:
    Returns:
        nothing: at all.
    """
NUMPY = """Do it.

    Parameters
    ----------
    text : str, optional
        What to
        do it to.
    more
        The rest: all of it.

    Returns
    -------
    str
    """
REST = """Do it.

    :param str text: What to
        do it to.
    :param more: The rest: all of it.
    :returns: nothing
    :rtype: str
    """


@pytest.mark.parametrize("docstring", [GOOGLE, NUMPY, REST], ids=["google", "numpy", "rest"])
def test_each_style_is_read_the_same(docstring: str) -> None:
    assert parameter_descriptions(docstring) == {
        "text": "What to do it to.",
        "more": "The rest: all of it.",
    }


@pytest.mark.parametrize("docstring", [None, "", "Do it.", "Do it.\n\nArgs:\n"])
def test_a_docstring_may_describe_nothing(docstring: str | None) -> None:
    assert parameter_descriptions(docstring) == {}
