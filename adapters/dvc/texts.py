"""Texts with a folder per class, or without labels: one UTF-8 `.txt` file a row. The row carries the text itself."""

from __future__ import annotations

from adapters.dvc.drafts import Columns, Draft, Found, text_digest
from adapters.dvc.folders import place_files, place_unlabelled
from adapters.dvc.labels import read_text
from adapters.dvc.split_names import FOLDER
from adapters.dvc.text_files import open_text
from adapters.dvc.tracking import Tracked
from registry.domain.catalog.models import Modality
from registry.domain.data.datasets import LabelKind
from registry.errors import BadDataError

SUFFIXES = frozenset({".txt"})


def read_texts(tracked: Tracked, columns: Columns) -> Found:
    """The rows in order of path, and what brought their splits. Raises: BadDataError naming the file."""
    if columns.split not in {None, FOLDER}:
        raise BadDataError(
            f"a folder of texts has no column {columns.split!r}", remedy="Use folders train, test and so on"
        )
    if columns.labels not in {LabelKind.CLASS, LabelKind.NONE}:
        raise BadDataError(
            f"a folder of texts names one class for each, and --labels is {columns.labels}",
            remedy="Give a table with a column of texts and one of labels",
        )
    notes: list[str] = []
    if columns.labels is LabelKind.NONE:
        placed, by_folder, notes = place_unlabelled(tracked, SUFFIXES, what="text")
    else:
        placed, by_folder = place_files(tracked, SUFFIXES, what="text")
    drafts = []
    for one in placed:
        with open_text(tracked.root / one.name, one.name) as stream:
            found = stream.read()
        text = read_text(found, repr(one.name), columns.labels)
        drafts.append(Draft(text_digest(text, repr(one.name)), one.label, one.split, text=text))
    return Found(drafts, FOLDER if by_folder else None, Modality.TEXT, tuple(notes))
