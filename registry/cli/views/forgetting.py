"""How the terminal shows what a version forgot: a line for each test set of the models above it."""

from __future__ import annotations

from typing import TYPE_CHECKING

from registry.cli.printing import table, tell

if TYPE_CHECKING:
    from registry.domain.comparison.forgetting import Forgetting, Forgotten


def show_forgetting(found: Forgetting) -> None:
    """Each test set with what was lost on it and the interval, or why it was not measured."""
    if not found.sets:
        tell(
            f"No measurement is on record of what {found.version} lost on the test data of the models above it. A step "
            f"that measures it does so right after it has succeeded (forebear transfer logs {found.step}); "
            f"to measure it now: forebear transfer forgetting {found.version} --measure"
        )
        return
    heads = ("Model above", "Test data", "Asked by", ">Before", ">After", ">Lost [95 %]", ">Rows")
    table(heads, [_line(one) for one in found.sets], empty="")
    for one in found.sets:
        if one.reason:
            tell(f"{one.data_label} {one.split}: {one.reason}")


def _line(one: Forgotten) -> tuple[str, ...]:
    place = f"{one.data_label} {one.split}"
    if one.lost is None or one.way is None:
        return one.parent, place, "not measured", "", "", "", ""
    lost = f"{one.lost.value:+.4f} [{one.lost.low:+.4f}, {one.lost.high:+.4f}]"
    scores = (f"{one.metric} {one.before:.4f}", f"{one.after:.4f}")
    return one.parent, place, one.way.phrase, *scores, lost, f"{one.rows:,}"
