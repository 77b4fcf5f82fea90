"""How the compute of a version looks in a terminal."""

from __future__ import annotations

from typing import TYPE_CHECKING

from registry.cli.printing import hint, table, tell
from registry.domain.catalog.compute import GPAI_FLOP

if TYPE_CHECKING:
    from registry.domain.catalog.compute import Amount, ComputeReport


def show_compute(found: ComputeReport) -> None:
    """Each base and each step with its FLOP and who says so; the share; what is missing."""
    rows = [
        *((one.model, "base", _flop(one.flop), _told(one)) for one in found.bases),
        *((one.model, "made from a model", _flop(one.flop), _told(one)) for one in found.steps),
    ]
    table(("Model", "What", "FLOP", "Known from"), rows, empty="Nothing is on record", prose="Known from")
    if found.modification is not None and found.steps:
        tell(f"Since its bases: {_flop(found.modification)} FLOP")
    if found.share is not None and found.steps:
        tell(
            f"That is {found.share:.3g} times the compute of its smallest base; from a third on, the EU guidelines of "
            "July 2025 take whoever modifies a general-purpose AI model for the provider of a new one"
        )
    if found.base_is_gpai is not None:
        none = "A base is" if found.base_is_gpai else "No base is"
        tell(f"{none} a general-purpose AI model (such a model takes {GPAI_FLOP:g} FLOP or more, or was declared one)")
    for sentence in found.missing:
        hint(f"Not known: {sentence}")
    if found.missing:
        hint("Say it: forebear lineage declare-compute MODEL --flop N --source WHERE")


def _flop(value: float | None) -> str:
    return "not known" if value is None else f"{value:.4g}"


def _told(one: Amount) -> str:
    gpai = "" if one.gpai is None else f"{'a' if one.gpai else 'no'} GPAI model"
    said = f"{one.declared_by}: {one.source}" if one.declared_by else ""
    measured = "its step measured it" if one.measured else ""
    return "; ".join(filter(None, (measured, gpai, said)))
