"""What is scored, by which scorers."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import replace

import pytest

from adapters.selection.scorer import StandardScorer
from registry.errors import NotFoundError
from registry.ports.scoring import Scorer
from registry.services.context import Context
from tests.fakes.plugins import FakePlugins
from tests.registry.services.selection.worlds import recommend


def test_two_scorers_that_give_one_score_are_refused(context: Context) -> None:
    class Doubled(FakePlugins):
        def scorers(self) -> Mapping[str, Scorer]:
            return {"one": StandardScorer(), "two": StandardScorer()}

    assert isinstance(context.plugins, FakePlugins)
    doubled = replace(context, plugins=Doubled(fake_adapter=context.plugins.fake_adapter))
    with pytest.raises(NotFoundError, match="which another scorer gives too"):
        recommend(doubled, "strong")
