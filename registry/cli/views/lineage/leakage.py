"""How the test rows that stood in training data look in a terminal."""

from __future__ import annotations

from typing import TYPE_CHECKING

from registry.cli.printing import hint, table, tell

if TYPE_CHECKING:
    from registry.domain.verbs.lineage import Leakage, Overlap


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
    tell(f"Steps measured on these test rows so far: {found.looks}")
    for one in found.unread:
        hint(f"Not compared: {one}.")
    if not found.complete:
        hint("The ancestry is larger than what was read: there may be more.")


def _row(one: Overlap) -> tuple[str, ...]:
    pairs = ", ".join(f"row {pair.test} is row {pair.train}" for pair in one.examples)
    return (
        f"{one.rows:,}",
        f"{one.test.label} {one.test_split or ''}".strip(),
        f"{one.train.label} {one.train_split or ''}".strip(),
        one.step,
        pairs,
    )
