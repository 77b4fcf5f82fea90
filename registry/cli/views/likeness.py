"""How a comparison of two datasets looks in a terminal."""

from __future__ import annotations

from typing import TYPE_CHECKING

from registry.cli.printing import heading, hint, table, tell
from registry.presenting.formats import counted

if TYPE_CHECKING:
    from registry.domain.selection.likeness import Likeness


def show_likeness(found: Likeness) -> None:
    """The verdict, the tests with their effects, sizes and balance, and the rows that tell them apart."""
    tell(found.conclusion)
    kind = "random features" if found.mmd_linear else "permutation"
    tests: list[list[object]] = [
        [
            f"Classifier on {found.features}",
            f"AUC {found.auc.value:.3f} [{found.auc.low:.3f}, {found.auc.high:.3f}]",
            _p(found.auc_p),
        ],
        [f"MMD² ({kind})", f"{found.mmd:.4f}", _p(found.mmd_p)],
    ]
    if found.label_shift is not None and found.label_shift_p is not None:
        tests.append(["Label shift (chi-squared)", f"Cramér's V {found.label_shift:.3f}", _p(found.label_shift_p)])
    table(["Test", "Effect", ">p"], tests, empty="Nothing was tested.")
    _sizes(found)
    for side in (found.first, found.second):
        heading(f"Rows that show best that they are of {side.dataset.label}")
        own: list[list[object]] = [[r.key, r.label, r.shown] for r in found.telling if r.dataset == side.dataset]
        table([">Row", "Label", "Content"], own, empty="There are none.")
    for note in found.notes:
        tell(note)
    hint("The verdict goes by the AUC: same below 0.6, far from 0.9.")


def _sizes(found: Likeness) -> None:
    """Rows by class, what classes are in common, and copies."""
    sides = (found.first, found.second)
    names = sorted(found.first.classes.keys() | found.second.classes.keys())
    rows: list[list[object]] = [["all", *(side.rows for side in sides)]]
    rows += [[name or "(none)", *(side.classes.get(name, 0) for side in sides)] for name in names]
    table(["Rows of class", *(f">{side.dataset.label}" for side in sides)], rows, empty="There are no rows.")
    near = "" if found.near_copies is None else f"; of those compared, {found.near_copies} are nearly copies"
    tell(
        f"Classes in common: {len(found.shared_classes)}. {counted(found.copies, 'row')} of "
        f"{found.second.dataset.label} with the same content as in {found.first.dataset.label}{near}"
    )


def _p(value: float) -> str:
    return "< 0.001" if value < 0.001 else f"{value:.3f}"
