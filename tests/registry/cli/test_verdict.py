"""A verdict in a terminal: the outcome with its reasons, then one line for each question, arm and for each slice."""

from __future__ import annotations

import re

import pytest

from registry.cli.views.verdict import show_verdict
from tests.verdicts import a_verdict, no_verdict


def test_a_verdict_is_a_sentence_and_three_tables(
    capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("COLUMNS", "160")
    show_verdict(a_verdict())
    lines = [re.sub(r"\s+", " ", line).strip() for line in capsys.readouterr().out.splitlines()]
    assert lines[0].startswith(
        "The transfer is inconclusive: worse than from scratch on class dog: 0.250 against 1.000"
    )
    assert any(line.startswith("Benefit over scratch shown +0.1875 [+0.0") for line in lines)
    assert any(line.startswith("Detectable effect open +0.") for line in lines)
    assert any(line.startswith("transfer 0.8125 [0.7") for line in lines)
    assert any(
        re.match(r"scratch 0\.6250 \[0\.5\d+, 0\.7\d+\] 3 \+0\.1875 \[\+0\.0\d+, \+0\.3\d+\] \+30 -15", line)
        for line in lines
    )
    assert "class dog 20 0.2500 1.0000 -0.7500 0.0002 worse" in lines


def test_where_there_is_no_verdict_the_reason_comes_first_and_the_arm_is_marked(
    capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("COLUMNS", "160")
    show_verdict(no_verdict())
    lines = [re.sub(r"\s+", " ", line).strip() for line in capsys.readouterr().out.splitlines()]
    assert lines[0] == "No verdict: the from-scratch baseline is invalid: it gives every row the same answer."
    assert any(line.startswith("scratch (invalid) 0.3750") for line in lines)
