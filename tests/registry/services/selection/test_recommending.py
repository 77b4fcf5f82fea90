"""`forebear recommend`: the order, and the conclusion in one sentence."""

from __future__ import annotations

from dataclasses import replace

import pytest

from registry.domain.data.datasets import LabelKind
from registry.domain.names import Reference
from registry.domain.recipes.recipe import Method
from registry.domain.verbs.selection import Recommend
from registry.errors import AdapterError, NotFoundError
from registry.ports.scoring import Scorer
from registry.services.context import Context
from registry.services.selection.verbs import Selection
from tests.fakes.plugins import FakePlugins
from tests.registry.services.selection.worlds import order, recommend


def test_the_model_whose_features_follow_the_labels_comes_first(context: Context) -> None:
    report = recommend(context, "weak", "strong")
    assert order(report) == ["strong", "weak"]
    assert report.conclusion.startswith("Start from library/strong/1: accuracy ")
    assert (report.rows, report.scored) == (90, 90)
    first, second = report.ranked
    assert first.score.low <= first.score.value <= first.score.high
    assert second.behind is not None
    assert second.behind.low > 0
    assert set(second.scores) == {"probe", "neighbours", "logme", "h_score"}


def test_models_that_the_rows_do_not_tell_apart_are_no_clear_winner(context: Context) -> None:
    report = recommend(context, "strong", "fair")
    assert report.conclusion.startswith("No clear winner among these 2: ")


def test_a_classical_model_that_does_as_well_is_the_answer(context: Context) -> None:
    report = recommend(context, "weak")  # the baseline sees lengths: it answers the commonest class, as this model does
    assert "a transfer may not be worth its cost" in report.conclusion


def test_models_are_ranked_for_words_that_have_tags_and_a_word_that_was_cut_off_is_wrong(context: Context) -> None:
    wanted = [Reference.parse(f"models:/library/{name}") for name in ("weak", "strong")]
    data = Reference.parse("datasets:/data/tagged")
    report = Selection(context).recommend(Recommend(data, models=tuple(wanted)))
    assert order(report) == ["strong", "weak"]
    assert (report.labels, report.rows, report.scored) == (LabelKind.TAGS, 40, 40)
    first = report.ranked[0].score
    assert first.value == pytest.approx(report.ranked[0].scores["probe"])
    assert 0.8 < first.value <= 198 / 200, "two of 200 words have no features"
    start = report.starts[0]
    assert (start.method, "freeze: backbone" in start.recipe) == (Method.FINE_TUNING, True)


def test_where_no_model_can_be_scored_the_error_says_what_each_lacks_and_nothing_is_left(context: Context) -> None:
    before = Selection(context).reports()
    with pytest.raises(NotFoundError, match=r"library/broken/1: The features hold values that are not finite"):
        recommend(context, "broken")
    assert Selection(context).reports() == before
    assert not list((context.home / "work").iterdir())


def test_where_no_scorer_is_installed_that_is_said_before_anything_is_read(context: Context) -> None:
    class Bare(FakePlugins):
        def scorers(self) -> dict[str, Scorer]:
            return {}

    with pytest.raises(AdapterError, match="No scorer of models is installed"):
        recommend(replace(context, plugins=Bare()), "strong")
