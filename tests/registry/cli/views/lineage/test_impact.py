"""What `lineage impact` prints: counts of each group, the largest of many, and one version a line."""

from __future__ import annotations

import pytest

from registry.cli.views.lineage.impact import line_of, show_affected, show_summary
from registry.domain.catalog.models import Status
from registry.domain.governance.recalls import Effect
from registry.domain.verbs.impact import Affected, ImpactSummary
from tests.builders import model_ref

ONE = Affected(model_ref("a/b/2"), Effect.TAINTED, 1, "source", "a/b/1", "candidate", Status.ACTIVE, "ana")


def test_of_many_owners_the_largest_are_named_and_the_rest_is_counted(capsys: pytest.CaptureFixture[str]) -> None:
    owners = {f"owner-{i}": 1000 - i for i in range(12)}
    show_summary(ImpactSummary("a/b/1", 11_934, {"tainted": 11_934}, {}, {}, owners, {}, 3, 2), "models:/a/b/1")
    printed = capsys.readouterr()
    said = " ".join(printed.out.split())
    assert "11,934" in said
    assert "deleted 3" in said
    assert "in closed teams 2" in said
    assert "owner-9 991" in said
    assert "owner-10" not in said
    assert "2 others 1,979" in said
    assert "forebear lineage impact models:/a/b/1 --versions" in printed.err


def test_a_version_is_shown_with_the_one_before_or_the_whole_way(capsys: pytest.CaptureFixture[str]) -> None:
    show_affected([ONE])
    assert "a/b/1" in capsys.readouterr().out
    assert line_of(ONE) == "models:/a/b/2\ttainted\t1\tsource\tcandidate\tactive\tana\ta/b/1"
