"""How corrections of the graph look in a terminal."""

from __future__ import annotations

from typing import TYPE_CHECKING

from registry.cli.failures import note
from registry.cli.printing import facts, hint, moment, table
from registry.domain.transfers.corrections import CorrectionState

if TYPE_CHECKING:
    from collections.abc import Sequence

    from registry.domain.transfers.corrections import Correction


def show_correction(one: Correction) -> None:
    """One correction, and what to do where it waits."""
    facts(
        one.id,
        {
            "of": one.ref,
            "step": one.step,
            "was": one.before,
            "is": one.after or "no input",
            "state": one.state,
            "reason": one.reason,
            "weights": one.weights,
            "asked": f"{moment(one.asked_at)} by {one.asked_by}",
            "decided": f"{moment(one.decided_at)} by {one.decided_by}" if one.decided_at else "",
            "comment": one.comment,
        },
    )
    for sentence in one.consequences:
        note(sentence)
    if one.state is CorrectionState.ASKED:
        hint(f"A second person decides: forebear lineage decide {one.id} --agree -m WHY")


def show_corrections(found: Sequence[Correction]) -> None:
    """Corrections, one a line."""
    rows = [
        (one.id, one.state, one.before, one.after or "no input", moment(one.asked_at), one.asked_by, one.reason)
        for one in found
    ]
    columns = ("Correction", "State", "Was", "Is", "Asked", "By", "Reason")
    table(columns, rows, empty="Nothing was corrected.", drop=("Asked", "By"), prose="Reason")
