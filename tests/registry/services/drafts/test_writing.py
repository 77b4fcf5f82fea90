"""Drafts are begun and changed; each commit is one entry of the audit log, and nobody names what another has sent."""

from __future__ import annotations

import io
from dataclasses import replace
from pathlib import Path

import pytest

from lineage import Digest
from registry.domain.drafts.drafts import Commit
from registry.domain.manifests import FileEntry
from registry.domain.names import Name
from registry.domain.people.people import Actor
from registry.domain.verbs.catalog import ImportModel
from registry.errors import (
    ConflictError,
    IntegrityError,
    InvalidError,
    NotFoundError,
    PermissionDeniedError,
    PreconditionFailedError,
    RefusedError,
    TooLargeError,
    UnsafeArtifactError,
)
from registry.services.catalog.verbs import Catalog
from registry.services.context import Context
from registry.services.drafts.verbs import Drafts
from tests.adapters.dvc.worlds import draw
from tests.fakes.blobs import MemoryBlobs
from tests.registry.services.drafts.stories import BERT, actions, large, small


def test_a_draft_is_begun_and_each_commit_is_one_entry(context: Context, tmp_path: Path) -> None:
    drafts = Drafts(context)
    begun = drafts.begin(BERT)
    assert (begun.files, begun.summary.created_by) == ((), "ana")
    first = drafts.commit(BERT, Commit("a", begun.head, small(tmp_path / "a", {"a/b.txt": "b"})))
    second = drafts.commit(BERT, Commit("b", first.head, {}, (large(drafts, "w.bin", b"w"),)))
    assert [one.path for one in second.files] == ["a/b.txt", "w.bin"]
    assert drafts.show(BERT) == second
    third = drafts.commit(BERT, Commit("c", None, deleted=("w.bin", "none"), emptied=("a",)))
    assert third.files == ()
    assert len({one.head for one in (begun, first, second, third)}) == 4
    assert actions(context) == [("draft.created", "models:/library/bert")] + 3 * [
        ("draft.committed", "models:/library/bert")
    ]


def test_a_commit_that_changes_nothing_writes_nothing(context: Context, tmp_path: Path) -> None:
    drafts = Drafts(context)
    drafts.begin(BERT)
    written = small(tmp_path / "a", {"a.txt": "a"})
    before = drafts.commit(BERT, Commit("a", None, written))
    assert drafts.commit(BERT, Commit("again", before.head, written)) == before
    assert len(actions(context)) == 2


def test_a_stale_parent_is_refused_and_nothing_is_changed(context: Context, tmp_path: Path) -> None:
    drafts = Drafts(context)
    begun = drafts.begin(BERT)
    moved = drafts.commit(BERT, Commit("a", begun.head, small(tmp_path / "a", {"a.txt": "a"})))
    with pytest.raises(PreconditionFailedError, match=f"is at the commit {moved.head}"):
        drafts.commit(BERT, Commit("b", begun.head, small(tmp_path / "b", {"b.txt": "b"})))
    assert drafts.show(BERT) == moved


def test_a_draft_of_a_model_begins_with_the_files_and_the_card_of_its_newest_version(
    context: Context, tmp_path: Path
) -> None:
    source = draw(tmp_path / "bert", {"config.json": "{}", "model.safetensors": "weights"})
    version = Catalog(context).import_model(ImportModel(BERT, str(source)))
    draft = Drafts(context).commit(BERT, Commit("one file", None, small(tmp_path / "a", {"extra.txt": "x"})))
    assert [one.path for one in draft.files] == ["README.md", "config.json", "extra.txt", "model.safetensors"]
    assert version.card is not None
    assert Drafts(context).card(BERT) == version.card.text
    with pytest.raises(ConflictError, match="There is a draft"):
        Drafts(context).begin(BERT)


def test_bytes_that_somebody_else_sent_cannot_be_named(context: Context) -> None:
    mine = large(Drafts(context), "w.bin", b"secret weights")
    eve = Drafts(replace(context, actor=Actor("eve", frozenset({"developer"}))))
    eve.begin(BERT)
    assert eve.sent(BERT, [mine.sha256]) == {}
    with pytest.raises(InvalidError, match="were not uploaded by eve"):
        eve.commit(BERT, Commit("mine", None, {}, (mine,)))
    assert Drafts(context).sent(BERT, [mine.sha256]) == {mine.sha256: mine.size}
    with pytest.raises(InvalidError, match=r"has 14 bytes, not 15"):
        Drafts(context).commit(BERT, Commit("mine", None, {}, (FileEntry("w.bin", 15, mine.sha256),)))


def test_other_bytes_than_were_announced_are_not_kept(context: Context) -> None:
    announced = Digest.of(b"right")
    with pytest.raises(IntegrityError):
        Drafts(context).receive(io.BytesIO(b"wrong"), expected=announced)
    assert Drafts(context).sent(BERT, [announced]) == {}


def test_a_person_has_so_many_drafts_and_bytes_and_no_more(
    context: Context, blobs: MemoryBlobs, tmp_path: Path
) -> None:
    limited = replace(context, settings=replace(context.settings, drafts=1, draft_bytes=10))
    drafts = Drafts(limited)
    drafts.begin(BERT)
    with pytest.raises(RefusedError, match="has 1 drafts"):
        drafts.begin(Name("library", "other"))
    large(drafts, "w.bin", b"12345678")
    large(drafts, "w.bin", b"12345678")
    with pytest.raises(TooLargeError, match="more than 10 bytes"):
        large(drafts, "v.bin", b"abc")
    with pytest.raises(TooLargeError):
        drafts.check_room(3)
    with pytest.raises(TooLargeError):
        drafts.commit(BERT, Commit("a", None, small(tmp_path / "a", {"a.txt": "abc"})))
    assert Digest.of(b"abc") not in blobs.kept, "what is refused is not stored"


def test_what_nobody_can_commit_to_is_refused(context: Context, tmp_path: Path) -> None:
    drafts, written = Drafts(context), small(tmp_path / "a", {"a.txt": "a"})
    with pytest.raises(NotFoundError, match="There is no model library/bert"):
        drafts.commit(BERT, Commit("a", None, written))
    drafts.begin(BERT)
    drafts.begin(Name("library", "b_ert"))
    with pytest.raises(ConflictError, match="- counts as _"):
        drafts.begin(Name("library", "b-ert"))
    with pytest.raises(InvalidError, match="a file and a folder"):
        drafts.commit(BERT, Commit("a", None, {"a": written["a.txt"], "a/b": written["a.txt"]}))
    with pytest.raises(UnsafeArtifactError):
        Commit("a", None, {"data.dvc": written["a.txt"]})
    with pytest.raises(InvalidError, match="clean relative path"):
        Commit("a", None, {"../a": written["a.txt"]})


def test_who_may_only_read_sees_no_draft(context: Context) -> None:
    Drafts(context).begin(BERT)
    viewer = Drafts(replace(context, actor=Actor("vic", frozenset({"viewer"}))))
    for call in (viewer.list, lambda: viewer.show(BERT), lambda: viewer.begin(BERT), lambda: viewer.discard(BERT)):
        with pytest.raises(PermissionDeniedError):
            call()
    with pytest.raises(PermissionDeniedError):
        viewer.receive(io.BytesIO(b"x"))
