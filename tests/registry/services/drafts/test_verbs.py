"""Drafts are listed, shown and discarded, and are collected when nobody changed them for the days of the setting."""

from __future__ import annotations

from datetime import timedelta
from pathlib import Path

import pytest

from registry.errors import InvalidError, NotFoundError
from registry.services.artifacts.verbs import Store
from registry.services.context import Context
from registry.services.drafts.verbs import Drafts
from tests.fakes.blobs import MemoryBlobs
from tests.fakes.clock import FakeClock
from tests.registry.services.drafts.stories import BERT, actions, large, model_sent


@pytest.fixture
def draft(context: Context, tmp_path: Path) -> str:
    Drafts(context).begin(BERT)
    return model_sent(context, tmp_path / "sent").head


def test_a_draft_is_listed_and_discarded(context: Context, draft: str) -> None:
    drafts = Drafts(context)
    (one,) = drafts.list()
    assert (one.name, one.head, one.files, one.changed_by) == (BERT, draft, 3, "ana")
    drafts.discard(BERT)
    assert drafts.list() == []
    with pytest.raises(NotFoundError, match="There is no draft of models:/library/bert"):
        drafts.discard(BERT)
    assert actions(context)[-1] == ("draft.discarded", "models:/library/bert")


def test_what_a_draft_needs_is_collected_when_its_days_are_over(
    context: Context, blobs: MemoryBlobs, clock: FakeClock, draft: str
) -> None:
    unnamed = large(Drafts(context), "later.bin", b"named by no draft")
    blobs.pass_time(10**6)
    collect = Store(context).collect
    assert collect(grace=timedelta(), delete=True).objects == 0
    clock.forward(days=15)
    assert collect(grace=timedelta(), delete=True).objects == 4
    assert (Drafts(context).list(), blobs.kept) == ([], {})
    assert Drafts(context).sent(BERT, [unnamed.sha256]) == {}
    assert ("draft.expired", "models:/library/bert") in actions(context)


def test_a_card_without_a_license_is_noted_and_one_that_is_no_yaml_refused(context: Context) -> None:
    drafts = Drafts(context)
    assert drafts.check_card("---\nlicense: mit\n---\n") == []
    assert "names no license" in drafts.check_card("# A card\n")[0]
    with pytest.raises(InvalidError, match="front matter is not YAML"):
        drafts.check_card("---\na: [\n---\n")
