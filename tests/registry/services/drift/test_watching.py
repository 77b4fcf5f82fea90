"""A dataset that grows is checked window by window, each once."""

from __future__ import annotations

from pathlib import Path

import pytest

from registry.domain.drift.report import KeptReport
from registry.domain.names import Reference
from registry.errors import BadReferenceError
from registry.services.context import Context
from registry.services.drift.verbs import Drift
from tests.registry.services.drift.checks import MODEL, data
from tests.registry.services.drift.conftest import table
from tests.registry.services.selection.worlds import add_data


def watched(context: Context, said: list[str]) -> KeptReport | None:
    return Drift(context).watch(MODEL, data("growing"), said.append)


def test_each_window_is_the_rows_that_stand_in_no_version_that_was_checked(context: Context, tmp_path: Path) -> None:
    first, more = table("growing", 200), table("later", 60, 15).partition("\n")[2].splitlines(keepends=True)
    said: list[str] = []
    add_data(context, tmp_path, first, "growing")
    start = watched(context, said)
    assert start is not None
    assert (start.report.now, start.report.verdict) == (200, "no_drift")
    assert watched(context, said) is None
    assert said[-1] == "data/growing/1 was checked already"
    add_data(context, tmp_path, first + "".join(more[:20]), "growing")
    assert watched(context, said) is None
    assert said[-1] == "20 rows of data/growing/2 are new, and 50 are needed: they wait for the next version"
    add_data(context, tmp_path, first + "".join(more), "growing")
    window = watched(context, said)
    assert window is not None
    assert (window.report.now, window.report.verdict) == (60, "drift")
    assert "200 rows that stand in data/growing/1 were left out" in window.report.notes


def test_one_version_never_grows(context: Context) -> None:
    with pytest.raises(BadReferenceError, match="is one version, which never grows"):
        Drift(context).watch(MODEL, Reference.parse("datasets:/data/present/1"))
