"""How often the verdict of `forebear lineage verify` is right, and how fast weights are compared.

Forty models are trained from scratch (see `kinship_zoo`), and children are made of each in fifteen ways. Each child is
compared with its parent, and with models of the same kind that came from another seed but saw the same data under the
same recipe. Beside it, in the same run, stands what people do by hand: calling two models related when the cosine of
their weights is above a half. `python -m benchmarks.kinship [--parents N] [--gigabytes G]`.
"""

from __future__ import annotations

import argparse
import itertools
import sys
import time
from collections import Counter
from collections.abc import Iterator, Sequence
from dataclasses import dataclass

import numpy as np
import torch
from rich.console import Console
from rich.table import Table
from scipy.stats import kstest

from benchmarks.material.kinship_zoo import CHILDREN, Arrays, State, parents, state, stored
from lineage import Relation, WeightComparison
from lineage.kinship import compare, compare_merge
from lineage.kinship.comparing import compare_pairs
from lineage.kinship.pairing import pair

RIGHT: dict[str, set[Relation]] = {
    "frozen backbone, new head": {Relation.FROZEN_PLUS_HEAD},
    "LoRA r 4, merged": {Relation.LORA_MERGED},
    "LoRA r 4, merged in BF16": {Relation.LORA_MERGED},
    "LoRA r 16, merged": {Relation.LORA_MERGED},
    "LoRA r 16, merged in BF16": {Relation.LORA_MERGED},
    "cast to F16": {Relation.CAST},
    "cast to BF16": {Relation.CAST},
    "8 bits": {Relation.QUANTISED},
    "4 bits": {Relation.QUANTISED},
    "pruned 50 %": {Relation.PRUNED, Relation.FINE_TUNED},
    "pruned 90 %": {Relation.PRUNED, Relation.FINE_TUNED},
    "permuted": {Relation.CONSISTENT_AFTER_ALIGNMENT, Relation.FINE_TUNED},
    "fine-tuned, 1 epoch": {Relation.FINE_TUNED},
    "fine-tuned, 5 epochs": {Relation.FINE_TUNED},
    "fine-tuned, 15 epochs": {Relation.FINE_TUNED},
}
"""What may be said of a child. Pruned ones were trained further in every second family."""
STRANGERS = 3
"""Every third pair of a child and a model of another family is compared."""


@dataclass(frozen=True)
class Member:
    """One model of the zoo: `way` is empty for a parent."""

    kind: str
    family: int
    way: str
    weights: Arrays


def zoo(count: int) -> Iterator[Member]:
    """Parents, each followed by its children."""
    for kind, seed, model in parents(count):
        yield Member(kind, seed, "", Arrays(state(model)))
        for way, make in CHILDREN.items():
            yield Member(kind, seed, way, Arrays(make(model, seed)))
        print(f"family {seed + 1} of {count}", file=sys.stderr, flush=True)


def by_hand(said: WeightComparison) -> bool:
    """Related, by the cosine alone."""
    return said.cosine is not None and said.cosine > 0.5


def positives(members: Sequence[Member]) -> Table:
    """Each way: how many children were told to be children, and in the right way."""
    shown = Table(title="Children compared with their parents")
    for column in ("made by", "supported", "right relation", "rank exact", "cosine above .5", "distance, median"):
        shown.add_column(column)
    parent = {one.family: one.weights for one in members if not one.way}
    for way in CHILDREN:
        said = [compare(one.weights, parent[one.family]) for one in members if one.way == way]
        n = len(said)
        wanted = int(way.split()[2].rstrip(",")) if way.startswith("LoRA") else None
        exact = f"{sum(one.rank == wanted for one in said)} of {n}" if wanted else ""
        shown.add_row(
            way,
            f"{sum(one.relation.supports for one in said)} of {n}",
            f"{sum(one.relation in RIGHT[way] for one in said)} of {n}",
            exact,
            f"{sum(map(by_hand, said))} of {n}",
            f"{np.median([one.distance for one in said]):.3f}",
        )
    return shown


def merges(members: Sequence[Member]) -> str:
    """Merges of a parent and a fine-tuned child, in BF16: how many are told, with the right shares."""
    parent = {one.family: one.weights.arrays for one in members if not one.way}
    right, n = 0, 0
    for one in members:
        if one.way == "fine-tuned, 5 epochs":
            mixed = _mixed(parent[one.family], one.weights.arrays)
            said = compare_merge(Arrays(stored(mixed, "BF16")), [Arrays(parent[one.family]), one.weights])
            n += 1
            right += said.relation is Relation.MERGED and np.allclose(said.weights, (0.6, 0.4), atol=0.02)
    return f"Merges of two models, .6 and .4, in BF16: {right} of {n} told, with their shares to .02"


def _mixed(first: State, second: State) -> State:
    return {
        name: (0.6 * array + 0.4 * second[name]).astype(np.float32) if array.dtype == np.float32 else array
        for name, array in first.items()
    }


def negatives(members: Sequence[Member]) -> tuple[Table, list[float]]:
    """Models of different families: how many were told to be related, and the p-values of pairs of parents."""
    shown = Table(title="Models of the same kind, data and recipe from another seed")
    for column in ("pairs", "compared", "called related", "undecided", "cosine above .5"):
        shown.add_column(column)
    roots = [one for one in members if not one.way]
    pairs = [(a, b) for a, b in itertools.combinations(roots, 2) if a.kind == b.kind]
    children = [
        (a, b) for a in members for b in roots if a.way and a.kind == b.kind and a.family != b.family
    ][::STRANGERS]  # fmt: skip
    values: list[float] = []
    for title, some in (("two parents", pairs), ("a child and another parent", children)):
        said = [compare(a.weights, b.weights) for a, b in some]
        found = Counter(one.relation for one in said)
        wrong = sum(one.relation.supports for one in said)
        hand = sum(map(by_hand, said))
        shown.add_row(title, str(len(said)), str(wrong), str(found[Relation.UNDECIDABLE]), str(hand))
        values = values or [one.p for one in said if one.p is not None]
    return shown, values


def speed(gigabytes: float) -> Table:
    """Gigabytes of a pair that are compared in a second of processor time."""
    shown = Table(title=f"Comparing two models of {gigabytes:g} GB each")
    for column in ("child", "relation", "seconds of processor", "GB/s of the pair"):
        shown.add_column(column)
    draws, side = np.random.default_rng(0), 2048
    count = max(int(gigabytes * 1e9 / (4 * side * side)), 1)
    base = {f"layer{n}.weight": draws.standard_normal((side, side), dtype=np.float32) for n in range(count)}
    moved = {name: array + np.float32(0.05) * array[::-1] for name, array in base.items()}
    for title, arrays in (("equal", base), ("cast to BF16", stored(base, "BF16")), ("trained further", moved)):
        began = time.process_time()
        said = compare(Arrays(arrays), Arrays(base))
        spent = time.process_time() - began
        size = sum(array.nbytes for array in (*arrays.values(), *base.values())) / 1e9
        shown.add_row(title, said.relation.value, f"{spent:.1f}", f"{size / spent:.1f}")
    ours, theirs = Arrays(moved), Arrays(base)
    began = time.process_time()
    compare_pairs(ours, theirs, pair(ours, theirs))
    spent = time.process_time() - began
    shown.add_row("trained further, the first three tests alone", "", f"{spent:.1f}", f"{size / spent:.1f}")
    return shown


def main() -> int:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--parents", type=int, default=40)
    parser.add_argument("--gigabytes", type=float, default=0.5)
    given = parser.parse_args()
    torch.set_num_threads(1)
    console, members = Console(width=max(120, Console().width)), list(zoo(given.parents))
    console.print(positives(members))
    console.print(merges(members))
    table, values = negatives(members)
    console.print(table)
    console.print(f"p-values of unrelated parents against the uniform: KS p = {kstest(values, 'uniform').pvalue:.2f}")
    console.print(speed(given.gigabytes))
    return 0


if __name__ == "__main__":
    sys.exit(main())
