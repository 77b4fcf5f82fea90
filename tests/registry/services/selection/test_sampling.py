"""The rows that models are scored on."""

from __future__ import annotations

import pytest

from registry.domain.names import Reference
from registry.domain.verbs.selection import Recommend
from registry.errors import InvalidError
from registry.services.context import Context
from registry.services.selection.verbs import Selection
from tests.fakes.plugins import FakePlugins
from tests.registry.services.selection.worlds import recommend


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
    with pytest.raises(InvalidError, match="has no labels"):
        Selection(context).recommend(Recommend(Reference.parse("datasets:/data/bare")))
    with pytest.raises(InvalidError, match="of one class"):
        recommend(context, "strong", split="odd")
    with pytest.raises(InvalidError, match="has no split 'dev'"):
        recommend(context, "strong", split="dev")
    with pytest.raises(InvalidError, match="10 to 10,000 rows"):
        recommend(context, "strong", rows=3)
