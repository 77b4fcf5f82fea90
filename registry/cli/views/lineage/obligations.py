"""How the obligations of a version look in a terminal."""

from __future__ import annotations

from typing import TYPE_CHECKING

from registry.cli.printing import hint, table, tell

if TYPE_CHECKING:
    from registry.domain.verbs.lineage import Obligations


def show_obligations(found: Obligations) -> None:
    """Each clause, what it means and the way that it came; then what the version's own licence leaves out."""
    rows = [
        (
            f"{one.clause} (forbids this use)" if one.conflict else one.clause,
            one.meaning,
            one.licence,
            " → ".join(one.path),
        )
        for one in found.owed
    ]
    table(
        ("Clause", "Meaning", "Licence", "Path"),
        rows,
        empty="No licence in its ancestry asks anything",
        drop=("Meaning",),
        prose="Path",
    )
    for one in found.relicensed:
        tell(f"The licence {found.licence} leaves out {one.clause}, which is owed to {one.path[0]} ({one.licence})")
    if not found.complete:
        hint("The ancestry is larger than what was read: there may be more.")
