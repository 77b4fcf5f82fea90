"""How a selection report looks in a terminal."""

from __future__ import annotations

from collections import Counter
from collections.abc import Sequence
from pathlib import Path
from typing import TYPE_CHECKING

from registry.cli.printing import heading, hint, say, table, tell
from registry.presenting.formats import counted, number, size

if TYPE_CHECKING:
    from registry.domain.comparison.verdict import Interval
    from registry.domain.selection.report import RankedModel, SelectionReport


def write_recipes(report: SelectionReport, folder: Path) -> Sequence[Path]:
    """One file for each recipe in the new `folder`, the first of them for the first model. Raises: ConflictError."""
    from registry.files import whole_folder, write_whole

    files = [Path(f"{place}-{start.model.name.name}.yaml") for place, start in enumerate(report.starts, start=1)]
    with whole_folder(folder) as staged:
        for file, start in zip(files, report.starts, strict=True):
            write_whole(staged / file, start.recipe.encode())
    return [folder / file for file in files]


def show_selection(report: SelectionReport, *, everything: bool, written: Sequence[Path], recipe: bool = True) -> None:
    """The conclusion, the table, what was left out, and what to do next; with `recipe` that of the first."""
    from rich.text import Text

    from registry.domain.selection.report import UNITS

    tell(report.conclusion)
    unit = UNITS[report.labels].capitalize() if report.labels.value != "number" else UNITS[report.labels]
    priors = list(dict.fromkeys(name for one in report.ranked for name in one.priors))
    others = list(dict.fromkeys(name for one in report.ranked for name in one.shown if name != "probe"))
    rows: list[list[object]] = [
        [
            Text(str(place), style="dim" if one.flag else ""),
            one.ref.label,
            _measured(one.score),
            *(one.shown.get(name) for name in others),
            *(one.priors.get(name) for name in priors),
            "–" if one.similarity is None else one.similarity.brief,
            _parameters(one),
            size(one.size),
            "cached" if one.cached else f"{one.seconds:.1f}",
            one.licence,
            counted(len(one.owed), "clause") if one.owed else "–",
        ]
        for place, one in enumerate(report.ranked, start=1)
    ]
    if report.classical is not None:
        classical = report.classical
        blank: list[object] = [None] * len(others)
        score, seconds = _measured(classical.score), f"{classical.seconds:.1f}"
        rows.append(["", classical.features, score, *blank, *[None] * (len(priors) + 3), seconds, None, None])
    if everything:
        rows += [
            [
                "",
                Text(one.ref.label, style="dim"),
                Text(one.reason, style="dim"),
                *[None] * (len(others) + len(priors) + 6),
            ]
            for one in report.left_out
        ]
    heads = ["#", "Model", unit, *(f">{name}" for name in (*others, *priors)), "Learnt from", ">Parameters"]
    table(
        [*heads, ">Size", ">Seconds", "Licence", "Owed"],
        rows,
        empty="Nothing was scored.",
        drop=("Owed", "Licence", "Size", *others, *priors),
    )
    _after(report, everything=everything, written=written, recipe=recipe)


def _after(report: SelectionReport, *, everything: bool, written: Sequence[Path], recipe: bool) -> None:
    from rich.text import Text

    for one in report.ranked:
        if one.flag:
            tell(f"{one.ref.label} comes last: {one.flag}")
    for note in report.notes:
        tell(note)
    for one in report.ranked:
        if one.similarity is not None:
            hint(f"This data and {one.ref.label}: {one.similarity.sentence}.")
    if report.left_out and not everything:
        counted = Counter(one.code for one in report.left_out)
        hint(
            f"Left out: {len(report.left_out)} "
            f"({', '.join(f'{count} {code}' for code, count in sorted(counted.items()))}). --all shows why."
        )
    if recipe and report.starts:
        start = report.starts[0]
        heading(f"A recipe to start from {start.model.label}")
        say(Text(start.recipe.rstrip()))
    if written:
        hint(f"Next: forebear transfer run {written[0]}")
    hint(f"This ranking is kept as {report.id}.")


def _measured(score: Interval) -> str:
    return f"{score.value:.3f} [{score.low:.3f}, {score.high:.3f}]"


def _parameters(one: RankedModel) -> str:
    return f"{number(one.parameters / 1e6)} M"
