"""Texts with a folder per class: one UTF-8 `.txt` file a row. The row carries the text itself."""

from __future__ import annotations

from adapters.dvc.drafts import FOLDER, Draft, clean_text, text_digest
from adapters.dvc.folders import place_files
from adapters.dvc.tables import not_utf8
from adapters.dvc.tracking import Tracked
from registry.errors import BadDataError

SUFFIXES = frozenset({".txt"})


def read_texts(tracked: Tracked, *, split: str | None) -> tuple[list[Draft], str | None]:
    """The rows in order of path, and what brought their splits. Raises: BadDataError naming the file."""
    if split not in {None, FOLDER}:
        raise BadDataError(f"a folder of texts has no column {split!r}", remedy="Use folders train, test and so on")
    placed, by_folder = place_files(tracked, SUFFIXES, what="text")
    drafts = []
    for one in placed:
        try:
            text = clean_text((tracked.root / one.name).read_text(encoding="utf-8-sig"), repr(one.name))
        except UnicodeDecodeError as error:
            raise not_utf8(one.name, error) from error
        drafts.append(Draft(text_digest(text, repr(one.name)), one.label, one.split, text=text))
    return drafts, FOLDER if by_folder else None
