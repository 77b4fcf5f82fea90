"""The note on test rows that are nearly copies of one another: they suggest groups that nobody named."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path

import numpy as np

from adapters.inputs.pictures import greys
from registry.domain.catalog.models import Modality
from registry.domain.data.datasets import Row
from registry.domain.data.near_copies import SIDE, near_pictures, near_texts, picture_sketch, text_sketches

MOST = 4_000
"""Test rows that are looked at: those of the smallest digests, where there are more."""
_SHARE, _FEWEST = 0.02, 3
"""The share of test rows, and their number, from which the note is made."""


def near_copies(rows: Sequence[Row], root: Path, modality: Modality) -> list[str]:
    """Of texts and of picture files below `root`; none where rows have groups, and none for other data."""
    test = [row for row in rows if row.split == "test"]
    if any(row.group is not None for row in test):
        return []
    seen = {row.digest: row for row in sorted(test, key=lambda row: row.digest)}  # copies are told elsewhere
    looked = list(seen.values())[:MOST]
    if all(row.text is not None for row in looked):
        near = near_texts(text_sketches(row.text or "" for row in looked))
    elif modality is Modality.IMAGE and all(row.path is not None and row.index is None for row in looked):
        sketches = [picture_sketch(greys(root / str(row.path), str(row.path), SIDE)) for row in looked]
        near = near_pictures(np.stack(sketches))
    else:
        return []
    found = np.flatnonzero(near >= 0)
    if len(found) < max(_FEWEST, _SHARE * len(looked)):
        return []
    one, two = looked[found[0]], looked[near[found[0]]]
    first, second = sorted((one.key, two.key))
    of = f"{len(looked):,}" if len(looked) == len(test) else f"{len(looked):,} that were compared"
    return [
        f"{len(found):,} of {of} test rows are nearly copies of another test row (rows {first} and {second}, for "
        "example). If rows come from one page, patient or video, name them with --group-column: a verdict takes rows "
        "without groups as independent, and is too sure where they are not"
    ]
