"""Marks: what people say of a model or dataset that holds for all that is made from it, such as personal data.

A mark is a name with or without a value: `personal-data`, `export:EAR99`. It begins at the version that it was set on,
and comes to everything that learnt from that version, was changed from it, or was made of its answers.
"""

from __future__ import annotations

import re
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from datetime import datetime

from registry.domain.names import VersionRef
from registry.domain.text import check_words, nearest, shown
from registry.errors import InvalidError

PERSONAL_DATA, EXPORT, RISK, SYNTHETIC = "personal-data", "export", "risk", "synthetic-from"
MEANINGS: Mapping[str, str] = {
    PERSONAL_DATA: "Has, or learnt from, data about people; a value says which, as in personal-data:health",
    EXPORT: "Its class of export control, as in export:EAR99",
    RISK: "Its tier of risk, as in risk:high",
    SYNTHETIC: "Data that a model wrote, and what learnt from it; set by the registry where a transfer step did",
}
"""By name, what the marks that every registry knows stand for. A team may use other names."""
MAX_REASON = 1000
_FORM = re.compile(r"[a-z][a-z0-9]*(?:-[a-z0-9]+)*(?::[A-Za-z0-9][A-Za-z0-9._/-]{0,199})?")
_LONGEST_NAME = 40
_VALUED = frozenset({EXPORT, RISK, SYNTHETIC})


@dataclass(frozen=True, slots=True)
class NewMark:
    """A mark that somebody sets on a version, or takes away where `present` is false, with the reason."""

    mark: str
    reason: str
    present: bool = True

    def checked(self) -> NewMark:
        """The same. Raises: InvalidError."""
        name, colon, _ = self.mark.partition(":")
        if not _FORM.fullmatch(self.mark) or len(name) > _LONGEST_NAME:
            raise InvalidError(
                f"{shown(self.mark)} is no mark",
                remedy="Give a name in small letters, and its value after a colon: personal-data, export:EAR99",
            )
        if name in _VALUED and not colon:
            raise InvalidError(f"The mark {name} needs a value", remedy=MEANINGS[name])
        if name not in MEANINGS and (meant := nearest(name, MEANINGS)) is not None:
            raise InvalidError(f"{shown(name)} is almost the mark {meant}", remedy=f"Use {meant}, or another name")
        return NewMark(self.mark, check_words(self.reason, "reason", MAX_REASON, lines=True), self.present)


@dataclass(frozen=True, slots=True)
class SetMark:
    """A mark of one version that nobody has taken away."""

    ref: VersionRef
    mark: str
    reason: str
    by: str
    at: datetime


@dataclass(frozen=True, slots=True)
class MarkInForce:
    """A mark that holds for a version. `path` leads from where it begins to the version, both included.

    `by` and `reason` are those of who set it where it begins; both are empty where the registry did.
    """

    mark: str
    path: tuple[str, ...]
    by: str = ""
    reason: str = ""


@dataclass(frozen=True, slots=True)
class Marks:
    """All marks of a version, its own and those of what it was made from.

    `complete` is False where the ancestry was too large to be read whole.
    """

    ref: VersionRef
    marks: tuple[MarkInForce, ...]
    complete: bool


def marks_record(marks: Iterable[str]) -> str:
    """What the database and the audit log have to say alike of the marks that were set on one version."""
    return ", ".join(sorted(marks))
