"""Fills the slots of our own prompts with what others wrote."""

import re
from collections.abc import Mapping

_SLOT = re.compile("{([a-z_]+)}")


def fill(template: str, values: Mapping[str, str]) -> str:
    """Fill every slot of a template; raises `KeyError` for one without a value.

    One pass: what is filled in is never looked at again, so no text can act as a template.
    """
    return _SLOT.sub(lambda slot: values[slot[1]], template)
