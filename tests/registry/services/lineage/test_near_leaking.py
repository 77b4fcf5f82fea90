"""Test rows that are nearly copies of training rows are found, wherever in the ancestry those are."""

from __future__ import annotations

import io
from collections.abc import Sequence
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest
from numpy.typing import NDArray
from PIL import Image

from lineage import Digest
from registry.domain.audit import Event
from registry.domain.catalog.models import Modality, Status
from registry.domain.data.datasets import Row, SplitPlan
from registry.domain.data.leakage import NearCopies
from registry.domain.data.rows import index_lines
from registry.domain.manifests import FileEntry, Manifest
from registry.domain.names import Reference, VersionRef
from registry.domain.people.people import Actor
from registry.errors import PermissionDeniedError
from registry.plugins import EntryPointPlugins
from registry.services.catalog.verbs import Catalog
from registry.services.context import Context
from registry.services.lineage import near_leaking
from registry.services.lineage.verbs import Lineage
from registry.storage.unit_of_work import SqlUnitOfWorkFactory
from tests import builders
from tests.fakes.clock import FakeClock
from tests.registry.services.lineage.leaks import add, made, opened
from tests.registry.services.teams import Team

BOATS = [f"the {word} little boat went over the wide sea and came home again" for word in ("red", "blue", "green")]


@pytest.fixture
def near(open_uow: SqlUnitOfWorkFactory, clock: FakeClock, tmp_path: Path) -> Context:
    """Test rows that were changed a little, one that is the very same, and one of its own."""
    context = opened(open_uow, clock, tmp_path)
    tested = [f"{BOATS[0].upper()}!", f"{BOATS[1]} <b>now</b>\x1b[0m", BOATS[2], "nobody knows what the weather brings"]
    for name, split, texts in (("trained", "train", BOATS), ("tested", "test", tested)):
        file = tmp_path / "data" / f"{name}.csv"
        file.write_text("text,label\n" + "".join(f"{text},{'ab'[n % 2]}\n" for n, text in enumerate(texts)))
        add(context, name, file, SplitPlan(shares={split: 1.0}))
    return context


def nearly(context: Context) -> NearCopies:
    found = Lineage(context).leakage(Reference.parse("models:/text/child"), near=True).near
    assert found is not None
    return found


def test_test_rows_that_were_only_changed_a_little_are_found_and_shown_to_who_may_edit(
    near: Context, monkeypatch: pytest.MonkeyPatch
) -> None:
    plain = made(near, "{train: {dataset: datasets:/data/trained}, test: {dataset: datasets:/data/tested}}")
    assert (plain.seen, plain.test_rows, plain.near) == (1, 4, None)
    said = nearly(near)
    assert (said.rows, said.compared, said.notes) == (2, 4, ())
    (one,) = said.overlaps
    assert (one.train.label, one.train_split, one.rows) == ("data/trained/1", "train", 2)
    shown = {pair.test_shown: pair.train_shown for pair in one.examples}
    assert shown == {f"{BOATS[0].upper()}!": BOATS[0], f"{BOATS[1]} <b>now</b>\\x1b[0m": BOATS[1]}
    with pytest.raises(PermissionDeniedError):
        nearly(replace(near, actor=Actor("vic", frozenset({"viewer"}))))
    monkeypatch.setattr(near_leaking, "TESTED", 2)
    assert nearly(near).compared == 2
    assert nearly(near).notes == ("Of the 4 rows of data/tested/1 test, 2 were compared for near-copies",)


def test_near_copies_in_what_an_ancestor_was_trained_on_are_found_until_that_is_taken_back(near: Context) -> None:
    data = "{train: {dataset: datasets:/data/trained}, test: {dataset: datasets:/data/tested}}"
    made(near, data, output="parent")
    data = "{train: {dataset: datasets:/data/reviews}, test: {dataset: datasets:/data/tested}}"
    made(near, data, source="text/parent")
    assert [one.train.label for one in nearly(near).overlaps] == ["data/trained/1"]
    Catalog(near).set_status(Reference.parse("datasets:/data/trained/1"), Status.RECALLED, "Private letters")
    said = nearly(near)
    assert said.overlaps == ()
    assert "data/trained/1" in said.notes[0]


def add_pictures(team: Team, name: str, split: str, pictures: Sequence[bytes]) -> VersionRef:
    """A dataset version of picture files, all in one split."""
    files = [FileEntry(f"{n}.png", len(data), Digest.of(data)) for n, data in enumerate(pictures)]
    rows = [Row(n, file.sha256, split, "cat", path=file.path) for n, file in enumerate(files)]
    index = b"".join(index_lines(rows))
    for data in (*pictures, index):
        team.blobs.put(io.BytesIO(data))
    with team.open_uow(actor="ana", write=True) as uow, pytest.MonkeyPatch.context() as patch:
        patch.setattr(builders, "manifest", lambda text, *, rows: Manifest.of(files, Digest.of(index)))
        ref = builders.add_dataset_version(uow, name, modality=Modality.IMAGE)
        uow.commit(Event("dataset_version.added", str(ref), {}))
    return ref


def png(greys: NDArray[np.uint8]) -> bytes:
    out = io.BytesIO()
    Image.fromarray(greys).save(out, "PNG")
    return out.getvalue()


def test_pictures_that_were_brightened_or_scaled_are_found_in_training_data(team: Team) -> None:
    random = np.random.default_rng(0)
    small = random.integers(0, 200, (3, 8, 8), dtype=np.uint8)
    one, two, other = (np.kron(part, np.ones((8, 8), np.uint8)) for part in small)
    trained = add_pictures(team, "data/trained", "train", [png(one), png(two)])
    tested = add_pictures(team, "data/tested", "test", [png(one + np.uint8(20)), png(two[::2, ::2]), png(other)])
    ref = team.publish("vision/net", data={"train": trained, "test": tested})
    context = replace(team.context("ana"), plugins=EntryPointPlugins(memory=0, seconds=60))
    found = Lineage(context).leakage(Reference.to(ref), near=True)
    assert (found.seen, found.test_rows) == (0, 3)
    assert found.near is not None
    assert (found.near.rows, found.near.compared, found.near.notes) == (2, 3, ())
    (overlap,) = found.near.overlaps
    pairs = {(pair.test_shown, pair.train_shown) for pair in overlap.examples}
    assert pairs == {("0.png", "0.png"), ("1.png", "1.png")}
