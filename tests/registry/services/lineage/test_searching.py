"""A filter of a family: what matches, the ways to it, and how much of the family was searched."""

from __future__ import annotations

from dataclasses import replace
from typing import Any

import pytest

from lineage import Assurance, Graph
from registry.domain.catalog.licences import LicenceClass
from registry.domain.people.teams import Sight
from registry.domain.recipes.recipe import Method
from registry.domain.verbs.lineage import Matches, Only, Reach
from registry.errors import UsageError
from registry.services.lineage import searching
from registry.services.lineage.verbs import Lineage
from tests.builders import add_version, model_ref
from tests.registry.services.lineage.test_neighbourhood import BASE, lineage, models

__all__ = ["lineage"]


def found(lineage: Lineage, *, limit: int = 120, up: int = 0, **only: Any) -> tuple[list[str], Matches]:
    """The models that a filter draws, without the focus, and what it says of them."""
    shown = lineage.near(BASE, Reach(up=up, down=30, limit=limit), only=Only(**only))
    Graph(shown.nodes, shown.edges)
    assert shown.matches is not None
    assert not shown.rest
    return models(shown)[1:], shown.matches


def test_a_filter_finds_what_matches_beyond_what_does_not_and_shows_the_way(lineage: Lineage) -> None:
    with lineage.context.open_uow(actor="ana", write=True) as uow:
        child = model_ref("vision/leaf/1")
        for _ in range(2):
            child = add_version(uow, "vision/deep", parents=[child], stage="production", licence="CC-BY-NC-4.0")
        uow.commit_unaudited()
    shown, matches = found(lineage, stage="production")
    assert shown == ["vision/deep/1", "vision/leaf/1", "vision/tuned-0/1", "vision/deep/2"]
    assert (matches.count, matches.complete, len(matches.drawn)) == (2, True, 2)
    assert found(lineage, licence=LicenceClass.NON_COMMERCIAL)[1].count == 2
    assert found(lineage, method=Method.MERGE)[1].count == 3
    assert found(lineage, method=Method.MERGE, stage="production") == ([], Matches((), 0, complete=True))


def test_a_filter_draws_no_more_than_the_limit_and_counts_all(lineage: Lineage) -> None:
    shown, matches = found(lineage, limit=9, method=Method.FINE_TUNING)
    assert shown == [f"vision/tuned-{i}/1" for i in range(4)]
    assert matches.count == 31


def test_a_filter_that_was_put_to_the_nearest_alone_says_so(lineage: Lineage, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(searching, "MOST_SEARCHED", 20)
    assert not found(lineage, method=Method.MERGE)[1].complete


def test_an_assurance_is_that_of_an_input_and_ancestors_are_searched_too(lineage: Lineage) -> None:
    assert found(lineage, assurance=Assurance.VERIFIED)[1].count == 0
    assert found(lineage, assurance=Assurance.OBSERVED)[1].count == 34
    shown = lineage.near("models:/vision/leaf/1", Reach(up=30, down=0), only=Only(method=Method.IMPORT))
    assert [node.label for node in shown.nodes if shown.matches and node.id in shown.matches.drawn] == ["data/rows/1"]


def test_a_filter_and_a_group_are_not_asked_for_at_once(lineage: Lineage) -> None:
    with pytest.raises(UsageError, match="all groups"):
        lineage.near(BASE, Reach(up=0, down=1, group="merge"), only=Only(stage="production"))


def test_what_a_closed_team_hides_matches_no_filter_and_the_way_to_others_leads_through_it(lineage: Lineage) -> None:
    with lineage.context.open_uow(actor="ana", write=True) as uow:
        secret = add_version(
            uow, "lab/secret", parents=[model_ref("library/base/1")], stage="production", licence="MIT"
        )
        add_version(uow, "vision/after", parents=[secret], stage="production", licence="MIT")
        uow.commit_unaudited()
    actor = replace(lineage.context.actor, sight=Sight({"lab": None}, "ana"))
    outside = replace(lineage, context=replace(lineage.context, actor=actor))
    assert found(lineage, stage="production")[1].count == 2
    shown, matches = found(outside, stage="production")
    assert (sorted(shown), matches.count) == (["lab/secret/1", "vision/after/1"], 1), (
        "the guard covers names on the way"
    )
    assert len(matches.drawn) == 1
