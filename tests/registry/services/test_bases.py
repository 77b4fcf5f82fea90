"""What an adapter is loaded on, where the team of that is closed: it comes out of no verb for who may not read it."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path

import pytest

from registry.domain.names import Name, Reference
from registry.domain.people.teams import EVERYTHING, Level, Sight
from registry.domain.verbs.catalog import CopyVersion
from registry.domain.verbs.drift import CheckDrift
from registry.domain.verbs.selection import Recommend
from registry.errors import NotFoundError, PermissionDeniedError, RefusedError
from registry.services.context import Context
from registry.services.data.verbs import Datasets
from registry.services.registry import LocalRegistry
from registry.services.selection.candidates import candidates
from registry.services.transfers.verbs import Transfers
from tests.registry.services.artifacts.test_model_inputs import LORA, context, hand, on_top
from tests.registry.services.reviews import RECIPE

__all__ = ["context", "hand"]

MERGE = """\
schema: forebear/recipe/v1
output: text/whole
method: merge
source: models:/text/reviews/1
data: {test: {dataset: datasets:/data/reviews, split: test}}
"""
CLOSED = "This version is loaded on one of a closed team, whose files are not for you"


@pytest.mark.parametrize("level", [None, Level.READ])
def test_what_an_adapter_is_loaded_on_comes_out_of_no_verb_for_who_may_not_read_its_files(
    context: Context, tmp_path: Path, level: Level | None
) -> None:
    """Its team is closed; with the level read its members see it, and may not read its files either."""
    made = Transfers(context).submit(RECIPE).summary.id
    seen = LocalRegistry(context.as_actor(replace(context.actor, sight=Sight({"library": level}, "ana"))))
    data, further = Reference.parse("datasets:/data/reviews"), on_top("models:/text/reviews")
    for attempt in (
        lambda: seen.transfers.check(MERGE),
        lambda: seen.transfers.submit(MERGE),
        lambda: seen.transfers.submit(further),
        lambda: seen.transfers.measure_forgetting(made),
        lambda: seen.catalog.pull(LORA, tmp_path / "out"),
        lambda: seen.catalog.copy(CopyVersion(LORA, Name("text", "copy"))),
        lambda: seen.selection.recommend(Recommend(data, models=(LORA,))),
        lambda: seen.drift.check(CheckDrift(LORA, data)),
    ):
        with pytest.raises(RefusedError, match=CLOSED):
            attempt()
    ranked, left = candidates(seen.context, Datasets(context).version(data), Recommend(data))
    assert not ranked
    assert CLOSED in {one.reason for one in left}


def test_what_an_adapter_is_loaded_on_is_read_by_who_has_the_level_use(context: Context) -> None:
    Transfers(context).submit(RECIPE)
    for sight in (EVERYTHING, Sight({"library": Level.USE}, "ana")):
        seen = LocalRegistry(context.as_actor(replace(context.actor, sight=sight)))
        assert seen.transfers.check(on_top("models:/text/reviews")).output == Name("text", "further")


def test_a_recipe_that_comes_as_a_record_names_nothing_that_is_closed(context: Context) -> None:
    """A cascade submits such recipes with verbs that see everything."""
    for level, error in ((None, NotFoundError), (Level.READ, PermissionDeniedError)):
        inside = Transfers(context.as_actor(replace(context.actor, sight=Sight({"library": level}, "ana"))))
        with pytest.raises(error):
            inside.check(RECIPE)
