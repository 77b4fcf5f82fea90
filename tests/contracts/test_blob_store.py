"""What every blob store promises."""

from __future__ import annotations

import io
import tempfile
from collections.abc import Iterator
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from lineage import Digest
from registry.errors import IntegrityError, NoSpaceError, NotFoundError, UnavailableError
from registry.ports.blobs import BlobStore
from registry.storage.artifacts.blobs import FolderBlobs
from tests.fakes.blobs import MemoryBlobs


@pytest.fixture(params=["folder", "memory"])
def blobs(request: pytest.FixtureRequest, tmp_path: Path) -> BlobStore:
    return FolderBlobs(tmp_path / "blobs") if request.param == "folder" else MemoryBlobs()


@pytest.fixture(scope="module", params=["folder", "memory"])
def shared_blobs(request: pytest.FixtureRequest) -> Iterator[BlobStore]:
    """One store for all examples of a law."""
    with tempfile.TemporaryDirectory() as folder:
        yield FolderBlobs(Path(folder)) if request.param == "folder" else MemoryBlobs()


def put(blobs: BlobStore, data: bytes) -> Digest:
    return blobs.put(io.BytesIO(data))[0]


@given(data=st.binary(max_size=300), cut=st.tuples(st.integers(0, 300), st.integers(0, 300)))
def test_any_range_of_a_blob_is_that_range_of_its_bytes(
    shared_blobs: BlobStore, data: bytes, cut: tuple[int, int]
) -> None:
    digest, size = shared_blobs.put(io.BytesIO(data))
    assert (digest, size) == (Digest.of(data), len(data))
    start, end = sorted(min(place, len(data)) for place in cut)
    with shared_blobs.open(digest, start=start, length=end - start) as stream:
        assert stream.read() == data[start:end]
    with shared_blobs.open(digest, start=start) as stream:
        assert stream.read() == data[start:]


def test_a_large_blob_comes_back_in_pieces(blobs: BlobStore) -> None:
    data = bytes(range(256)) * 20_000
    digest = put(blobs, data)
    with blobs.open(digest) as stream:
        assert b"".join(iter(lambda: stream.read(100_003), b"")) == data
    assert blobs.size(digest) == len(data)


def test_the_empty_blob_is_a_blob(blobs: BlobStore) -> None:
    digest = put(blobs, b"")
    assert blobs.size(digest) == 0
    with blobs.open(digest) as stream:
        assert stream.read() == b""


def test_storing_the_same_bytes_twice_keeps_one_blob(blobs: BlobStore) -> None:
    assert put(blobs, b"weights") == put(blobs, b"weights")
    assert list(blobs.list()) == [Digest.of(b"weights")]


def test_a_file_that_is_adopted_is_a_blob_and_stays_at_its_place(blobs: BlobStore, tmp_path: Path) -> None:
    file, data = tmp_path / "weights", bytes(range(256)) * 10_000
    file.write_bytes(data)
    assert blobs.adopt(file) == (Digest.of(data), len(data)) == blobs.adopt(file)
    assert file.read_bytes() == data
    file.unlink()
    with blobs.open(Digest.of(data)) as stream:
        assert stream.read() == data
    with blobs.open(Digest.of(data), start=1_200_000, length=5) as stream:
        assert stream.read() == data[1_200_000:1_200_005]


def test_bytes_with_another_digest_than_announced_are_not_kept(blobs: BlobStore) -> None:
    with pytest.raises(IntegrityError):
        blobs.put(io.BytesIO(b"weights"), expected=Digest.of(b"other weights"))
    assert list(blobs.list()) == []
    assert blobs.put(io.BytesIO(b"weights"), expected=Digest.of(b"weights")) == (Digest.of(b"weights"), 7)


def test_what_is_not_there_is_not_found(blobs: BlobStore) -> None:
    nothing = Digest.of(b"nothing")
    assert not blobs.exists(nothing)
    with pytest.raises(NotFoundError):
        blobs.open(nothing)
    with pytest.raises(NotFoundError):
        blobs.size(nothing)
    blobs.delete(nothing)


def test_a_range_beyond_the_end_is_refused(blobs: BlobStore) -> None:
    digest = put(blobs, b"weights")
    for start, length in ((0, 8), (7, 1), (8, None), (-1, 2), (3, -1)):
        with pytest.raises(IntegrityError):
            blobs.open(digest, start=start, length=length)


def test_blobs_are_listed_in_order_and_leave_when_deleted(blobs: BlobStore) -> None:
    digests = sorted(put(blobs, bytes([number])) for number in range(40))
    assert list(blobs.list()) == digests
    blobs.delete(digests[3])
    assert not blobs.exists(digests[3])
    assert list(blobs.list()) == digests[:3] + digests[4:]


def flipped(blobs: BlobStore, digest: Digest, place: int) -> None:
    """Flip one bit of the stored bytes."""
    if isinstance(blobs, MemoryBlobs):
        data = bytearray(blobs.kept[digest])
        data[place] ^= 1
        blobs.kept[digest] = bytes(data)
        return
    assert isinstance(blobs, FolderBlobs)
    path = blobs.root / digest.hex[:2] / digest.hex[2:4] / digest.hex
    path.chmod(0o644)
    with path.open("r+b") as file:
        file.seek(place)
        (old,) = file.read(1)
        file.seek(place)
        file.write(bytes([old ^ 1]))


LARGE = bytes(range(256)) * 12_000
"""Just under three blocks."""


@pytest.mark.parametrize("place", [0, 1_500_000, len(LARGE) - 1])
def test_no_range_gives_out_a_changed_byte(blobs: BlobStore, place: int) -> None:
    digest = put(blobs, LARGE)
    flipped(blobs, digest, place)
    for start in range(0, len(LARGE), 500_000):
        length = min(700_000, len(LARGE) - start)
        given = b""
        try:
            with blobs.open(digest, start=start, length=length) as stream:
                while chunk := stream.read(10_000):
                    given += chunk
        except IntegrityError:
            pass
        else:
            assert not start <= place < start + length, "the range that holds the changed byte must fail"
        assert LARGE[start:].startswith(given)


def test_verify_reads_all_and_tells_how_much(blobs: BlobStore) -> None:
    digest, told = put(blobs, LARGE), list[int]()
    assert blobs.verify(digest, told.append) == sum(told) == len(LARGE)
    flipped(blobs, digest, 2_000_000)
    with pytest.raises(IntegrityError):
        blobs.verify(digest)
    with pytest.raises(NotFoundError):
        blobs.verify(Digest.of(b"nothing"))


def test_a_blob_is_discarded_only_when_it_was_put_before_the_moment(blobs: BlobStore) -> None:
    digest = put(blobs, b"weights")
    assert not blobs.discard(digest, before=blobs.put_at(digest))
    assert blobs.discard(digest, before=blobs.put_at(digest) + 0.001)
    assert not blobs.exists(digest)
    assert not blobs.discard(digest, before=blobs.moment() + 9)
    with pytest.raises(NotFoundError):
        blobs.put_at(digest)


def test_no_moment_is_after_the_beginning_of_a_publication_that_goes_on(blobs: BlobStore) -> None:
    put(blobs, b"before")
    with blobs.holding() as held:
        held.put(io.BytesIO(b"weights"))
        put(blobs, b"by someone else")
        for data in (b"weights", b"by someone else"):
            assert not blobs.discard(Digest.of(data), before=blobs.moment())
    assert blobs.put_at(Digest.of(b"weights")) <= blobs.moment()


def test_a_publication_that_fails_gives_back_what_it_added_and_nothing_else(blobs: BlobStore) -> None:
    put(blobs, b"there before")

    def publish() -> None:
        with blobs.holding() as held:
            for data in (b"there before", b"new", b"new"):
                held.put(io.BytesIO(data))
            raise NoSpaceError("The disk is full")

    with pytest.raises(NoSpaceError):
        publish()
    assert list(blobs.list()) == [Digest.of(b"there before")]


def test_a_publication_whose_end_is_unknown_keeps_everything(blobs: BlobStore) -> None:

    def publish() -> None:
        with blobs.holding() as held:
            held.put(io.BytesIO(b"new"))
            raise UnavailableError("The database cannot be reached")

    with pytest.raises(UnavailableError):
        publish()
    assert blobs.exists(Digest.of(b"new"))


def test_nothing_is_left_for_a_sweep_after_puts_that_end(blobs: BlobStore) -> None:
    put(blobs, LARGE)
    assert blobs.sweep() == 0
