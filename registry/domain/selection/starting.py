"""How to start from a model: the method by rows for each class, distance and cost, with its reason and source."""

from __future__ import annotations

from collections.abc import Collection
from dataclasses import dataclass, replace

from registry.domain.catalog.models import Modality
from registry.domain.data.datasets import LabelKind
from registry.domain.recipes.recipe import Method
from registry.domain.selection.likeness import LikenessVerdict

FEW_ROWS = 50
"""Rows of a class (or of numbers, in all: ten times as many) below which a frozen source is the safer start."""
PATIENCE = 3600.0
"""Seconds of fine-tuning on this machine above which the frozen source is suggested instead."""
LARGE = 100_000_000
"""Parameters from which a text encoder is adapted by a few added weights."""
FROZEN = "freeze: backbone"
"""What a recipe says where the head alone learns, and is not a probe: heads for single words are trained."""
PASSES = 3.0
"""What learning from a row costs, in passes forward: one forward and about two backward."""

KUMAR = "Kumar and others, Fine-Tuning can Distort Pretrained Features (ICLR 2022)"
YOSINSKI = "Yosinski and others, How transferable are features in deep neural networks? (NeurIPS 2014)"
"""That features carry over the less, and of the last layers the least, the farther the new data is from the old."""


@dataclass(frozen=True, slots=True)
class Way:
    """A method, why, and the source of the rule."""

    method: Method
    reason: str
    source: str
    also: str = ""
    """A line more of the recipe."""


def way(
    *,
    labels: LabelKind,
    rows: int,
    fewest: int,
    seconds: float | None,
    epochs: int,
    parameters: int,
    modality: Modality,
    offered: Collection[Method],
    distance: LikenessVerdict | None = None,
) -> Way:
    """The method for `rows` training rows, `fewest` of them in the smallest class.

    `seconds` are those of one pass over all rows on this machine, None where they were not measured. `distance` is how
    like the rows are to what the source learnt from, None where that is unknown: then rows and cost decide alone.
    """
    enough = fewest >= FEW_ROWS if labels is LabelKind.CLASS else rows >= 10 * FEW_ROWS
    few = f"The smallest class has {fewest} row{'s' if fewest != 1 else ''}"
    small = few if labels is LabelKind.CLASS else f"There are {rows} rows"
    cost = None if seconds is None else seconds * PASSES * epochs
    what = f"{fewest} rows or more of each class" if labels is LabelKind.CLASS else f"{rows} rows"
    if not enough:
        found = Way(
            Method.FEATURE_EXTRACTION,
            f"{small}: a head on the frozen source, because few rows distort what the source has learnt",
            KUMAR,
        )
    elif cost is not None and cost > PATIENCE:
        found = Way(
            Method.FEATURE_EXTRACTION,
            f"Fine-tuning would take about {cost / 3600:.1f} hours here: a head on the frozen source is a start",
            f"{PASSES:.0f} passes a row and epoch, from the seconds measured for this report",
        )
    else:
        large = parameters >= LARGE and modality is Modality.TEXT
        found = _by_distance(distance, offered, what) or _by_size(parameters, offered, what, large=large)
    if labels is LabelKind.TAGS and found.method is Method.FEATURE_EXTRACTION and Method.FINE_TUNING in offered:
        return replace(found, method=Method.FINE_TUNING, also=FROZEN)
    return found


def _by_size(parameters: int, offered: Collection[Method], what: str, *, large: bool) -> Way:
    """By the size of the source, where nothing else decides."""
    if large and Method.ADAPTER in offered:
        return Way(
            Method.ADAPTER,
            f"{parameters / 1e6:.0f} million parameters: low-rank weights beside them cost less and do as well",
            "Hu and others, LoRA (ICLR 2022)",
        )
    if Method.FINE_TUNING in offered:
        return Way(
            Method.FINE_TUNING,
            f"{what[:1].upper()}{what[1:]}: enough to train all layers, which is mostly better than a head alone",
            "Kornblith, Shlens and Le, Do Better ImageNet Models Transfer Better? (CVPR 2019)",
        )
    return Way(Method.FEATURE_EXTRACTION, "The adapter of this source trains heads only", "Its offer")


def _by_distance(distance: LikenessVerdict | None, offered: Collection[Method], what: str) -> Way | None:
    """The nearer, the fewer layers change; None where the distance is unknown, or the method is not offered."""
    if distance is LikenessVerdict.SAME:
        return Way(
            Method.FEATURE_EXTRACTION,
            "The source learnt from data like this, so its features serve as they are: a head on the frozen source",
            YOSINSKI,
        )
    if distance is LikenessVerdict.NEAR and Method.ADAPTER in offered:
        return Way(
            Method.ADAPTER,
            "The source learnt from data near to this: a few weights beside its layers keep most of what it learnt",
            f"{YOSINSKI}; Hu and others, LoRA (ICLR 2022)",
        )
    if distance is LikenessVerdict.FAR and Method.FINE_TUNING in offered:
        return Way(
            Method.FINE_TUNING,
            f"The source learnt from data far from this, and there are {what}: enough to train all layers",
            YOSINSKI,
        )
    return None
