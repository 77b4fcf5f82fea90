"""Files are put together of chunks; what was sent once need not be sent again, as long as it is here."""

from __future__ import annotations

import io
from dataclasses import replace
from datetime import timedelta

import pytest

from lineage import Digest
from registry.domain.drafts.drafts import Commit
from registry.domain.manifests import FileEntry
from registry.domain.people.people import Actor
from registry.errors import BadArtifactError, InvalidError, TooLargeError
from registry.services.artifacts.verbs import Store
from registry.services.context import Context
from registry.services.drafts.verbs import Drafts
from tests.fakes.blobs import MemoryBlobs
from tests.fakes.clock import FakeClock
from tests.registry.domain.drafts.xet.building import NAME, chunk, shard
from tests.registry.services.drafts.stories import BERT

CHUNKS = [b"one" * 50, b"two" * 60, b"three" * 70]
BODY = b"".join(CHUNKS)
OTHER = NAME.replace("ff", "aa")


@pytest.fixture
def drafts(context: Context) -> Drafts:
    found = Drafts(context)
    found.begin(BERT)
    return found


def xorb(*bodies: bytes) -> io.BytesIO:
    return io.BytesIO(b"".join(chunk(body, 1) for body in bodies))


def whole(body: bytes = BODY, *, name: str = NAME, chunks: int = 3) -> bytes:
    return shard([([(name, len(body), 0, chunks)], Digest.of(body))])


def committed(drafts: Drafts, path: str, body: bytes) -> None:
    drafts.commit(BERT, Commit("x", None, {}, (FileEntry(path, len(body), Digest.of(body)),)))


def test_a_file_is_put_together_and_can_be_committed(drafts: Drafts, blobs: MemoryBlobs) -> None:
    drafts.receive_xorb(NAME, xorb(*CHUNKS))
    assert drafts.assemble(whole()) == [Digest.of(BODY)]
    assert blobs.kept[Digest.of(BODY)] == BODY
    committed(drafts, "w.bin", BODY)


def test_a_second_file_sends_only_what_is_new_though_the_xorb_itself_is_gone(
    drafts: Drafts, context: Context, blobs: MemoryBlobs, clock: FakeClock
) -> None:
    drafts.receive_xorb(NAME, xorb(*CHUNKS, b"of no file"))
    drafts.assemble(whole())
    committed(drafts, "w.bin", BODY)
    clock.forward(days=2)
    blobs.pass_time(10**6)
    assert Store(context).collect(grace=timedelta(), delete=True).objects == 1
    assert drafts.epoch() == 1, "a chunk that is in no file has gone"
    drafts.receive_xorb(OTHER, xorb(b"new"))
    child = BODY + b"new"
    drafts.assemble(shard([([(NAME, len(BODY), 0, 3), (OTHER, 3, 0, 1)], Digest.of(child))]))
    committed(drafts, "child.bin", child)
    drafts.discard(BERT)
    clock.forward(days=30)
    blobs.pass_time(10**6)
    Store(context).collect(grace=timedelta(), delete=True)
    assert (drafts.epoch(), blobs.kept) == (2, {})
    with pytest.raises(InvalidError, match="no longer here"):
        drafts.assemble(whole())
    assert drafts.epoch() == 3, "its clients send everything again"


def test_what_is_still_in_another_file_changes_no_epoch(
    drafts: Drafts, context: Context, blobs: MemoryBlobs, clock: FakeClock
) -> None:
    drafts.receive_xorb(NAME, xorb(*CHUNKS))
    child = BODY + b"!"
    drafts.receive_xorb(OTHER, xorb(b"!"))
    drafts.assemble(shard([([(NAME, len(BODY), 0, 3), (OTHER, 1, 0, 1)], Digest.of(child))]))
    committed(drafts, "w.bin", child)
    clock.forward(days=2)
    blobs.pass_time(10**6)
    Store(context).collect(grace=timedelta(), delete=True)
    assert (drafts.epoch(), list(blobs.kept)) == (0, [Digest.of(child)])


def test_chunks_of_somebody_else_are_not_known(drafts: Drafts, context: Context) -> None:
    drafts.receive_xorb(NAME, xorb(*CHUNKS))
    eve = Drafts(replace(context, actor=Actor("eve", frozenset({"developer"}))))
    with pytest.raises(InvalidError, match="no longer here"):
        eve.assemble(whole())


def test_another_sha_256_too_many_bytes_and_no_xorb_are_refused(
    drafts: Drafts, context: Context, blobs: MemoryBlobs
) -> None:
    drafts.receive_xorb(NAME, xorb(*CHUNKS))
    with pytest.raises(InvalidError, match="not what was announced"):
        drafts.assemble(whole(BODY[:-1]))
    for wrong in (b"", b"no xorb at all"):
        with pytest.raises((InvalidError, BadArtifactError)):
            drafts.receive_xorb(NAME, io.BytesIO(wrong))
    limited = Drafts(replace(context, settings=replace(context.settings, draft_bytes=10)))
    with pytest.raises(TooLargeError):
        limited.receive_xorb(OTHER, xorb(*CHUNKS))
    with pytest.raises(TooLargeError):
        limited.assemble(whole(part := b"".join(CHUNKS[:2]), chunks=2))
    assert Digest.of(part) not in blobs.kept, "what is refused is not stored"
    assert not [*(context.home / "work").iterdir()]
