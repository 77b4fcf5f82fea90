"""How a plan of a cascade looks in a terminal."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path
from typing import TYPE_CHECKING

from registry.cli.printing import heading, hint, table, tell
from registry.presenting.formats import counted, duration

if TYPE_CHECKING:
    from registry.domain.cascade.plan import CascadePlan
    from registry.domain.cascade.run import CascadeResult, Compared


def write_recipes(found: CascadePlan, folder: Path) -> Sequence[Path]:
    """The recipes of the first generation in the new `folder`. Raises: ConflictError."""
    from registry.files import whole_folder, write_whole
    from registry.presenting.documents import as_yaml

    first = [one for one in found.planned if not one.waits_for]
    files = [Path(f"{one.old.name.team}-{one.old.name.name}-{one.old.number}.yaml") for one in first]
    with whole_folder(folder) as staged:
        for file, one in zip(files, first, strict=True):
            write_whole(staged / file, as_yaml(one.recipe).encode())
    return [folder / file for file in files]


def show_plan(found: CascadePlan, *, written: Sequence[Path]) -> None:
    """What would be made again in order, at what cost, and what is left out."""
    count = counted(len(found.planned), "version")
    tell(f"{count} would be made again from {found.parent.label} instead of {found.replaced.label}")
    rows: list[list[object]] = [
        [
            one.generation,
            str(one.old),
            one.recipe.get("method", ""),
            ", ".join([one.stage, *(f"@{alias}" for alias in one.aliases)]).strip(", "),
            one.owner,
            "unknown" if one.seconds is None else duration(one.seconds),
            ", ".join(other.label for other in one.waits_for),
        ]
        for one in found.planned
    ]
    table(
        [">Generation", "Made again", "Method", "In use", "Owner", ">Cost", "After"],
        rows,
        empty="Nothing is made again.",
    )
    if found.left_out:
        heading("Left out")
        table(["Version", "Why"], [[str(one.ref), one.reason] for one in found.left_out], empty="")
    unknown = f", and {counted(found.unknown, 'step')} of unknown cost" if found.unknown else ""
    tell(f"Estimated cost: {duration(found.seconds)} of one device, as recorded{unknown}")
    if written:
        hint(f"Wrote {counted(len(written), 'recipe')}. Run them: forebear transfer run {written[0].parent}/FILE")


def show_result(found: CascadeResult, *, recall: str = "") -> None:
    """What became of each version of the plan; after a `recall`, how to settle the tasks of those that were made."""
    rows: list[list[object]] = [
        [
            one.outcome.value.replace("_", " "),
            str(one.old),
            "" if one.new is None else str(one.new),
            "" if one.compared is None else _compared(one.compared),
            one.request,
        ]
        for one in found.remade
    ]
    table(["Outcome", "Old", "New", "On the same test rows", "Request"], rows, empty="Nothing was planned.")
    for one in found.remade:
        if one.note:
            tell(f"{one.old.label}: {one.note}")
    hint(f"The new versions have the tag cascade={found.id}.")
    for one in found.remade if recall else ():
        if one.new is not None and one.outcome.goes_on:
            hint(f"Settle its task: forebear recall dispose {recall} {one.old} retrain --with {one.new} -m 'WHY'")


def _compared(one: Compared) -> str:
    p = "" if one.p is None else f", p {one.p:.3g}"
    return f"{one.before:.3f} → {one.now:.3f}, {one.gain.value:+.3f} [{one.gain.low:+.3f}, {one.gain.high:+.3f}]{p}"
