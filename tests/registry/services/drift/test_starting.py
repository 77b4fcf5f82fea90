"""What to transfer from again after a drift."""

from __future__ import annotations

import pytest

from registry.domain.names import Reference
from registry.services.context import Context
from registry.services.recipes.recipes import read_recipe
from registry.services.selection.verbs import Selection
from tests.registry.services.drift.checks import checked
from tests.registry.services.drift.conftest import Lengths


def test_a_transfer_starts_from_the_parent_where_a_ranking_on_the_new_rows_puts_it_above_the_version(
    context: Context, adapter: Lengths, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(adapter, "worn", True)
    found = checked(context, "grown")
    assert [str(one.model) for one in read_recipe(found.recipe).given()] == ["models:/library/strong/1"]
    reason = next(note for note in found.notes if note.startswith("The transfer starts from"))
    assert reason.startswith("The transfer starts from library/strong/1, its parent")
    assert f"# {reason}." in found.recipe
    kept = Selection(context).reports(Reference.parse("datasets:/data/grown"))[0]
    assert kept.id in reason
    assert kept.ranked[0].ref.label == "library/strong/1"


def test_a_version_that_cannot_be_ranked_against_its_parent_stays_the_start(
    context: Context, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(type(context.plugins), "scorers", lambda _: {})
    found = checked(context, "grown")
    assert [str(one.model) for one in read_recipe(found.recipe).given()] == ["models:/text/lengths/1"]
    assert any("was not ranked against its parent (No scorer of models is installed)" in note for note in found.notes)
