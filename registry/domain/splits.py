"""Deterministic splits: which rows train, validate and test, decided by content alone and recorded.

Rows are grouped by content, so that copies of one row never stand on both sides. Within each class the groups are
ordered by SHA-256 over (seed, row digest) and dealt out so that every split gets its share of the class, rounded by
largest remainder (Hamilton's method). Neither file names nor the order of files play a part.

Laws, for rows R, a plan P and any permutation of R:

- the split of a row depends on the multiset of (digest, label) and on P only;
- rows of equal digest share a split;
- where no row is repeated, each class holds its exact largest-remainder counts, and with copies no split is further
  from its count than the copies of one row of that class, times the number of splits.
"""

from __future__ import annotations

import hashlib
from collections import Counter, defaultdict
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from fractions import Fraction

from lineage import Digest
from registry.domain.data import Row, SplitPlan, SplitSummary


@dataclass(frozen=True, slots=True)
class Content:
    """What decides a row's split: the digest of its content and its label."""

    digest: Digest
    label: str | None


def assign_splits(rows: Sequence[Content], plan: SplitPlan) -> list[str]:
    """The split of each row, in the order of `rows`."""
    copies = Counter(row.digest for row in rows)
    strata: defaultdict[str, list[Digest]] = defaultdict(list)
    for digest, label in _stratum(rows).items():
        strata[label].append(digest)
    place: dict[Digest, str] = {}
    for digests in strata.values():
        place.update(_deal(digests, copies, plan))
    return [place[row.digest] for row in rows]


def _stratum(rows: Iterable[Content]) -> dict[Digest, str]:
    """The class that each content counts for; copies with several labels count for the smallest, whatever the order."""
    found: dict[Digest, str] = {}
    for row in rows:
        label = row.label or ""
        found[row.digest] = min(found.get(row.digest, label), label)
    return found


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


def summarise(rows: Iterable[Row]) -> tuple[SplitSummary, ...]:
    """Rows and class counts of each split, both by name. A row without a label counts for no class."""
    sizes: Counter[str] = Counter()
    classes: defaultdict[str, Counter[str]] = defaultdict(Counter)
    for row in rows:
        sizes[row.split] += 1
        if row.label is not None:
            classes[row.split][row.label] += 1
    return tuple(SplitSummary(name, sizes[name], dict(sorted(classes[name].items()))) for name in sorted(sizes))


def straddling(rows: Iterable[Row]) -> int:
    """How many contents stand in more than one split: 0 unless the dataset brought its own splits."""
    seen: defaultdict[Digest, set[str]] = defaultdict(set)
    for row in rows:
        seen[row.digest].add(row.split)
    return sum(len(splits) > 1 for splits in seen.values())
