"""How the test rows that stood in training data look in a terminal."""

from __future__ import annotations

from typing import TYPE_CHECKING

from registry.cli.printing import hint, table, tell

if TYPE_CHECKING:
    from registry.domain.data.leakage import Leakage, LeakageCount, NearCopies, NearOverlap, Overlap


def show_leakage(found: Leakage) -> None:
    """Each training split that holds test rows, with examples; then how often the test rows were used."""
    if not found.test_rows and not found.unread:
        tell("It was not measured on test data")
        return
    table(
        ("Rows", "Tested on", "Trained on", "Step", "For example"),
        [_row(one) for one in found.overlaps],
        empty="No test row stands in training data that the registry knows",
        prose="For example",
    )
    if found.seen:
        tell(f"{found.seen:,} of {found.test_rows:,} test rows were seen in training: the results on them are too good")
    if found.near is not None:
        _show_near(found.near)
    tell(f"Steps measured on these test rows so far: {found.looks}")
    for one in found.unread:
        hint(f"Not compared: {one}.")
    if not found.complete:
        hint("The ancestry is larger than what was read: there may be more.")


def show_count(found: LeakageCount) -> None:
    """What gates read from now on."""
    more = "" if found.known else ", and some rows could not be compared"
    tell(f"{found.seen:,} of {found.test_rows:,} test rows stood in training data{more}")
    if found.near is None:
        tell("How many are nearly copies of training rows is not known of all")
        hint(f"`forebear lineage leakage {found.ref} --near` says what cannot be compared.")
    else:
        tell(f"{found.near:,} are nearly copies of training rows")


def _show_near(near: NearCopies) -> None:
    """Each training split that holds near-copies, with pairs of them, and what was not compared."""
    table(
        ("Rows", "Tested on", "Trained on", "Step"),
        [_places(one) for one in near.overlaps],
        empty="No test row that was compared is nearly a copy of a training row",
    )
    pairs = [(f"{one.test.label} row {pair.test}", pair.test_shown) for one in near.overlaps for pair in one.examples]
    others = [
        (f"{one.train.label} row {pair.train}", pair.train_shown) for one in near.overlaps for pair in one.examples
    ]
    if pairs:
        both = [row for pair in zip(pairs, others, strict=True) for row in pair]
        table(("Row", "Begins with"), both, empty="There are no examples.", prose="Begins with")
        tell(
            f"{near.rows:,} of {near.compared:,} test rows that were compared are nearly copies of training rows: the "
            "results on them are too good"
        )
    for note in near.notes:
        hint(f"{note}.")


def _row(one: Overlap) -> tuple[str, ...]:
    return (*_places(one), ", ".join(f"row {pair.test} is row {pair.train}" for pair in one.examples))


def _places(one: Overlap | NearOverlap) -> tuple[str, ...]:
    return (
        f"{one.rows:,}",
        f"{one.test.label} {one.test_split or ''}".strip(),
        f"{one.train.label} {one.train_split or ''}".strip(),
        one.step,
    )
