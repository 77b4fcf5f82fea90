"""Uploads in pieces: they go on where they were, belong to who sent them, and are checked before anything is made."""

from __future__ import annotations

import io
from dataclasses import replace
from datetime import timedelta
from pathlib import Path

import pytest

from lineage import Digest
from registry.domain.catalog.models import Status
from registry.domain.drafts import uploads as limits
from registry.domain.drafts.uploads import LEAST, Announced, SentFile
from registry.domain.names import Name, Reference
from registry.domain.people.people import Actor
from registry.domain.verbs.catalog import ImportModel
from registry.errors import (
    ConflictError,
    DigestMismatchError,
    IntegrityError,
    InvalidError,
    NoSpaceError,
    PermissionDeniedError,
    TooLargeError,
    UnsafeArtifactError,
)
from registry.services.artifacts.collecting import collect
from registry.services.catalog.verbs import Catalog
from registry.services.context import Context
from registry.services.drafts import uploading
from registry.services.drafts.uploading import Uploads
from tests.adapters.dvc.worlds import draw
from tests.fakes.blobs import MemoryBlobs
from tests.fakes.clock import FakeClock
from tests.registry.services.drafts.stories import BERT

TARGET = Reference.parse(f"models:/{BERT}")
FIRST, LAST = b"a" * LEAST, b"b" * 10
BODY = FIRST + LAST
WHOLE = Announced(Digest.of(BODY), len(BODY))
FILE = SentFile("model.safetensors", WHOLE.size, WHOLE.sha256)


def offset(context: Context, announced: Announced = WHOLE, target: Reference = TARGET) -> int:
    (standing,) = Uploads(context).standing(target, [announced])
    return standing.offset


def send(context: Context, *pieces: bytes, announced: Announced = WHOLE) -> None:
    for piece in pieces:
        Uploads(context).append(TARGET, announced, offset(context, announced), io.BytesIO(piece))


def as_ben(context: Context) -> Context:
    return replace(context, actor=Actor("ben", frozenset({"developer"})))


def test_an_upload_goes_on_a_day_later_where_it_was_and_becomes_a_file(
    context: Context, clock: FakeClock, tmp_path: Path
) -> None:
    uploads = Uploads(context)
    assert uploads.append(TARGET, WHOLE, 0, io.BytesIO(FIRST)).offset == LEAST
    clock.forward(days=1)
    assert offset(context) == LEAST
    assert uploads.append(TARGET, WHOLE, LEAST, io.BytesIO(LAST)).whole
    uploads.lay_out(TARGET, [FILE], tmp_path)
    assert (tmp_path / FILE.path).read_bytes() == BODY
    uploads.end(TARGET, [FILE])
    assert offset(context) == 0


def test_a_piece_that_is_not_the_next_is_refused_with_the_place_where_to_go_on(context: Context) -> None:
    send(context, FIRST)
    for wrong in (0, 5, WHOLE.size):
        with pytest.raises(ConflictError) as refused:
            Uploads(context).append(TARGET, WHOLE, wrong, io.BytesIO(LAST))
        assert refused.value.facts["offset"] == LEAST
    assert offset(context) == LEAST


@pytest.mark.parametrize("piece", [b"", b"x", BODY + b"x", b"x" * (LEAST - 1)])
def test_a_piece_that_is_too_short_or_too_long_is_not_kept(context: Context, blobs: MemoryBlobs, piece: bytes) -> None:
    with pytest.raises(InvalidError, match="does not fit"):
        send(context, piece)
    assert (offset(context), blobs.kept) == (0, {})


def test_what_is_refused_is_not_stored(context: Context, blobs: MemoryBlobs) -> None:
    full = replace(context, settings=replace(context.settings, draft_bytes=LEAST - 1))
    with pytest.raises(TooLargeError):
        send(full, FIRST)
    with pytest.raises(ConflictError):
        Uploads(context).append(TARGET, WHOLE, LEAST, io.BytesIO(LAST))
    with pytest.raises(InvalidError):
        send(context, b"x")
    assert blobs.kept == {}


def test_files_are_cut_out_of_one_object_and_empty_ones_need_none(context: Context, tmp_path: Path) -> None:
    send(context, FIRST, LAST)
    inside = SentFile("a/b.txt", 12, Digest.of(BODY[LEAST - 2 :]), WHOLE.sha256, LEAST - 2)
    Uploads(context).lay_out(TARGET, [inside, SentFile("a/empty", 0, Digest.of(b""))], tmp_path)
    assert (tmp_path / "a/b.txt").read_bytes() == b"aa" + LAST
    assert (tmp_path / "a/empty").read_bytes() == b""


def test_bytes_with_another_digest_than_announced_are_refused_and_forgotten(context: Context, tmp_path: Path) -> None:
    lying = Announced(Digest.of(b"something else"), len(BODY))
    send(context, FIRST, LAST, announced=lying)
    with pytest.raises(DigestMismatchError, match="does not have the digest"):
        Uploads(context).lay_out(TARGET, [replace(FILE, sha256=lying.sha256)], tmp_path)
    assert offset(context, lying) == 0


def test_stored_bytes_that_are_gone_or_damaged_are_no_fault_of_the_sender(
    context: Context, blobs: MemoryBlobs, tmp_path: Path
) -> None:
    send(context, FIRST, LAST)
    blobs.kept[Digest.of(LAST)] = b"X" * len(LAST)
    with pytest.raises(IntegrityError, match="stored bytes"):
        Uploads(context).lay_out(TARGET, [FILE], tmp_path / "damaged")
    assert offset(context) == 0, "it is sent anew"
    send(context, FIRST, LAST)
    del blobs.kept[Digest.of(FIRST)]
    with pytest.raises(IntegrityError, match="stored bytes"):
        Uploads(context).lay_out(TARGET, [FILE], tmp_path / "gone")


def test_what_was_not_sent_or_only_in_part_is_no_file(context: Context, tmp_path: Path) -> None:
    send(context, FIRST)
    for one in (
        FILE,
        replace(FILE, sha256=Digest.of(b"none")),
        replace(FILE, size=5),
        SentFile("x", 5, Digest.of(b"none"), WHOLE.sha256, LEAST - 2),
    ):
        with pytest.raises(InvalidError, match="not uploaded by ana"):
            Uploads(context).lay_out(TARGET, [one], tmp_path)
    assert list(tmp_path.iterdir()) == [] or [one.name for one in tmp_path.iterdir()] == ["home"]


def test_nobody_goes_on_with_or_names_what_somebody_else_sent(context: Context, tmp_path: Path) -> None:
    send(context, FIRST, LAST)
    ben = as_ben(context)
    assert offset(ben) == 0
    with pytest.raises(InvalidError, match="not uploaded by ben"):
        Uploads(ben).lay_out(TARGET, [FILE], tmp_path / "files")
    send(ben, FIRST)
    Uploads(context).end(TARGET, [FILE])
    assert (offset(context), offset(ben)) == (0, LEAST)


def test_a_file_of_a_version_that_may_be_read_is_not_sent_again_and_one_that_may_not_is(
    context: Context, tmp_path: Path
) -> None:
    catalog = Catalog(context)
    ref = catalog.import_model(
        ImportModel(BERT, str(draw(tmp_path / "m", {"model.safetensors": "w" * 99})))
    ).summary.ref
    known = Announced(Digest.of(b"w" * 99), 99)
    assert offset(as_ben(context), known, Reference.parse(f"models:/{BERT.team}/other")) == 99
    assert offset(context, known, Reference.parse("models:/elsewhere/other")) == 0, "of another team"
    Uploads(context).lay_out(TARGET, [SentFile("w", 99, known.sha256)], tmp_path / "files")
    catalog.set_status(Reference.to(ref), Status.SUSPENDED, "look")
    assert offset(as_ben(context), known) == 0


def test_a_piece_is_kept_for_a_week_and_swept_then(context: Context, clock: FakeClock, blobs: MemoryBlobs) -> None:
    send(context, FIRST)
    clock.forward(days=6)
    collect(context, grace=timedelta(0), delete=True)
    assert offset(context) == LEAST
    clock.forward(days=2)
    collect(context, grace=timedelta(0), delete=True)
    assert (offset(context), blobs.kept) == (0, {})


def test_a_person_sends_no_more_than_the_limits_allow(context: Context, monkeypatch: pytest.MonkeyPatch) -> None:
    little = replace(context, settings=replace(context.settings, draft_bytes=LEAST))
    send(little, FIRST)
    with pytest.raises(TooLargeError, match="FOREBEAR_DRAFT_BYTES"):
        send(little, LAST)
    small = replace(context, settings=replace(context.settings, max_upload=LEAST))
    with pytest.raises(TooLargeError, match="FOREBEAR_MAX_UPLOAD"):
        send(small, LAST)
    monkeypatch.setattr(uploading, "MAX_OBJECTS", 1)
    with pytest.raises(TooLargeError, match="not registered"):
        send(context, LAST)
    with pytest.raises(InvalidError, match="at once"):
        Uploads(context).standing(TARGET, [WHOLE] * (limits.MAX_ASKED + 1))


def test_a_piece_that_is_sent_again_counts_again(context: Context, monkeypatch: pytest.MonkeyPatch) -> None:
    endless = Announced(Digest.of(b"endless"), 100 * LEAST)
    little = replace(context, settings=replace(context.settings, draft_bytes=2 * LEAST))
    send(little, FIRST, FIRST, announced=endless)
    with pytest.raises(TooLargeError, match="FOREBEAR_DRAFT_BYTES"):
        send(little, FIRST, announced=endless)
    monkeypatch.setattr(uploading, "MAX_OBJECTS", 2)
    with pytest.raises(TooLargeError, match="not registered"):
        send(context, FIRST, announced=endless)
    assert offset(context, endless) == 2 * LEAST


def test_a_full_disk_of_the_server_keeps_what_was_there(context: Context, blobs: MemoryBlobs) -> None:
    send(context, FIRST)
    full = MemoryBlobs(capacity=LEAST + 5)
    full.kept |= blobs.kept
    with pytest.raises(NoSpaceError, match="what came of this upload before stays there 7 days"):
        send(replace(context, blobs=full), LAST)
    assert offset(context) == LEAST
    send(context, LAST)
    assert offset(context) == WHOLE.size


def test_giving_up_forgets_and_who_may_not_contribute_asks_nothing(context: Context) -> None:
    send(context, FIRST)
    Uploads(context).discard(TARGET, WHOLE.sha256)
    Uploads(context).discard(TARGET, WHOLE.sha256)
    assert offset(context) == 0
    reader = replace(context, actor=Actor("vic", frozenset({"viewer"})))
    for call in (
        lambda: offset(reader),
        lambda: Uploads(reader).append(TARGET, WHOLE, 0, io.BytesIO(FIRST)),
        lambda: Uploads(reader).discard(TARGET, WHOLE.sha256),
        lambda: Uploads(reader).lay_out(TARGET, [FILE], Path("/none")),
        lambda: Uploads(reader).end(TARGET, [FILE]),
    ):
        with pytest.raises(PermissionDeniedError):
            call()


def test_a_path_that_leads_out_or_that_points_elsewhere_is_no_file_that_was_sent() -> None:
    for path in ("../a", "/a", "a\\b", ""):
        with pytest.raises(InvalidError):
            SentFile(path, 1, WHOLE.sha256)
    with pytest.raises(UnsafeArtifactError):
        SentFile("data.dvc", 1, WHOLE.sha256)
    for size, start, within in ((-1, 0, None), (1, 1, None), (1, -1, WHOLE.sha256)):
        with pytest.raises(InvalidError, match="lies nowhere"):
            SentFile("a", size, WHOLE.sha256, within, start)
    with pytest.raises(InvalidError, match="not sent in pieces"):
        Announced(WHOLE.sha256, 0)
    assert Name.parse("a/b")
