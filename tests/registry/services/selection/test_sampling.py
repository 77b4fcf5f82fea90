"""The rows that models are scored on."""

from __future__ import annotations

from pathlib import Path

import pytest

from registry.domain.names import Reference
from registry.domain.verbs.selection import Recommend
from registry.errors import InvalidError
from registry.services.context import Context
from registry.services.selection.verbs import Selection
from tests.fakes.plugins import FakePlugins
from tests.registry.services.selection.worlds import add_data, recommend


def test_a_cap_draws_evenly_over_the_classes_and_says_what_it_costs(context: Context) -> None:
    report = recommend(context, "strong", rows=30)
    assert report.scored == 30
    assert any("Scored on 30 of 90 rows" in note and "1.7 times as wide" in note for note in report.notes)
    plugins = context.plugins
    assert isinstance(plugins, FakePlugins)
    read = plugins.fake_adapter.jobs[-1].data["train"]
    assert sum(row.label == "bad" for row in read.rows) == 10
    assert read.digest != report.data  # features of a part are never taken for those of all rows
    recommend(context, "strong")
    assert plugins.fake_adapter.jobs[-1].data["train"].digest == report.data


def test_data_that_cannot_be_scored_is_refused(context: Context) -> None:
    with pytest.raises(InvalidError, match="has no labels") as refused:
        Selection(context).recommend(Recommend(Reference.parse("datasets:/data/bare")))
    assert "forebear dataset compare needs no labels" in (refused.value.remedy or "")
    with pytest.raises(InvalidError, match="of one class"):
        recommend(context, "strong", split="odd")
    with pytest.raises(InvalidError, match="has no split 'dev'"):
        recommend(context, "strong", split="dev")
    with pytest.raises(InvalidError, match="10 to 10,000 rows"):
        recommend(context, "strong", rows=3)


def test_a_class_with_a_single_row_can_be_scored(context: Context, tmp_path: Path) -> None:
    rows = "".join(f"single {n} {'zz' if n % 2 else 'aa'},{'good' if n % 2 else 'bad'},train\n" for n in range(30))
    add_data(context, tmp_path, "text,label,split\n" + rows + "the only one,rare,train\n", "single")
    wanted = Recommend(Reference.parse("datasets:/data/single"), models=(Reference.parse("models:/library/strong"),))
    report = Selection(context).recommend(wanted)
    assert report.ranked[0].score.value > 0.5
