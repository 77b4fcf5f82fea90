"""Types of evidence and their forms: which fields a piece of evidence has, and what may stand in each."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from enum import StrEnum


class FieldType(StrEnum):
    """What a field of a form holds."""

    TEXT = "text"
    NUMBER = "number"
    CHOICE = "choice"
    DATE = "date"
    """A day as YYYY-MM-DD (ISO 8601)."""
    FILE = "file"
    """The attached file; a form has one such field at most."""


SHOWN_FACTS, SHOWN_CHARACTERS = 3, 80
"""How much of a piece of evidence a sentence about it repeats."""


@dataclass(frozen=True, slots=True)
class EvidenceField:
    """One field of a form. `choices` are those of a choice and of nothing else."""

    name: str
    type: FieldType = FieldType.TEXT
    required: bool = False
    choices: tuple[str, ...] = ()
    description: str = ""


@dataclass(frozen=True, slots=True)
class EvidenceType:
    """A kind of evidence. `producers` are roles of the policy; empty means that only the registry itself records it.

    A type without `fields` takes any facts and any file.
    """

    name: str
    predicate: str | None = None
    media_type: str | None = None
    producers: tuple[str, ...] = ()
    fields: tuple[EvidenceField, ...] = ()


def shown_facts(body: Mapping[str, object]) -> str:
    """The first facts of a piece of evidence in one line: `result = pass, errors = 3`."""
    plain = [f"{name} = {value}" for name, value in body.items() if isinstance(value, str | int | float)]
    text = " ".join(", ".join(plain[:SHOWN_FACTS]).split())
    return text if len(text) <= SHOWN_CHARACTERS else f"{text[: SHOWN_CHARACTERS - 1]}…"
