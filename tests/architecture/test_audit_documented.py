"""The page about the audit trail names every action that an entry can have, and no other."""

import re
from pathlib import Path

from cadence.domains.audit.schemas import ACTIONS, OBJECT_TYPES

PAGE = (Path(__file__).resolve().parents[2] / "docs" / "audit.md").read_text("utf-8")
# Of every object; the page names them once.
COMMON = ("create", "change", "remove")


def test_every_action_is_on_the_page_and_no_other() -> None:
    named = set(re.findall(rf"`((?:{'|'.join(OBJECT_TYPES)})\.[a-z]+)`", PAGE))
    telling = {action for action in ACTIONS if action.split(".")[1] not in COMMON}

    assert {action for action in named if action.split(".")[1] not in COMMON} == telling
    assert all(f"`<object>.{verb}`" in PAGE for verb in COMMON)


def test_every_sort_of_object_is_on_the_page() -> None:
    assert all(f"`{object_type}`" in PAGE for object_type in OBJECT_TYPES)
