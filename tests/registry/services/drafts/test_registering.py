"""A draft becomes a version as an import does, and ends; what an import refuses is refused, and the draft stays."""

from __future__ import annotations

import io
from dataclasses import replace
from pathlib import Path

import pytest

from registry.domain.drafts.drafts import Commit, RegisterDraft
from registry.domain.names import Reference
from registry.errors import ConflictError, InvalidError, NotFoundError, PreconditionFailedError
from registry.services.catalog.verbs import Catalog
from registry.services.context import Context
from registry.services.drafts.verbs import Drafts
from tests.registry.services.drafts.stories import BERT, CARD, actions, model_sent, small

MODEL = "models:/library/bert"
NOWHERE = Reference.parse("models:/no/where/1")


@pytest.fixture
def drafts(context: Context) -> Drafts:
    found = Drafts(context)
    found.begin(BERT)
    return found


def test_a_draft_becomes_a_version_with_its_card_and_ends(drafts: Drafts, context: Context, tmp_path: Path) -> None:
    draft = model_sent(context, tmp_path / "sent")
    made = drafts.register(RegisterDraft(BERT, head=draft.head, alias="candidate", number=1))
    assert (str(made.summary.ref), made.summary.licence, made.model.origin) == (f"{MODEL}/1", "MIT", "upload")
    assert made.card is not None
    assert made.card.text == CARD
    assert [one.alias for one in Catalog(context).model(BERT).aliases] == ["candidate"]
    assert drafts.list() == []
    assert drafts.sent(BERT, [draft.files[2].sha256]) == {draft.files[2].sha256: 7}, "it is a file of the version"
    assert actions(context)[2:] == [
        ("model_version.imported", f"{MODEL}/1"),
        ("alias.moved", f"{MODEL}/1"),
        ("draft.registered", MODEL),
    ]


def test_a_draft_that_changes_the_card_alone_makes_a_revision_of_it(
    drafts: Drafts, context: Context, tmp_path: Path
) -> None:
    model_sent(context, tmp_path / "sent")
    first = drafts.register(RegisterDraft(BERT))
    files = [one.path for one in first.files if one.path != "README.md"]
    changed = CARD + "\nMore.\n"
    drafts.commit(BERT, Commit("card", None, small(tmp_path / "card", {"README.md": changed}), deleted=("README.md",)))
    again = drafts.register(RegisterDraft(BERT))
    assert again.card is not None
    assert again.card.text == changed
    assert [one.path for one in again.files if one.path != "README.md"] == files


def test_what_is_stale_empty_or_another_number_is_refused_and_the_draft_stays(
    drafts: Drafts, context: Context, tmp_path: Path
) -> None:
    with pytest.raises(InvalidError, match="has no files yet"):
        drafts.register(RegisterDraft(BERT))
    draft = model_sent(context, tmp_path / "sent")
    with pytest.raises(PreconditionFailedError, match="is at the commit"):
        drafts.register(RegisterDraft(BERT, head="0" * 40))
    with pytest.raises(ConflictError, match="is number 1, not 3"):
        drafts.register(RegisterDraft(BERT, number=3))
    with pytest.raises(NotFoundError, match=r"models:/no/where/1 does not exist"):
        drafts.register(RegisterDraft(BERT, parents=(NOWHERE,)))
    assert drafts.show(BERT).summary.created_at == draft.summary.created_at
    assert [action for action, _ in actions(context)] == ["draft.created", "draft.committed"]


def test_what_was_sent_while_the_version_was_made_stays_a_draft(
    drafts: Drafts, context: Context, tmp_path: Path
) -> None:
    model_sent(context, tmp_path / "sent")
    plugins = context.plugins

    class Meanwhile:
        def __getattr__(self, name: str) -> object:
            return getattr(plugins, name)

        def import_source(self, *given: object, **more: object) -> object:
            drafts.commit(BERT, Commit("late", None, small(tmp_path / "late", {"late.txt": "x"})))
            return plugins.import_source(*given, **more)  # type: ignore[arg-type]

    made = Drafts(replace(context, plugins=Meanwhile())).register(RegisterDraft(BERT))  # type: ignore[arg-type]
    assert "late.txt" not in [one.path for one in made.files]
    assert drafts.show(BERT).file("late.txt") is not None
    drafts.receive(io.BytesIO(b"more"))
