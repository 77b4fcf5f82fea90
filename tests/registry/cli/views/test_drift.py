"""A drift report in a terminal: the verdict first, then each test with its effect."""

from __future__ import annotations

import re

import pytest

from registry.cli.views.drift import show_drift, show_reports
from registry.domain.drift.report import KeptReport
from tests.builders import NOW
from tests.registry.web.test_drift import report


def test_a_report_is_a_sentence_a_table_and_the_transfer_to_run(
    capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("COLUMNS", "160")
    kept = KeptReport("ev-1", report(), NOW)
    show_drift(kept, written=None)
    lines = [re.sub(r"\s+", " ", line).strip() for line in capsys.readouterr().out.splitlines()]
    assert lines[0] == "Drift in vision/digits/1 for vision/digits/2: features moved (D 0.40)."
    assert "moved features Kolmogorov-Smirnov, Holm D 0.400 < 0.001 < 0.001" in lines
    assert "Accuracy: 0.900 before, 0.700 now; worse by 0.200 [0.100, 0.300]." in lines
    assert "ADWIN: the errors changed about row 12 of the rows now." in lines
    assert "schema: <b>" in lines
    show_reports([kept])
    assert "vision/digits/1" in capsys.readouterr().out
