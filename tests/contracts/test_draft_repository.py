"""Drafts, what was sent for them, and where chunks lie, on either database."""

from __future__ import annotations

from dataclasses import replace
from datetime import timedelta

from registry.domain.drafts.drafts import Draft, DraftSummary
from registry.domain.drafts.xet.places import Place
from registry.domain.manifests import FileEntry
from registry.domain.names import Name
from registry.storage.unit_of_work import SqlUnitOfWorkFactory
from tests.builders import NOW, digest

BERT = Name("library", "b-ert")
FILES = (FileEntry("a/b.txt", 3, digest("1")), FileEntry("w.bin", 2**40, digest("2")))
DRAFT = Draft(DraftSummary(BERT, "0" * 40, 2, 2**40 + 3, NOW, "ana", NOW, "ben", NOW + timedelta(days=1)), FILES)
EMPTY = Draft(replace(DRAFT.summary, name=Name("library", "other"), files=0, size=0), ())
XORB = "a" * 64
PLACES = (Place(XORB, 0, digest("3"), 0, (1, 2)), Place(XORB, 1, digest("4"), 9, (2, 131072)))


def test_a_draft_is_kept_replaced_and_removed(open_uow: SqlUnitOfWorkFactory) -> None:
    with open_uow(actor="ana", write=True) as uow:
        uow.drafts.save(DRAFT)
        uow.drafts.save(EMPTY)
        uow.drafts.save(DRAFT)
        uow.commit_unaudited()
    with open_uow(actor="ana", write=True) as uow:
        assert uow.drafts.get(BERT) == DRAFT
        assert uow.drafts.list() == [DRAFT.summary, EMPTY.summary]
        assert (uow.drafts.count("ana"), uow.drafts.count("ben")) == (2, 0)
        assert uow.drafts.is_taken(Name("library", "b_ert"))
        assert uow.objects.held([digest("1"), digest("9")]) == {digest("1")}
        assert uow.drafts.expired(NOW) == []
        assert len(uow.drafts.expired(NOW + timedelta(days=2))) == 2
        uow.drafts.remove(BERT)
        assert uow.drafts.get(BERT) is None
        assert uow.objects.held([digest("1")]) == set()


def test_what_was_sent_is_kept_for_its_time_or_as_long_as_a_draft_has_it(open_uow: SqlUnitOfWorkFactory) -> None:
    with open_uow(actor="ana", write=True) as uow:
        drafts = uow.drafts
        drafts.save(DRAFT)
        drafts.note_sent("ana", [(digest("1"), 3), (digest("5"), 7), (digest("5"), 7)], NOW)
        drafts.note_sent("ben", [(digest("5"), 7)], NOW + timedelta(days=9))
        assert (drafts.size_sent("ana"), drafts.size_sent("eve")) == (10, 0)
        assert drafts.sent("ana", {digest("5"), digest("6")}) == {digest("5"): 7}
        assert drafts.forget_expired(NOW + timedelta(days=1))
        assert not drafts.forget_expired(NOW + timedelta(days=1))
        assert (drafts.size_sent("ana"), drafts.size_sent("ben")) == (3, 7)
        assert uow.objects.held([digest("5")]) == {digest("5")}
        drafts.forget_sent([digest("5")], handle="eve")
        assert drafts.size_sent("ben") == 7
        drafts.forget_sent([digest("5")])
        assert uow.objects.held([digest("5")]) == set()


def test_chunks_of_one_person_are_let_go_without_an_epoch(open_uow: SqlUnitOfWorkFactory) -> None:
    with open_uow(actor="ana", write=True) as uow:
        drafts = uow.drafts
        for handle in ("ana", "ben"):
            drafts.add_places(handle, PLACES)
        drafts.end_places("ana", {XORB, "b" * 64})
        assert (list(drafts.places("ana", {XORB})), len(drafts.places("ben", {XORB}))) == ([], 2)
        assert drafts.epoch("ana") == 0


def test_an_object_counts_as_often_as_a_place_begins_it(open_uow: SqlUnitOfWorkFactory) -> None:
    with open_uow(actor="ana", write=True) as uow:
        drafts = uow.drafts
        drafts.note_sent("ana", [(digest("3"), 3), (digest("5"), 7)], NOW)
        drafts.add_places("ana", [*PLACES, replace(PLACES[0], first=1), replace(PLACES[0], first=2)])
        drafts.add_places("ben", PLACES)
        assert (drafts.count_placed("ana"), drafts.size_placed("ana"), drafts.size_sent("ana")) == (3, 16, 10)
        assert (drafts.count_placed("eve"), drafts.size_placed("eve"), drafts.size_placed("ben")) == (0, 0, 0)


def test_chunks_that_go_from_everywhere_begin_an_epoch(open_uow: SqlUnitOfWorkFactory) -> None:
    with open_uow(actor="ana", write=True) as uow:
        drafts = uow.drafts
        drafts.add_places("ana", PLACES)
        drafts.add_places("ana", PLACES[:1])
        drafts.add_places("ben", [replace(PLACES[0], digest=digest("7"))])
        assert drafts.places("ana", {XORB, "b" * 64}) == [PLACES[1], PLACES[0]]
        drafts.forget_places([digest("4")])
        assert (drafts.epoch("ana"), drafts.epoch("ben")) == (1, 0)
        drafts.add_places("ana", [replace(PLACES[0], digest=digest("8"))])
        drafts.forget_places([digest("3")])
        assert drafts.epoch("ana") == 1, "another place has the same chunks"
        drafts.next_epoch(["ana", "ben"])
        assert (drafts.epoch("ana"), drafts.epoch("ben")) == (2, 1)
