"""Types of evidence and their forms: which fields a piece of evidence has, and what each may hold."""

from __future__ import annotations

import math
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from datetime import date
from enum import StrEnum

from registry.domain.text import did_you_mean


class FieldType(StrEnum):
    """What a field of a form holds."""

    TEXT = "text"
    NUMBER = "number"
    CHOICE = "choice"
    BOOLEAN = "boolean"
    """True or false."""
    DATE = "date"
    """A day as YYYY-MM-DD (ISO 8601)."""
    FILE = "file"
    """The attached file; a form has one such field at most."""


_WORDS = {FieldType.DATE: "YYYY-MM-DD", FieldType.BOOLEAN: "true or false"}
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

    def __str__(self) -> str:
        """How a sentence describes it: `result (pass or fail, required)`."""
        kind = " or ".join(self.choices) or _WORDS.get(self.type, self.type.value)
        return f"{self.name} ({kind}{', required' if self.required else ''})"

    def problem(self, value: object) -> str | None:
        """Why `value` cannot stand in this field; None when it can."""
        match self.type:
            case FieldType.FILE:
                return f"{self.name} is a file: attach it instead"
            case FieldType.CHOICE if value not in self.choices:
                return f"{self.name} must be {' or '.join(self.choices)}, not {_shown(value)}"
            case FieldType.NUMBER if not _is_number(value):
                return f"{self.name} must be a number, not {_shown(value)}"
            case FieldType.BOOLEAN if not isinstance(value, bool):
                return f"{self.name} must be true or false, not {_shown(value)}"
            case FieldType.DATE if not _is_date(value):
                return f"{self.name} must be a date such as 2026-11-28, not {_shown(value)}"
            case FieldType.TEXT if not isinstance(value, str) or not value.strip():
                return f"{self.name} must be text, not {_shown(value)}"
        return None


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

    @property
    def form(self) -> str:
        """The form in one line, for people."""
        return ", ".join(map(str, self.fields))

    def problems(self, body: Mapping[str, object], *, has_file: bool) -> dict[str, str]:
        """By field, what is wrong with evidence of this type; nothing for a type without a form."""
        return dict(self._problems(body, has_file=has_file)) if self.fields else {}

    def _problems(self, body: Mapping[str, object], *, has_file: bool) -> Iterator[tuple[str, str]]:
        known = {field.name: field for field in self.fields}
        for name in body.keys() - known.keys():
            yield name, f"unknown field {name[:80]!r}{did_you_mean(name, known)}"
        for name, field in known.items():
            given = has_file if field.type is FieldType.FILE else name in body
            problem = field.problem(body[name]) if name in body else None
            if problem is not None:
                yield name, problem
            elif field.required and not given:
                yield name, f"{name} is required"
        if has_file and all(field.type is not FieldType.FILE for field in self.fields):
            yield "file", "the form has no file"


def shown_facts(body: Mapping[str, object]) -> str:
    """The first facts of a piece of evidence in one line: `result = pass, errors = 3`."""
    plain = [f"{name} = {value}" for name, value in body.items() if isinstance(value, str | int | float)]
    text = " ".join(", ".join(plain[:SHOWN_FACTS]).split())
    return text if len(text) <= SHOWN_CHARACTERS else f"{text[: SHOWN_CHARACTERS - 1]}…"


def _is_number(value: object) -> bool:
    return isinstance(value, int | float) and not isinstance(value, bool) and math.isfinite(value)


def _is_date(value: object) -> bool:
    if not isinstance(value, str) or len(value) != 10:
        return False
    try:
        date.fromisoformat(value)
    except ValueError:
        return False
    return True


def _shown(value: object) -> str:
    return repr(value)[:60] if isinstance(value, str | int | float | bool) else "a list or an object"
