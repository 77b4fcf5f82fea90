"""How a drift report looks in a terminal."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path
from typing import TYPE_CHECKING

from registry.cli.printing import heading, hint, say, table, tell
from registry.errors import ConflictError

if TYPE_CHECKING:
    from registry.domain.comparison.verdict import Interval
    from registry.domain.drift.report import DriftReport, KeptReport


def write_recipe(found: KeptReport, path: Path) -> Path | None:
    """The proposed transfer as a new file; None where none is proposed. Raises: ConflictError."""
    from registry.files import write_whole

    if not found.report.recipe:
        return None
    if not write_whole(path, found.report.recipe.encode(), replace=False):
        raise ConflictError(f"{path} is there already", remedy="Name a new file")
    return path


def show_drift(found: KeptReport, *, written: Path | None) -> None:
    """The verdict, each test with its effect, how good the answers are, and what to run next."""
    report = found.report
    tell(report.conclusion)
    tell(f"Compared {report.now:,} rows of {report.data.label} with {report.before:,} rows: {report.reference}")
    rows: list[list[object]] = [
        [
            "moved" if one.moved else "",
            one.what,
            one.test,
            f"{one.unit} {one.effect:.3f}",
            one.detail,
            _p(one.p),
            _p(one.adjusted),
        ]
        for one in report.findings
    ]
    table(["", "What", "Test", "Effect", "Detail", ">p", ">p, Holm"], rows, empty="Nothing was tested.")
    _answers(report)
    for note in report.notes:
        tell(note)
    if report.recipe and written is None:
        heading("The proposed transfer")
        say(report.recipe)
    if written is not None:
        hint(f"Wrote the proposed transfer. Run it: forebear transfer run {written}")
    hint(f"Kept as evidence {found.id}. Effects count from D 0.1, AUC 0.6 and V 0.1; MMD² where the AUC does.")


def _answers(report: DriftReport) -> None:
    """How good the answers are, where the errors changed, and how often each class was the answer."""
    if report.performance is not None:
        one = report.performance
        tell(f"{one.unit.capitalize()}: {one.before:.3f} before, {one.now:.3f} now; worse by {_interval(one.drop)}")
    for stream in report.streams:
        if stream.row is not None:
            tell(f"{stream.test}: the errors changed about row {stream.row + 1} of the rows now")
    if report.estimate is not None:
        tell(f"Accuracy now, estimated without labels: {_interval(report.estimate)}")
    if report.shares:
        shares: list[list[object]] = [
            [one.name, f"{one.before:.1%}", f"{one.now:.1%}", "" if one.true is None else f"{one.true:.1%}"]
            for one in report.shares
        ]
        table(["Answer", ">Before", ">Now", ">Labels now, estimated"], shares, empty="")


def show_reports(found: Sequence[KeptReport]) -> None:
    """One line for each."""
    rows: list[list[object]] = [[one.at, one.report.data.label, one.report.conclusion, one.id] for one in found]
    table(["When", "Data", "Conclusion", "Evidence"], rows, empty="No drift check is on record.")


def _interval(one: Interval) -> str:
    return f"{one.value:.3f} [{one.low:.3f}, {one.high:.3f}]"


def _p(value: float) -> str:
    return "< 0.001" if value < 0.001 else f"{value:.3f}"
