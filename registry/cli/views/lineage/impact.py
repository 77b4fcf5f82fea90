"""How what a recall would touch looks in a terminal."""

from __future__ import annotations

import shlex
from collections.abc import Sequence
from typing import TYPE_CHECKING

from registry.cli.printing import facts, hint, table

if TYPE_CHECKING:
    from registry.domain.verbs.impact import Affected, ImpactSummary

MOST = 10
"""Owners and teams that are named."""


def show_summary(summary: ImpactSummary, target: str) -> None:
    """The counts of each group."""
    facts(
        summary.target,
        {
            "versions": f"{summary.versions:,}",
            "deleted": f"{summary.deleted:,}" if summary.deleted else "",
            "in closed teams": f"{summary.hidden:,}" if summary.hidden else "",
        },
    )
    for title, groups in (
        ("Effect", summary.effects),
        ("Went in as", summary.roles),
        ("Stage", summary.stages),
        ("Owner", summary.owners),
        ("Team", summary.teams),
    ):
        rows = [(name, f"{count:,}") for name, count in list(groups.items())[:MOST]]
        if len(groups) > MOST:
            rest = sum(list(groups.values())[MOST:])
            rows.append((f"{len(groups) - MOST:,} others", f"{rest:,}"))
        table((title, "Versions"), rows, empty="")
    hint(f"List them: forebear lineage impact {shlex.quote(target)} --versions")


def show_affected(affected: Sequence[Affected]) -> None:
    """One version a line."""
    rows = [
        (one.ref, one.effect, one.generations, one.role, one.stage, one.status, one.owner, _way(one))
        for one in affected
    ]
    columns = ("Version", "Effect", "Generations", "Went in as", "Stage", "Status", "Owner", "Way")
    table(columns, rows, empty="No version found.", drop=("Owner", "Stage"), prose="Way")


def line_of(one: Affected) -> str:
    """The same as one line, its columns between tabs."""
    return "\t".join(
        (str(one.ref), one.effect, str(one.generations), one.role, one.stage, one.status, one.owner, _way(one))
    )


def _way(one: Affected) -> str:
    return " → ".join(one.way) if one.way else one.before
