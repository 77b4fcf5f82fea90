"""What the weights say about a claimed parent, and what is kept of them."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from enum import StrEnum

from lineage.digest import Digest


class Relation(StrEnum):
    """How a child relates to a parent by its weights, the strongest claim first."""

    IDENTICAL = "identical"
    CAST = "cast"
    QUANTISED = "quantised"
    PRUNED = "pruned"
    FROZEN_PLUS_HEAD = "frozen_plus_head"
    LORA_MERGED = "lora_merged"
    FINE_TUNED = "fine_tuned"
    MERGED = "merged"
    CONSISTENT_AFTER_ALIGNMENT = "consistent_after_alignment"
    UNRELATED = "unrelated"
    UNDECIDABLE = "undecidable"

    @property
    def supports(self) -> bool:
        """True when the weights support the claim."""
        return self not in {Relation.UNRELATED, Relation.UNDECIDABLE}


@dataclass(frozen=True, slots=True)
class WeightComparison:
    """One comparison. Fields that the deciding test does not give are None.

    `reason` is a sentence for people, without a full stop. `compared` counts tensors with a counterpart of the same
    shape, `of` those of the child; `sample` counts the numbers that were compared.
    """

    relation: Relation
    reason: str
    compared: int
    of: int
    sample: int
    identical: float = 0.0
    """Share of the child's bytes that stand bit by bit in the parent."""
    distance: float | None = None
    """Relative L2 distance |child - parent| / |parent|: the median over the matrices that differ, 0 where none does.
    About 1.4 when unrelated."""
    cosine: float | None = None
    """Cosine between the matrices of child and parent, median."""
    p: float | None = None
    """Probability of so much agreement if the two were initialised independently, by the null of this very pair."""
    statistic: float | None = None
    """What the deciding test measured, in its own unit; `null` says what it was held against."""
    null: str | None = None
    """What models without kinship would give, as part of a sentence; None where no test was made."""
    rank: int | None = None
    """Of a merged low-rank adapter."""
    targets: tuple[str, ...] = ()
    """Tensors that a merged adapter changed."""
    weights: tuple[float, ...] = ()
    """Share of each parent in a linear merge."""


@dataclass(frozen=True, slots=True)
class WeightIndex:
    """What is kept of a model's weights to find it by them."""

    layers: Digest | None
    """Of the shapes of its layers but the head; None for a model without a matrix."""
    tensors: Mapping[Digest, int]
    """Bytes of its largest tensors by digest, whatever their names. Tensors that many models share by chance are not
    among them."""


@dataclass(frozen=True, slots=True)
class TensorShape:
    """A tensor that only one of two models has, or that has another shape in the other."""

    name: str
    shape: tuple[int, ...]


@dataclass(frozen=True, slots=True)
class TensorChange:
    """A tensor of two models whose bytes differ. `was` is its name in the first, where that is another one.

    `distance` is the relative L2 distance |second - first| / |first|; None where that is no number, as for a tensor
    that was all zeros. `rounded` says that nothing but rounding to another type happened.
    """

    name: str
    shape: tuple[int, ...]
    distance: float | None
    rounded: bool = False
    was: str | None = None


@dataclass(frozen=True, slots=True)
class WeightChanges:
    """The weights of two models, tensor by tensor, in the order of the second's file. `equal` counts equal tensors."""

    equal: int
    changed: tuple[TensorChange, ...]
    left_out: tuple[TensorShape, ...]
    """Of the first alone."""
    added: tuple[TensorShape, ...]
    """Of the second alone."""
