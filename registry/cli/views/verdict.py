"""How the verdict on a transfer looks in a terminal: every arm beside the transfer, with its interval."""

from __future__ import annotations

import shutil
from pathlib import Path
from typing import TYPE_CHECKING, BinaryIO

from registry.cli.printing import table, tell
from registry.domain.comparison.looks import said
from registry.errors import ConflictError
from registry.folders import error_of_disk

if TYPE_CHECKING:
    from registry.domain.comparison.verdict import Gap, Interval, TransferVerdict


def show_verdict(verdict: TransferVerdict) -> None:
    """The outcome with its reasons, one line for each question, each arm and each slice."""
    tell(verdict.sentence)
    if verdict.facets:
        asked = [(one.name.question, one.answer, _effect(one.effect)) for one in verdict.facets]
        table(("Question", "Answer", f">Effect on {verdict.metric}"), asked, empty="")
    if counted := said(verdict.looks):
        tell(counted)
    if verdict.groups is not None:
        tell(f"The {verdict.items} test items are in {verdict.groups} groups, which were compared as wholes.")
    if verdict.published is not None:
        tell(f"The published model is the one of seed {verdict.published}.")
    gaps = {gap.arm: gap for gap in verdict.gaps}
    rows = [
        (
            f"{score.arm} (invalid)" if score.arm in verdict.invalid else score.arm,
            _interval(score.mean),
            len(score.seeds),
            *_against(gaps.get(score.arm)),
        )
        for score in verdict.scores
    ]
    metric, level = verdict.metric, f"{100 * verdict.level:.4g}%"
    better = "gain of the transfer" if verdict.higher_is_better else "gain of the transfer (less error)"
    table(("Arm", f">{metric} [{level}]", ">Seeds", f">{better} [{level}]", ">Items", ">p"), rows, empty="")
    parts = [
        (
            part.name,
            part.items,
            f"{part.transfer:.4f}",
            f"{part.scratch:.4f}",
            f"{part.gain:+.4f}",
            f"{part.p_holm:.2g}",
            _flag(part.worse),
        )
        for part in verdict.slices
    ]
    heads = (
        "Slice",
        ">Items",
        f">Transfer {verdict.slice_metric}",
        ">From scratch",
        ">Gain",
        ">p-value of worse (Holm)",
        "",
    )
    table(heads, parts, empty="There are no slices.")


def write_answers(stream: BinaryIO, file: Path) -> None:
    """Copy the answers into a new file. Raises: ConflictError when it is there, NoSpaceError, UnavailableError."""
    try:
        with file.open("xb") as out:
            shutil.copyfileobj(stream, out)
    except FileExistsError as error:
        raise ConflictError(f"{file} is there already", remedy="Name a new file") from error
    except OSError as error:
        raise error_of_disk(error, f"{file} could not be written") from error


def _against(gap: Gap | None) -> tuple[str, str, str]:
    """The gain, on how many items the two differ and which way, and the two-sided p; nothing of the transfer itself."""
    if gap is None:
        return "", "", ""
    p = min(1.0, 2 * min(gap.p_better, gap.p_worse))
    if gap.flips is None:
        return _interval(gap.gain, sign="+"), "", f"{p:.2g}"
    return _interval(gap.gain, sign="+"), f"+{gap.flips.better} -{gap.flips.worse}", f"{gap.flips.p:.2g}"


def _interval(found: Interval, sign: str = "") -> str:
    return f"{found.value:{sign}.4f} [{found.low:{sign}.4f}, {found.high:{sign}.4f}]"


def _effect(found: Interval) -> str:
    return _interval(found, sign="+") if found.low < found.high else f"{found.value:+.4f}"


def _flag(worse: bool) -> str:
    return "worse" if worse else ""
