"""Filters of documents, made of typed values only.

To MongoDB a document is an operator where a value was meant (`{"$ne": ""}` finds everything), so
nothing but ids, numbers and times gets into a filter, whatever a caller's types have promised.
"""

from collections.abc import Collection
from datetime import datetime
from typing import Any
from uuid import UUID

Filter = dict[str, Any]
Atom = UUID | str | int | datetime


def equal(**fields: Atom) -> Filter:
    """Return what finds documents with these values; raises `TypeError` for anything else."""
    return {name: _atom(value) for name, value in fields.items()}


def among(field: str, values: Collection[Atom]) -> Filter:
    """Return what finds documents whose field has one of these values; raises `TypeError`."""
    return {field: {"$in": [_atom(value) for value in values]}}


def above(field: str, value: Atom) -> Filter:
    """Return what finds documents whose field is greater; raises `TypeError`."""
    return {field: {"$gt": _atom(value)}}


def up_to(field: str, value: Atom) -> Filter:
    """Return what finds documents whose field is no greater; raises `TypeError`."""
    return {field: {"$lte": _atom(value)}}


def _atom(value: object) -> Atom:
    if isinstance(value, bool) or not isinstance(value, UUID | str | int | datetime):
        raise TypeError(f"a filter takes ids, numbers and times, and no {type(value).__name__}")
    return value
