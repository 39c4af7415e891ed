"""What the tests of whole programs ask for."""

from pathlib import Path

import pytest

from tests.fixtures.operators import Operator


@pytest.fixture
def operator(tmp_path: Path) -> Operator:
    return Operator(tmp_path)
