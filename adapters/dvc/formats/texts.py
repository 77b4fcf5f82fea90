"""Texts with a folder per class, or without labels: one UTF-8 `.txt` file a row. The row carries the text itself."""

from __future__ import annotations

from adapters.dvc.formats.columns import no_groups, not_text
from adapters.dvc.rows.drafts import FOLDER, Columns, Draft, Drafts, Found, text_digest
from adapters.dvc.rows.folders import place_files, place_unlabelled
from adapters.dvc.rows.labels import read_text
from adapters.dvc.tracking import Tracked
from registry.domain.catalog.models import Modality
from registry.domain.data.datasets import LabelKind
from registry.errors import BadDataError

SUFFIXES = frozenset({".txt"})


def read_texts(tracked: Tracked, columns: Columns) -> Found:
    """The rows in order of path, and what brought their splits. Raises: BadDataError naming the file."""
    no_groups(columns, "A folder of texts")
    if columns.split not in {None, FOLDER}:
        raise BadDataError(
            f"A folder of texts has no column {columns.split!r}", remedy="Use folders train, test and so on"
        )
    if columns.labels not in {LabelKind.CLASS, LabelKind.NONE}:
        raise BadDataError(
            f"A folder of texts names one class for each, but --labels is {columns.labels}",
            remedy="Give a table with a column of texts and one of labels",
        )
    place = place_unlabelled if columns.labels is LabelKind.NONE else place_files
    placing = place(tracked, SUFFIXES, what="text")
    drafts = Drafts(columns, tracked.record.size)
    sizes = {entry.path: entry.size for entry in tracked.files}
    for one in placing.files:
        columns.limits.check_cell(sizes[one.name] // 4, repr(one.name))  # a character has at most four bytes
        try:
            found = (tracked.root / one.name).read_text(encoding="utf-8-sig")
        except UnicodeDecodeError as error:
            raise not_text(tracked.root / one.name, one.name) from error
        text = read_text(found, repr(one.name), columns.labels)
        drafts.add(Draft(text_digest(text, repr(one.name)), one.label, one.split, text=text))
    return Found(drafts.found, FOLDER if placing.by_folder else None, Modality.TEXT, tuple(placing.notes))
