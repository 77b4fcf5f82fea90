"""Splits depend on content and plan alone, keep their shares in every class, and never part copies of one row."""

from __future__ import annotations

import random
from collections import Counter, defaultdict
from collections.abc import Callable
from dataclasses import replace

import pytest
from hypothesis import given
from hypothesis import strategies as st

from lineage import Digest
from registry.domain.data.datasets import LabelKind, Row, SplitPlan
from registry.domain.data.splits import Content, assign_splits, split_counts, straddling, summarise


def content(text: str, label: str | None) -> Content:
    return Content(Digest.of(text.encode()), label)


ROWS = st.lists(st.builds(content, st.text("abcdef", max_size=2), st.sampled_from(["cat", "dog", "owl"])), max_size=80)
DISTINCT = st.dictionaries(st.text(max_size=4), st.sampled_from(["cat", "dog"]), max_size=80).map(
    lambda found: [content(text, label) for text, label in found.items()]
)
SHARES = st.lists(st.integers(1, 20), min_size=1, max_size=4).map(
    lambda parts: {f"s{i}": part / sum(parts) for i, part in enumerate(parts)}
)
PLANS = st.builds(SplitPlan, SHARES, st.integers(0, 5))


@given(ROWS, PLANS, st.randoms(use_true_random=False))
def test_the_order_of_files_plays_no_part(rows: list[Content], plan: SplitPlan, chance: random.Random) -> None:
    before = Counter(zip(rows, assign_splits(rows, plan), strict=True))
    chance.shuffle(rows)
    assert Counter(zip(rows, assign_splits(rows, plan), strict=True)) == before


@given(ROWS, PLANS)
def test_copies_of_a_row_never_stand_on_both_sides(rows: list[Content], plan: SplitPlan) -> None:
    sides = defaultdict(set)
    for row, split in zip(rows, assign_splits(rows, plan), strict=True):
        sides[row.digest].add(split)
    assert all(len(splits) == 1 for splits in sides.values())


@given(DISTINCT, PLANS)
def test_every_class_keeps_its_shares_to_the_row(rows: list[Content], plan: SplitPlan) -> None:
    splits = assign_splits(rows, plan)
    for label in {row.label for row in rows}:
        held = Counter(split for row, split in zip(rows, splits, strict=True) if row.label == label)
        wanted = split_counts(sum(held.values()), plan.shares)
        assert {name: held[name] for name in plan.shares} == wanted


NUMBERED = st.dictionaries(st.integers(0, 9999), st.floats(-9, 9), max_size=300).map(
    lambda found: [content(str(key), repr(number)) for key, number in found.items()]
)
KINDS = st.sampled_from([LabelKind.MANY, LabelKind.TAGS, LabelKind.NONE])


@given(NUMBERED, PLANS, st.randoms(use_true_random=False))
def test_numbers_are_divided_the_same_in_any_order(rows: list[Content], plan: SplitPlan, chance: random.Random) -> None:
    rows += rows[:3]
    before = Counter(zip(rows, assign_splits(rows, plan, LabelKind.NUMBER), strict=True))
    chance.shuffle(rows)
    assert Counter(zip(rows, assign_splits(rows, plan, LabelKind.NUMBER), strict=True)) == before


@given(NUMBERED, PLANS)
def test_every_split_holds_its_share_of_small_and_of_large_numbers(rows: list[Content], plan: SplitPlan) -> None:
    splits = dict(zip(rows, assign_splits(rows, plan, LabelKind.NUMBER), strict=True))
    strata = max(1, min(10, len(rows) // 20))
    ranked = sorted(rows, key=lambda row: (float(row.label or ""), row.digest))
    for number in range(strata):
        stratum = ranked[number * len(rows) // strata : (number + 1) * len(rows) // strata]
        held = Counter(splits[row] for row in stratum)
        assert {name: held[name] for name in plan.shares} == split_counts(len(stratum), plan.shares)


@given(NUMBERED, PLANS)
def test_strata_of_numbers_change_the_shares_of_splits_by_no_more_than_one_row_each(
    rows: list[Content], plan: SplitPlan
) -> None:
    held = Counter(assign_splits(rows, plan, LabelKind.NUMBER))
    strata = max(1, min(10, len(rows) // 20))
    for name, share in plan.shares.items():
        assert abs(held[name] - len(rows) * share) <= strata + 1e-6


@given(DISTINCT, PLANS, KINDS)
def test_labels_that_are_no_single_class_do_not_change_the_splits(
    rows: list[Content], plan: SplitPlan, kind: LabelKind
) -> None:
    splits = assign_splits(rows, plan, kind)
    assert assign_splits([Content(row.digest, None) for row in rows], plan, kind) == splits
    held = Counter(splits)
    assert {name: held[name] for name in plan.shares} == split_counts(len(rows), plan.shares)


@given(ROWS, PLANS, KINDS)
def test_copies_stay_together_whatever_the_labels_are(rows: list[Content], plan: SplitPlan, kind: LabelKind) -> None:
    sides = defaultdict(set)
    for row, split in zip(rows, assign_splits(rows, plan, kind), strict=True):
        sides[row.digest].add(split)
    assert all(len(splits) == 1 for splits in sides.values())


@given(st.lists(st.tuples(st.integers(0, 6), st.integers(0, 6))), PLANS)
def test_copies_change_the_shares_of_splits_by_no_more_than_their_number(
    pairs: list[tuple[int, int]], plan: SplitPlan
) -> None:
    rows = [content(f"row {number}", "one") for number, copies in pairs for _ in range(copies)]
    held = Counter(assign_splits(rows, plan))
    most = max(Counter(row.digest for row in rows).values(), default=0)
    for name, wanted in split_counts(len(rows), plan.shares).items():
        assert abs(held[name] - wanted) <= most * len(plan.shares)


@given(st.integers(0, 5000), SHARES)
def test_counts_sum_to_the_rows_and_stay_within_one_of_their_share(total: int, shares: dict[str, float]) -> None:
    counts = split_counts(total, shares)
    assert sum(counts.values()) == total
    assert all(abs(counts[name] - total * share) < 1 + 1e-6 for name, share in shares.items())


def test_a_split_is_the_same_for_ever() -> None:
    rows = [content(f"row {number}", "even" if number % 2 == 0 else "odd") for number in range(20)]
    splits = assign_splits(rows, SplitPlan({"train": 0.5, "test": 0.5}, seed=7))
    tests = [number for number, split in enumerate(splits) if split == "test"]
    assert tests == [2, 3, 4, 5, 7, 8, 9, 10, 11, 18], "recorded splits would no longer be reproducible"


def test_another_seed_gives_another_split() -> None:
    rows = [content(f"row {number}", "one") for number in range(50)]
    assert assign_splits(rows, SplitPlan(seed=1)) != assign_splits(rows, SplitPlan(seed=2))


def test_two_rows_of_a_class_are_not_both_kept_for_training() -> None:
    assert split_counts(2, SplitPlan().shares) == {"train": 1, "validation": 0, "test": 1}


@pytest.mark.parametrize("count", [0, 1])
def test_a_handful_of_rows_is_still_divided(count: int) -> None:
    assert len(assign_splits([content("x", "one")] * count, SplitPlan())) == count


def row(key: int, text: str, split: str, label: str | None) -> Row:
    return Row(key, Digest.of(text.encode()), split, label, text=text)


def test_a_summary_counts_each_class_of_each_split() -> None:
    rows = [row(0, "a", "train", "x"), row(1, "b", "train", "y"), row(2, "c", "test", "x"), row(3, "d", "test", None)]
    train, test = summarise(rows)[1], summarise(rows)[0]
    assert (train.name, train.rows, dict(train.classes)) == ("train", 2, {"x": 1, "y": 1})
    assert (test.name, test.rows, dict(test.classes)) == ("test", 2, {"x": 1})


@pytest.mark.parametrize(
    ("kind", "labels", "classes"),
    [
        (LabelKind.MANY, ["x|y", "y", ""], {"x": 1, "y": 2}),
        (LabelKind.TAGS, ["x y y", "y", "x"], {"x": 2, "y": 3}),
        (LabelKind.NONE, [None, None, None], {}),
        (LabelKind.NUMBER, ["1", "2.5", "-1"], {}),
    ],
)
def test_a_summary_counts_what_labels_of_each_kind_say(
    kind: LabelKind, labels: list[str | None], classes: dict[str, int]
) -> None:
    (found,) = summarise([row(n, str(n), "train", label) for n, label in enumerate(labels)], kind)
    assert (found.rows, dict(found.classes)) == (3, classes)
    assert (found.numbers is not None) == (kind is LabelKind.NUMBER)


@given(st.lists(st.floats(allow_nan=False, allow_infinity=False), min_size=1))
def test_the_mean_of_numbers_is_between_the_smallest_and_the_largest(numbers: list[float]) -> None:
    (found,) = summarise([row(n, str(n), "train", repr(x)) for n, x in enumerate(numbers)], LabelKind.NUMBER)
    assert found.numbers is not None
    assert (found.numbers.least, found.numbers.most) == (min(numbers), max(numbers))
    slack = 1e-12 * max(abs(number) for number in numbers)
    assert min(numbers) - slack <= found.numbers.mean <= max(numbers) + slack


@given(st.lists(st.tuples(st.sampled_from("abcdef"), st.sampled_from("xy"), st.integers(0, 5)), max_size=30), PLANS)
def test_a_group_and_the_copies_of_its_rows_stand_on_one_side(
    drawn: list[tuple[str, str, int]], plan: SplitPlan
) -> None:
    rows = [replace(content(text, label), group=str(group)) for text, label, group in drawn]
    splits = assign_splits(rows, plan)
    keys: tuple[Callable[[Content], object], ...] = (lambda row: row.digest, lambda row: row.group)
    for key in keys:
        sides: dict[object, set[str]] = {}
        for row, split in zip(rows, splits, strict=True):
            sides.setdefault(key(row), set()).add(split)
        assert all(len(side) == 1 for side in sides.values())


def test_groups_keep_the_shares_of_splits() -> None:
    rows = [replace(content(str(n), "xy"[n // 10 % 2]), group=f"book {n // 10}") for n in range(1000)]
    counts = Counter(assign_splits(rows, SplitPlan({"train": 0.8, "test": 0.2})))
    assert counts == {"train": 800, "test": 200}


def test_groups_on_both_sides_of_a_brought_split_are_counted() -> None:
    rows = [replace(row(n, str(n), split, "x"), group="book") for n, split in enumerate(("train", "test"))]
    assert straddling(rows) == (0, 1)


def test_contents_on_both_sides_of_a_brought_split_are_counted() -> None:
    rows = [row(0, "a", "train", "x"), row(1, "a", "test", "x"), row(2, "b", "train", "y"), row(3, "b", "train", "y")]
    assert straddling(rows) == (1, 0)
