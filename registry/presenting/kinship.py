"""What a comparison of weights says, in words and figures for people."""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING

from lineage import Assurance, Relation
from registry.domain.catalog.interface import silent
from registry.presenting.formats import counted, number

if TYPE_CHECKING:
    from registry.domain.catalog.interface import InterfaceDifference
    from registry.domain.verbs.lineage import ParentCheck

WORDS = {
    Relation.IDENTICAL: "the same weights",
    Relation.CAST: "the same weights in another type",
    Relation.QUANTISED: "the same weights in fewer bits",
    Relation.PRUNED: "the same weights, some set to zero",
    Relation.FROZEN_PLUS_HEAD: "a frozen backbone under another head",
    Relation.LORA_MERGED: "an adapter of low rank, merged",
    Relation.FINE_TUNED: "trained further",
    Relation.MERGED: "a merge of its parents",
    Relation.CONSISTENT_AFTER_ALIGNMENT: "related, with its neurons in another order",
    Relation.UNRELATED: "unrelated by the weights",
    Relation.UNDECIDABLE: "not decided by the weights",
}


def figures(check: ParentCheck) -> dict[str, str]:
    """The relation, why, and the figures that it rests on."""
    said = check.comparison
    found = {"Relation": WORDS[said.relation], "Reason": said.reason}
    if said.distance is not None:
        found["Relative distance"] = number(said.distance)
        if said.distance:
            found["Relative distance"] += " (median of the matrices that differ)"
    if said.p is not None:
        found["p-value"] = "below 1e-300" if said.p == 0 else f"{said.p:.2g}"
    if said.statistic is not None:
        found["Statistic"] = number(said.statistic)
    if said.null is not None:
        found["Judged by"] = said.null
    if said.rank is not None:
        found["Rank"] = f"{said.rank} on {len(said.targets)} matrices"
    if said.weights:
        found["Shares"] = ", ".join(map(number, said.weights))
    found["Equal bytes"] = f"{said.identical:.0%}"
    found["Compared"] = f"{said.compared} of {said.of} tensors, {said.sample:,} numbers"
    found["Claim"] = _claim(check)
    if check.interface is not None:
        found["Interface"] = _interface(check.interface)
    return found


def _interface(unlike: Sequence[InterfaceDifference]) -> str:
    if not unlike:
        return "as the parent's"
    told = len(unlike) - len(silent(unlike))
    many = f"{counted(len(unlike), 'difference')} from the parent"
    return f"{many}, {told} of which the recipe asks for" if told else many


def _claim(check: ParentCheck) -> str:
    match check.assurance:
        case None:
            return "nobody claims this parent, so nothing was recorded"
        case Assurance.CONTRADICTED:
            return "declared as the parent, and the weights speak against it"
        case assurance:
            return f"{check.role}, {assurance}"
