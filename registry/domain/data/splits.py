"""Deterministic splits: which rows train, validate and test, decided by content alone and recorded.

Rows are grouped by content, so that copies of one row never stand on both sides; where rows have groups (the pages of a
book), contents with a group in common are one, and count for their commonest class. The groups fall into strata: where
labels are classes, the classes; where they are numbers, up to ten of equal size by rank, so that every split sees small
and large ones alike; otherwise one, because a row with several classes has no single stratum. Within each stratum the
groups are ordered by SHA-256 over (seed, row digest) and dealt out so that every split gets its share of the stratum,
rounded by largest remainder (Hamilton's method). Neither file names nor the order of files play a part.

Laws, for rows R, a plan P and any permutation of R:

- the split of a row depends on the multiset of (digest, label) and on P only, and where labels are neither classes nor
  numbers on the multiset of digests and on P;
- rows of equal digest share a split, and so do rows of one group, where rows have groups;
- where no row is repeated, each stratum holds its exact largest-remainder counts, and with copies no split is further
  from its count than the copies of one row of that stratum, times the number of splits.
"""

from __future__ import annotations

import hashlib
from collections import Counter, defaultdict
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from fractions import Fraction
from itertools import pairwise
from math import fsum
from typing import TypeVar

from lineage import Digest
from registry.domain.data.datasets import LabelKind, NumberSummary, Row, SplitPlan, SplitSummary
from registry.domain.data.labels import classes_of, number_of

L = TypeVar("L", str, float)
_RANKS, _EACH = 10, 20
"""Most strata of numbers, and the fewest contents of each: with fewer, rounding would distort the shares."""


@dataclass(frozen=True, slots=True)
class Content:
    """What decides a row's split: the digest of its content and its label."""

    digest: Digest
    label: str | None
    group: str | None = None


def assign_splits(rows: Sequence[Content], plan: SplitPlan, labels: LabelKind = LabelKind.CLASS) -> list[str]:
    """The split of each row, in the order of `rows`."""
    if any(row.group is not None for row in rows):
        rows = _joined(rows)
    copies = Counter(row.digest for row in rows)
    place: dict[Digest, str] = {}
    for digests in _strata(rows, labels):
        place.update(_deal(digests, copies, plan))
    return [place[row.digest] for row in rows]


def _joined(rows: Sequence[Content]) -> list[Content]:
    """The rows with one digest for all that share a content or a group, and with its commonest label."""
    parent: dict[object, object] = {}

    def root(key: object) -> object:
        while (above := parent.setdefault(key, key)) != key:
            parent[key] = parent[above]
            key = above
        return key

    for row in rows:
        if row.group is not None:
            parent[root(row.digest)] = root(row.group)
    smallest: dict[object, Digest] = {}
    labels: defaultdict[object, Counter[str]] = defaultdict(Counter)
    for row in rows:
        key = root(row.digest)
        smallest[key] = min(smallest.get(key, row.digest), row.digest)
        labels[key][row.label or ""] += 1
    common = {key: min(times, key=lambda name: (-times[name], name)) for key, times in labels.items()}
    return [Content(smallest[key], common[key]) for key in (root(row.digest) for row in rows)]


def _strata(rows: Sequence[Content], labels: LabelKind) -> Iterable[Sequence[Digest]]:
    """Contents that are dealt out together. Copies with several labels count for the smallest, whatever the order."""
    if labels is LabelKind.CLASS:
        strata: defaultdict[str, list[Digest]] = defaultdict(list)
        for digest, label in _smallest((row.digest, row.label or "") for row in rows).items():
            strata[label].append(digest)
        return strata.values()
    if labels is LabelKind.NUMBER:
        numbers = _smallest((row.digest, number_of(row.label)) for row in rows)
        ranked = sorted(numbers, key=lambda digest: (numbers[digest], digest))
        count = max(1, min(_RANKS, len(ranked) // _EACH))
        edges = [number * len(ranked) // count for number in range(count + 1)]
        return [ranked[start:end] for start, end in pairwise(edges)]
    return [list({row.digest: None for row in rows})]


def _smallest(found: Iterable[tuple[Digest, L]]) -> dict[Digest, L]:
    smallest: dict[Digest, L] = {}
    for digest, label in found:
        smallest[digest] = min(smallest.get(digest, label), label)
    return smallest


def _deal(digests: Sequence[Digest], copies: Mapping[Digest, int], plan: SplitPlan) -> dict[Digest, str]:
    """Hand contents to splits, most copies first and then by seeded hash, each to the split that lacks most rows."""
    lacking = split_counts(sum(copies[digest] for digest in digests), plan.shares)
    order = sorted(digests, key=lambda digest: (-copies[digest], _draw(plan.seed, digest)))
    place = {}
    for digest in order:
        neediest = max(lacking, key=lambda name: (lacking[name], name))
        lacking[neediest] -= copies[digest]
        place[digest] = neediest
    return place


def _draw(seed: int, digest: Digest) -> bytes:
    return hashlib.sha256(f"forebear/split/v1\n{seed}\n{digest.hex}".encode()).digest()


def split_counts(total: int, shares: Mapping[str, float]) -> dict[str, int]:
    """`total` rows divided by largest remainder; equal remainders go to the split with fewer rows, then by name."""
    exact = {name: Fraction(str(share)) for name, share in shares.items()}
    whole = sum(exact.values())
    quotas = {name: total * share / whole for name, share in exact.items()}
    counts = {name: int(quota) for name, quota in quotas.items()}
    by_remainder = sorted(quotas, key=lambda name: (counts[name] - quotas[name], counts[name], name))
    for name in by_remainder[: total - sum(counts.values())]:
        counts[name] += 1
    return counts


def summarise(rows: Iterable[Row], labels: LabelKind = LabelKind.CLASS) -> tuple[SplitSummary, ...]:
    """Rows, class counts and numbers of each split, both by name. A row without a label counts for no class."""
    sizes: Counter[str] = Counter()
    classes: defaultdict[str, Counter[str]] = defaultdict(Counter)
    numbers: defaultdict[str, list[float]] = defaultdict(list)
    for row in rows:
        sizes[row.split] += 1
        classes[row.split].update(classes_of(row.label, labels))
        if labels is LabelKind.NUMBER:
            numbers[row.split].append(number_of(row.label))
    return tuple(
        SplitSummary(name, sizes[name], dict(sorted(classes[name].items())), _numbers(numbers[name]))
        for name in sorted(sizes)
    )


def _numbers(found: Sequence[float]) -> NumberSummary | None:
    if not found:
        return None
    least, most = min(found), max(found)
    # In units of the largest number, because the sum of very large numbers would overflow.
    unit = max(abs(least), abs(most)) or 1.0
    mean = fsum(number / unit / len(found) for number in found) * unit
    return NumberSummary(least, min(max(mean, least), most), most)


def straddling(rows: Iterable[Row]) -> tuple[int, int]:
    """How many contents, and how many groups, stand in more than one split: 0 unless the dataset brought its own."""
    contents: defaultdict[Digest, set[str]] = defaultdict(set)
    groups: defaultdict[str, set[str]] = defaultdict(set)
    for row in rows:
        contents[row.digest].add(row.split)
        if row.group is not None:
            groups[row.group].add(row.split)
    both = (sum(len(splits) > 1 for splits in found) for found in (contents.values(), groups.values()))
    return next(both), next(both)
