"""What each status allows: one table, which every verb reads and docs/policies.md shows."""

from __future__ import annotations

from enum import StrEnum

from registry.domain.catalog.models import Status


class Use(StrEnum):
    """What can be done with a version."""

    READ = "pull and download"
    START = "start a transfer from it, or train on it"
    PROMOTE = "promote to a later stage"
    ROLL_BACK = "roll back to it"
    RETIRE = "retire"
    ALIAS = "set an alias by hand"


class Effect(StrEnum):
    """What a status says to one use."""

    ALLOWED = "allowed"
    NOTICE = "allowed, with a notice"
    REFUSED = "refused"


_YES, _NOTICE, _NO = Effect.ALLOWED, Effect.NOTICE, Effect.REFUSED
EFFECTS = {
    Status.ACTIVE: dict(zip(Use, (_YES, _YES, _YES, _YES, _YES, _YES), strict=True)),
    Status.DEPRECATED: dict(zip(Use, (_NOTICE, _NOTICE, _NO, _YES, _YES, _YES), strict=True)),
    Status.ARCHIVED: dict(zip(Use, (_NOTICE, _NO, _NO, _NO, _YES, _NO), strict=True)),
    Status.SUSPENDED: dict(zip(Use, (_NO, _NO, _NO, _NO, _YES, _NO), strict=True)),
    Status.RECALLED: dict(zip(Use, (_NO, _NO, _NO, _NO, _YES, _NO), strict=True)),
}
"""Status -> use -> effect. A dataset has no stage and no alias: the first two uses are all of its own."""

STOPPED = frozenset(status for status in Status if EFFECTS[status][Use.READ] is Effect.REFUSED)
"""Suspended and recalled: nobody reads the files. To set or to lift one of them takes more than the right to edit."""

VERBS = {
    "deprecate": Status.DEPRECATED,
    "archive": Status.ARCHIVED,
    "suspend": Status.SUSPENDED,
    "recall": Status.RECALLED,
    "restore": Status.ACTIVE,
}
"""The verb that gives each status; `restore` undoes the others."""


def allows(status: Status, use: Use) -> bool:
    """False where the status refuses this use."""
    return EFFECTS[status][use] is not Effect.REFUSED


def notice(label: object, status: Status, reason: str, use: Use) -> str:
    """The sentence that goes with a use which is allowed with a notice; empty for any other."""
    if EFFECTS[status][use] is not Effect.NOTICE:
        return ""
    return f"{label} is {status}: {reason}" if reason else f"{label} is {status}"


def effects_table() -> str:
    """The table as Markdown, one row a status."""
    head = "| status | " + " | ".join(Use) + " |"
    rule = "|---" * (len(Use) + 1) + "|"
    rows = ("| `" + status + "` | " + " | ".join(EFFECTS[status][use] for use in Use) + " |" for status in Status)
    return "\n".join((head, rule, *rows)) + "\n"
