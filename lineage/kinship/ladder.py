"""The ladder of tests for one parent, cheapest first: the first that decides ends it."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, replace
from functools import cached_property
from statistics import median

from lineage.kinship.alignment import align, rotation
from lineage.kinship.comparing import Compared, compare_pairs
from lineage.kinship.independence import Independence, independence
from lineage.kinship.pairing import Pair, pair
from lineage.kinship.residual import low_rank
from lineage.kinship.tensors import Weights
from lineage.relations import Relation, WeightComparison

DECISIVE = 1e-6
"""Below this p-value two models were not initialised independently."""
UNCLEAR = 1e-3
"""From here down to DECISIVE there is a sign of kinship that proves nothing."""
ENOUGH = 48
"""Neurons that must have been compared before the absence of agreement says anything."""


def compare(child: Weights, parent: Weights) -> WeightComparison:
    """What the weights say about the claim that `child` was made from `parent`."""
    pairs = pair(child, parent)
    return _Comparison(child, parent, pairs).verdict()


@dataclass(frozen=True)
class _Comparison:
    child: Weights
    parent: Weights
    pairs: Sequence[Pair]

    @cached_property
    def compared(self) -> list[Compared]:
        return compare_pairs(self.child, self.parent, list(self.pairs))

    @cached_property
    def matrices(self) -> list[Compared]:
        return [one for one in self.compared if one.pair.child.is_matrix]

    @cached_property
    def body(self) -> list[Compared]:
        """The matrices but the head: those that feed another layer, and what cannot be told from them."""
        read = {one.pair.child.shape[1] for one in self.matrices}
        inner = [one for one in self.matrices if one.pair.child.rows in read or "embed" in one.pair.child.name.lower()]
        return inner or self.matrices

    @cached_property
    def tested(self) -> Independence | None:
        """The test of neurons of equal index."""
        return independence(self.child, self.parent, self.pairs)

    def verdict(self) -> WeightComparison:
        found = self._by_bytes() or self._by_numbers() or self._by_rank() or self._by_neurons() or self._aligned()
        return found or self.common

    @cached_property
    def common(self) -> WeightComparison:
        """What is said whatever decides."""
        size = sum(self.child.raw(name).nbytes for name in self.child.tensors)
        same = sum(self.child.raw(one.pair.child.name).nbytes for one in self.compared if one.equal)
        changed = [one for one in self.matrices if not one.equal] or self.matrices
        return WeightComparison(
            Relation.UNDECIDABLE,
            "Too few neurons stand in both to compare",
            compared=len(self.pairs),
            of=len(self.child.tensors),
            sample=sum(one.pair.child.elements for one in self.compared),
            identical=same / size if size else 0.0,
            distance=median(one.distance for one in changed) if changed else None,
            cosine=median(one.cosine for one in self.matrices) if self.matrices else None,
        )

    # --- rungs ---

    def _by_bytes(self) -> WeightComparison | None:
        """Equal tensors that hold enough different values to come from nowhere else."""
        telling = [one for one in self.compared if one.equal and one.telling]
        if not telling:
            return None
        if len(self.compared) == len(self.child.tensors) == len(self.parent.tensors) and all(
            one.equal for one in self.compared
        ):
            return replace(self.common, relation=Relation.IDENTICAL, reason="Every tensor is equal")
        if all(one.equal for one in self.body):
            changed = len(self.child.tensors) - sum(one.equal for one in self.compared)
            reason = f"Every matrix below the head is equal; {changed} of {len(self.child.tensors)} tensors are not"
            return replace(self.common, relation=Relation.FROZEN_PLUS_HEAD, reason=reason)
        return None

    def _by_numbers(self) -> WeightComparison | None:
        """Casts, quantisations and prunings: each number follows from the parent's."""
        if not self.body or not any(one.telling for one in self.body):
            return None
        changed = [one for one in self.body if not one.equal]
        if all(one.cast for one in changed):
            kinds = sorted({str(one.cast) for one in changed})
            return replace(
                self.common, relation=Relation.CAST, reason=f"The numbers are the parent's in {' and '.join(kinds)}"
            )
        if all(one.cast or one.bits for one in changed):
            bits = sorted({one.bits for one in changed if one.bits})
            reason = (
                f"The numbers lie within half a step of the parent's, on a grid of {' and '.join(map(str, bits))} bits"
            )
            return replace(self.common, relation=Relation.QUANTISED, reason=reason)
        if all(one.zeros or one.cast for one in changed):
            share = sum(one.zeros * one.pair.child.elements for one in changed) / sum(
                one.pair.child.elements for one in changed
            )
            return replace(
                self.common,
                relation=Relation.PRUNED,
                reason=f"{share:.0%} of the numbers were set to zero, the others are equal",
            )
        return None

    def _by_rank(self) -> WeightComparison | None:
        """What was added to each changed matrix is of low rank, and the matrices are near: a merged adapter."""
        changed = [one for one in self.body if not one.kept]
        if not changed or any(one.distance > 1 for one in changed):
            return None
        ranks = {}
        for one in changed:
            rank = low_rank(self.child, self.parent, one)
            if rank is None:
                return None
            ranks[one.pair.child.name] = rank
        highest = max(ranks.values())
        reason = f"What was added to {len(ranks)} matrices has rank {highest}"
        return replace(self.common, relation=Relation.LORA_MERGED, reason=reason, rank=highest, targets=tuple(ranks))

    def _by_neurons(self) -> WeightComparison | None:
        tested = self.tested
        frozen = [one for one in self.compared if one.equal and one.telling]
        if frozen:
            reason = f"{len(frozen)} tensors are equal, and others were trained further"
            return self._by_orders(Relation.FINE_TUNED, reason, tested)
        if tested is not None and tested.p <= DECISIVE:
            reason = f"Neurons of equal index resemble one another (p = {tested.p:.1g} if unrelated)"
            return self._by_orders(Relation.FINE_TUNED, reason, tested)
        return None

    def _aligned(self) -> WeightComparison | None:
        aligned = align(self.child, self.parent)
        if aligned is None:
            aligned = rotation(self.child, self.parent, self.pairs)
            aligned = aligned if aligned is not None and aligned.p <= DECISIVE else None
        if aligned is not None:
            return replace(
                self.common,
                relation=Relation.CONSISTENT_AFTER_ALIGNMENT,
                reason=aligned.reason,
                p=aligned.p,
                statistic=aligned.statistic,
                null=aligned.null,
            )
        tested = self.tested
        if tested is None or tested.units < ENOUGH:
            return None
        if tested.p <= UNCLEAR:
            reason = f"A sign of kinship that proves nothing (p = {tested.p:.1g})"
            return self._by_orders(Relation.UNDECIDABLE, reason, tested)
        reason = f"{tested.units:,} neurons resemble the parent's no more than chance (p = {tested.p:.2g})"
        return self._by_orders(Relation.UNRELATED, reason, tested)

    def _by_orders(self, relation: Relation, reason: str, tested: Independence | None) -> WeightComparison:
        """A verdict by the test of neurons."""
        said = replace(self.common, relation=relation, reason=reason)
        return said if tested is None else replace(said, p=tested.p, statistic=tested.z, null=tested.null)
