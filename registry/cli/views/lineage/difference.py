"""How the difference of two versions looks in a terminal."""

from __future__ import annotations

from typing import TYPE_CHECKING

from registry.cli.printing import heading, hint, table, tell
from registry.cli.streams import is_unicode
from registry.presenting.differences import (
    answered,
    decades,
    distance,
    farthest_first,
    reach,
    rows,
    weights_in_words,
)
from registry.presenting.formats import counted

if TYPE_CHECKING:
    from lineage import TensorShape, WeightChanges
    from registry.domain.verbs.catalog import VersionDifference

MOST = 30
"""Tensors that are listed."""
BAR = 16
"""Columns of the longest bar."""


def show_difference(found: VersionDifference) -> None:
    """What is otherwise in the second version, part by part; the changes of tensors with bars."""
    if found.same_files:
        tell(f"{found.one.label} and {found.other.label} have the same files")
    table(
        ("Part", "What", found.one.label, found.other.label),
        rows(found),
        empty="Recipe, data, parents and environment on record are the same",
        prose="What",
    )
    _show_metrics(found)
    if found.clauses:
        heading("Clauses of licences that one of them owes")
        owed = [(one.clause, one.meaning, one.owed_by.label, " → ".join(one.path)) for one in found.clauses]
        table(("Clause", "Meaning", "Owed by", "Path"), owed, empty="", drop=("Meaning",), prose="Path")
    if found.weights is not None:
        heading("Weights")
        _show_weights(found.weights)
    for one in found.unread:
        tell(one)


def _show_metrics(found: VersionDifference) -> None:
    if found.metrics:
        heading("Metrics on test data")
        measured = [(one.name, one.data, one.one, one.other, one.change) for one in found.metrics]
        columns = ("Metric", "Data", f">{found.one.label}", f">{found.other.label}", ">Change")
        table(columns, measured, empty="", drop=("Data",))
    if found.answers is not None:
        tell(answered(found.answers))


def _show_weights(found: WeightChanges) -> None:
    tell(weights_in_words(found))
    if found.changed:
        low, high = decades(found.changed)
        mark = "█" if is_unicode() else "#"
        listed = farthest_first(found)[:MOST]
        drawn = [
            (one.name, _shape(one.shape), distance(one), mark * max(round(BAR * reach(one, low, high)), 1))
            for one in listed
        ]
        bar = f"10^{low} to 10^{high}"
        table(("Tensor", "Shape", ">Relative L2", bar), drawn, empty="", drop=("Shape",))
        if more := len(found.changed) - len(listed):
            hint(f"And {counted(more, 'changed tensor')}; --output json lists all.")
    for title, only in (("Only in the first", found.left_out), ("Only in the second", found.added)):
        if only:
            tell(f"{title}: {', '.join(map(_named, only[:MOST]))}{' and others' if len(only) > MOST else ''}")


def _named(one: TensorShape) -> str:
    return f"{one.name} ({_shape(one.shape)})"


def _shape(shape: tuple[int, ...]) -> str:
    return " x ".join(map(str, shape)) or "a number"
