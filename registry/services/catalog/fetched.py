"""What all imports share that the registry fetches itself: how many go on at once, and what their files say."""

from __future__ import annotations

import json
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from pathlib import Path
from threading import BoundedSemaphore

from registry.domain.governance.hub import ADAPTER, CARD
from registry.domain.names import Reference
from registry.domain.people.teams import Level
from registry.errors import UnavailableError
from registry.services.catalog.cards import MAX_CARD, card_licence
from registry.services.context import Context

LIST_SECONDS = 30.0
"""How long one answer may take that is no file."""
FILE_SECONDS, SLOWEST = 60.0, 256 * 1024
"""A file may take so many seconds, and one more for each `SLOWEST` bytes."""
ATTEMPTS = 3
"""How often a file is asked for whose bytes break off."""
_AT_ONCE = BoundedSemaphore(2)
"""Imports that go on at once in this process: each holds a thread, and room on the disk, for as long as it takes."""
_WAITING, WAIT_SECONDS = BoundedSemaphore(6), 20.0
"""Imports that wait for one of those to end, each holding a thread, and how long they do."""
_NAMED = 5
"""Files that a note names."""


@contextmanager
def one_of_two() -> Iterator[None]:
    """For as long as an import fetches, after those that do already. Raises: UnavailableError where too many wait."""
    if not _AT_ONCE.acquire(blocking=False) and not _waited():
        raise UnavailableError(
            "Two imports are fetched from other servers already", remedy="Repeat it when one of them has ended"
        )
    try:
        yield
    finally:
        _AT_ONCE.release()


def _waited() -> bool:
    """Whether one of those that go on has ended in time."""
    if not _WAITING.acquire(blocking=False):
        return False
    try:
        return _AT_ONCE.acquire(timeout=WAIT_SECONDS)
    finally:
        _WAITING.release()


def seconds_for(size: int) -> float:
    """How long a file of `size` bytes may take."""
    return FILE_SECONDS + size / SLOWEST


def fetched_note(url: str, left: Sequence[str]) -> str:
    """Where files came from, and which of them were left there."""
    more = f" and {len(left) - _NAMED} more" if len(left) > _NAMED else ""
    rest = f"; not fetched: {', '.join(left[:_NAMED])}{more}" if left else ""
    return f"fetched from {url}{rest}"


def licence_in(folder: Path) -> str | None:
    """That of the card, where its front matter names one."""
    file = folder / CARD
    if not file.is_file() or file.stat().st_size > MAX_CARD:
        return None
    return card_licence(file.read_text(encoding="utf-8", errors="replace"))


def parents_of(
    context: Context, bases: Sequence[str], folder: Path, who: str
) -> tuple[tuple[Reference, ...], tuple[str, ...]]:
    """The versions here of the repositories `bases`, which `who` names, and notes where that is not clear.

    A repository that was imported once is that version. Of several, the one at the commit that `adapter_config.json`
    names; else nothing is guessed. What this person may not use is as if it had not been imported.
    """
    commit = _base_commit(folder)
    found, notes = list[Reference](), list[str]()
    with context.read() as uow:
        for name in bases:
            known = [one for one in uow.catalog.pinned_to(name) if context.actor.sight.allows(one.ref.name, Level.USE)]
            exact = [one for one in known if one.upstream.endswith(f"@{commit}")] if commit else []
            if len(known) == 1 or len(exact) == 1:
                found.append(Reference.to((exact or known)[0].ref))
            elif known:
                notes.append(f"{who} names {name}, of which {len(known)} versions are here: --parent says which")
    return tuple(dict.fromkeys(found)), tuple(notes)


def _base_commit(folder: Path) -> str:
    file = folder / ADAPTER
    if not file.is_file() or file.stat().st_size > MAX_CARD:
        return ""
    try:
        document = json.loads(file.read_bytes())
    except (ValueError, RecursionError):
        return ""  # the importer says what is wrong with it
    revision = document.get("revision") if isinstance(document, dict) else None
    return revision if isinstance(revision, str) else ""
