"""How a comparison of weights looks in a terminal."""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING

from registry.cli.printing import facts
from registry.presenting.kinship import figures

if TYPE_CHECKING:
    from registry.domain.verbs.lineage import ParentCheck


def show_checks(checks: Sequence[ParentCheck]) -> None:
    """Each parent, the relation, and the figures that it rests on."""
    for check in checks:
        facts(f"{check.child.label} and {check.parent.label}", figures(check))
