"""How a comparison of weights looks in a terminal."""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING

from registry.cli.printing import facts, hint, table, tell
from registry.presenting.formats import number
from registry.presenting.kinship import WORDS, figures

if TYPE_CHECKING:
    from registry.domain.verbs.lineage import Candidate, Identification, ParentCheck


def show_checks(checks: Sequence[ParentCheck]) -> None:
    """Each parent, the relation, the figures that it rests on, and both sides of what the interfaces differ in."""
    for check in checks:
        facts(f"{check.child.label} and {check.parent.label}", figures(check))
        if check.interface:
            rows = [
                (one.part.value, one.what, one.parent, one.child, "by the recipe" if one.declared else "")
                for one in check.interface
            ]
            columns = ("Interface", "Where", check.parent.label, check.child.label, "Asked for")
            table(columns, rows, empty="", prose="Where")


def show_identification(found: Identification) -> None:
    """The candidates with their evidence; how many are unrelated is one line."""
    shown = [
        one for one in found.candidates if one.shared or one.comparison is None or one.comparison.relation.supports
    ]
    table(
        ("Version", "Relation", "Equal bytes", "Distance", "Evidence"),
        [_candidate(one) for one in shown],
        empty="No registered model is kin to it by its weights",
        prose="Evidence",
    )
    if apart := len(found.candidates) - len(shown):
        tell(f"{apart} more with layers of the same shapes were compared: the weights do not relate them")
    if found.left_out:
        hint(f"{found.left_out:,} candidates were not compared: see more with --limit.")
    for note in found.notes:
        hint(f"{note}.")


def _candidate(one: Candidate) -> tuple[str, ...]:
    said = one.comparison
    if said is None:
        return one.ref.label, "not compared", f"{one.shared:.0%}", "", str(one.problem)
    distance = "" if said.distance is None else number(said.distance)
    return one.ref.label, WORDS[said.relation], f"{said.identical:.0%}", distance, said.reason
