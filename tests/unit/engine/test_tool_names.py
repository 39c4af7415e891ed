"""Names that models are given for tools."""

import re

import pytest
from hypothesis import given
from hypothesis import strategies as st

from cadence.engine.tool_names import model_names

SAFE = re.compile(r"[a-zA-Z_][a-zA-Z0-9_]{0,63}\Z")

names = st.lists(st.text(min_size=1, max_size=120), unique=True, max_size=30)


@given(names)
def test_every_name_is_safe_and_unique(qualified: list[str]) -> None:
    found = model_names(qualified)

    assert list(found) == qualified
    assert all(SAFE.match(name) for name in found.values())
    assert len({name.lower() for name in found.values()}) == len(qualified)


@given(names)
def test_a_name_does_not_depend_on_the_order_of_the_tools(qualified: list[str]) -> None:
    assert model_names(qualified) == model_names(reversed(qualified))


def test_an_ordinary_name_stays_readable() -> None:
    assert model_names(["com.acme.math.add"]) == {"com.acme.math.add": "com_acme_math_add"}


@pytest.mark.parametrize(
    "qualified",
    [
        pytest.param(["a.b_c", "a_b.c"], id="same letters"),
        pytest.param(["a.Add", "a.add"], id="another case"),
        pytest.param(["x" * 80 + ".one", "x" * 80 + ".two"], id="too long"),
        pytest.param(["route.to_facilitator", "transfer.to_agent"], id="ours"),
    ],
)
def test_names_that_would_clash_get_a_digest(qualified: list[str]) -> None:
    found = model_names(qualified).values()

    assert len(set(found)) == len(qualified)
    assert all(re.search(r"_[0-9a-f]{10}\Z", name) for name in found)


def test_no_plugin_can_take_the_digest_of_another_ones_tool() -> None:
    taken = model_names(["a.b_c", "a_b.c"])["a.b_c"]

    found = model_names(["a.b_c", "a_b.c", taken])

    assert len(set(found.values())) == 3
