"""What storage knows of stored objects: who needs them, what is damaged, how far a check is."""

from __future__ import annotations

from datetime import timedelta

import pytest

from lineage import Digest
from registry.domain.governance.promotion import EvidenceValue
from registry.domain.names import VersionRef
from registry.domain.objects import Damage, Fault, Form, StoreCheck, Use
from registry.storage.unit_of_work import SqlUnitOfWorkFactory as Factory
from tests.builders import NOW, add_dataset_version, add_version, digest, model_ref

WEIGHTS = "weights/model.safetensors"


def damage(ref: VersionRef, text: str, form: Form = Form.OBJECT) -> Damage:
    return Damage(ref, WEIGHTS, digest(text), Fault.MISSING, NOW, form)


@pytest.fixture
def refs(open_uow: Factory) -> tuple[VersionRef, VersionRef]:
    """A model and a dataset of the same files, and evidence with a file about the model."""
    with open_uow(actor="ana", write=True) as uow:
        model = add_version(uow, "vision/digits", content="same")
        data = add_dataset_version(uow, "vision/scans", content="same")
        report = EvidenceValue(
            "ev-1", model, digest("x"), "report", digest("y"), {}, digest("report"), "r.txt", NOW, "ana"
        )
        uow.governance.add_evidence(report)
        uow.catalog.add_card(model, "# Digits", by="ana", at=NOW)
        uow.commit_unaudited()
    return model, data


NEEDED = sorted([digest("{}"), digest("same"), digest("rows of same"), digest("report")])


def test_objects_of_files_row_indexes_and_evidence_are_needed_in_order_of_digest(
    open_uow: Factory, refs: tuple[VersionRef, VersionRef]
) -> None:
    with open_uow(actor="ana") as uow:
        assert uow.objects.count() == 4
        pages: list[Digest] = []
        while page := uow.objects.needed(after=pages[-1] if pages else None, limit=3):
            pages += page
    assert pages == NEEDED


def test_each_object_knows_the_versions_that_need_it(open_uow: Factory, refs: tuple[VersionRef, VersionRef]) -> None:
    model, data = refs
    with open_uow(actor="ana") as uow:
        uses = {blob: set(found) for blob, found in uow.objects.uses(NEEDED).items()}
        ends = uow.objects.ends(NEEDED)
    assert uses[digest("same")] == {Use(model, WEIGHTS), Use(data, WEIGHTS)}
    assert uses[digest("rows of same")] == {Use(data, "row index")}
    assert uses[digest("report")] == {Use(model, "evidence ev-1")}
    assert ends == {digest("{}"): 2, digest("same"): 4}


def test_what_only_a_deleted_version_had_is_not_needed(open_uow: Factory, refs: tuple[VersionRef, VersionRef]) -> None:
    model, _ = refs
    with open_uow(actor="ana", write=True) as uow:
        uow.catalog.delete_version(model, at=NOW)
        assert digest("report") not in uow.objects.needed(after=None, limit=9)
        assert list(uow.objects.cards()) == []
        assert digest("same") in uow.objects.needed(after=None, limit=9)


def test_damage_is_marked_once_and_shown_wherever_the_version_is(
    open_uow: Factory, refs: tuple[VersionRef, VersionRef]
) -> None:
    model, data = refs
    with open_uow(actor="ana", write=True) as uow:
        assert uow.objects.mark(damage(model, "same"))
        assert not uow.objects.mark(damage(model, "same"))
        assert uow.objects.mark(damage(data, "same"))
        assert not uow.objects.mark(damage(model_ref("vision/none/1"), "same"))
        uow.commit_unaudited()
    with open_uow(actor="ana") as uow:
        shown, dataset, record = uow.catalog.version(model), uow.datasets.version(data), uow.governance.version(model)
        assert shown is not None
        assert dataset is not None
        assert record is not None
        assert (shown.summary.damaged, dataset.summary.damaged, record.damaged) == (True, True, True)
        assert uow.objects.damage(model) == [damage(model, "same")]
        assert [one.ref for one in uow.objects.damage()] == [model, data]


def test_a_mark_goes_with_the_last_damage_of_its_version(
    open_uow: Factory, refs: tuple[VersionRef, VersionRef]
) -> None:
    model, data = refs
    with open_uow(actor="ana", write=True) as uow:
        for one in (damage(model, "same"), damage(model, "{}"), damage(data, "same"), damage(model, "same", Form.CARD)):
            uow.objects.mark(one)
        assert uow.objects.unmark(Form.OBJECT, [digest("same")]) == [data]
        assert uow.objects.unmark(Form.OBJECT, [digest("{}")]) == []
        assert uow.objects.unmark(Form.CARD, [digest("same")]) == [model]
        assert uow.objects.damage() == []


def test_a_check_is_saved_again_and_again_and_the_last_is_found(open_uow: Factory) -> None:
    first = StoreCheck(NOW, "ana", NOW, None, None, 0, 0, 9, 0)
    later = StoreCheck(NOW + timedelta(hours=1), "ana", NOW, NOW, digest("x"), 9, 90, 9, 1)
    with open_uow(actor="ana", write=True) as uow:
        assert uow.objects.last_check() is None
        uow.objects.save_check(first)
        uow.objects.save_check(later)
        assert uow.objects.last_check() == later
        uow.objects.save_check(first)
        assert uow.objects.last_check() == later
        uow.commit_unaudited()


def test_the_text_of_a_card_comes_back_by_its_digest(open_uow: Factory, refs: tuple[VersionRef, VersionRef]) -> None:
    model, _ = refs
    with open_uow(actor="ana", write=True) as uow:
        uow.objects.restore_card(digest("# Digits"), "# Changed")
        (card,) = uow.objects.cards()
        assert (card.ref, card.number, card.digest, card.text) == (model, 1, digest("# Digits"), "# Changed")
