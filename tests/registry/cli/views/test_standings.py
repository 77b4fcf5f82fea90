"""A ranking under way in a terminal."""

from __future__ import annotations

import io

import pytest
from rich.console import Console

from registry.cli.views.standings import LiveRanking, drawn
from registry.domain.comparison.verdict import Interval
from registry.domain.data.datasets import LabelKind
from registry.domain.selection.report import LeftOut
from registry.domain.selection.standings import Standing, Standings
from tests.builders import model_ref


def standings(scored: int, waiting: int) -> Standings:
    score = Interval(0.9, 0.85, 0.94)
    return Standings(
        LabelKind.CLASS,
        tuple(Standing(model_ref(f"a/done{n}/1"), "MIT", score, 1.0, cached=False, flag="") for n in range(scored)),
        tuple(model_ref(f"a/wait{n}/1") for n in range(waiting)),
        (LeftOut(model_ref("a/odd/1"), "invalid", "it is odd"),),
    )


def shown(found: Standings) -> list[str]:
    file = io.StringIO()
    Console(file=file, width=80).print(drawn(found))
    return file.getvalue().splitlines()


def test_those_that_were_scored_stand_first_then_the_one_that_is_read_and_those_that_wait() -> None:
    lines = shown(standings(2, 2))
    assert lines[0].strip() == "3 of 5 models scored so far"
    assert [line.split()[:2] for line in lines[2:4]] == [["1", "a/done0/1"], ["2", "a/done1/1"]]
    assert "0.900 [0.850, 0.940]" in lines[2]
    assert [line.split() for line in lines[4:]] == [
        ["a/wait0/1", "reads", "your", "rows"],
        ["a/wait1/1"],
        ["a/odd/1", "left", "out"],
    ]


def test_a_long_ranking_fits_a_terminal() -> None:
    lines = shown(standings(40, 20))
    assert len(lines) == 15
    assert lines[-1].strip() == "and 49 more"


def test_where_there_is_no_terminal_each_event_is_a_line_and_in_json_nothing_is_said(
    capsys: pytest.CaptureFixture[str],
) -> None:
    for quiet in (False, True):
        with LiveRanking(quiet=quiet) as live:
            live.show(standings(1, 0))
            live.tell("Scored a/done0/1")
    found = capsys.readouterr()
    assert found.out == ""
    assert found.err == "Scored a/done0/1\n"
