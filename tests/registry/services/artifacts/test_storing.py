"""Bytes in and out: folders go in file by file, files come out of their pieces whatever the range."""

from __future__ import annotations

import io
import os
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from lineage import Digest
from registry.domain.manifests import FileEntry
from registry.errors import InvalidError, NoSpaceError, UnavailableError
from registry.folders import writing
from registry.services.artifacts.storing import Hashing, files_as_given, open_extents, store_folder
from registry.services.storage.catalog import Extent
from tests.adapters.dvc.worlds import draw
from tests.fakes.blobs import MemoryBlobs


def test_a_folder_goes_in_sorted_by_path_with_size_and_digest(tmp_path: Path) -> None:
    blobs = MemoryBlobs()
    entries = store_folder(blobs, draw(tmp_path / "in", {"b.txt": "bb", "a/z.txt": "z", "empty": ""}))
    assert entries == tuple(
        FileEntry(path, len(data), Digest.of(data))
        for path, data in (("a/z.txt", b"z"), ("b.txt", b"bb"), ("empty", b""))
    )
    assert sorted(blobs.kept.values()) == [b"", b"bb", b"z"]


def test_links_and_pipes_stay_outside(tmp_path: Path) -> None:
    folder = draw(tmp_path / "in", {"a": "a"})
    (folder / "link").symlink_to("/etc/passwd")
    with pytest.raises(InvalidError, match="'link' is a link or a special file"):
        store_folder(MemoryBlobs(), folder)
    (folder / "link").unlink()
    os.mkfifo(folder / "pipe")
    with pytest.raises(InvalidError, match="'pipe' is a link or a special file"):
        store_folder(MemoryBlobs(), folder)


@given(
    st.lists(st.tuples(st.binary(max_size=9), st.binary(max_size=9), st.binary(max_size=9)), max_size=5),
    st.integers(0, 50),
    st.integers(0, 50),
)
def test_any_range_of_a_file_is_that_slice_of_its_pieces(
    pieces: list[tuple[bytes, bytes, bytes]], start: int, length: int
) -> None:
    blobs, extents, whole = MemoryBlobs(), [], b"".join(middle for _, middle, _ in pieces)
    for before, middle, after in pieces:
        digest, _ = blobs.put(io.BytesIO(before + middle + after))
        extents.append(Extent(digest, len(before), len(middle)))
    start = min(start, len(whole))
    length = min(length, len(whole) - start)
    with open_extents(blobs, extents, start=start, length=length) as stream:
        assert stream.read() == whole[start : start + length]
    with open_extents(blobs, extents, start=start) as stream:
        assert stream.read() == whole[start:]


def test_what_passes_through_is_hashed() -> None:
    out = io.BytesIO()
    hashing = Hashing(out)
    hashing.write(b"one ")
    hashing.write(b"two")
    assert (out.getvalue(), hashing.digest) == (b"one two", Digest.of(b"one two"))


def test_a_full_disk_and_a_folder_without_permission_are_different_errors(tmp_path: Path) -> None:
    with pytest.raises(NoSpaceError, match="the disk is full"), writing(tmp_path):
        Path("/dev/full").write_bytes(b"x" * 10)
    with pytest.raises(UnavailableError, match="cannot be written: Not a directory"), writing(tmp_path):
        (draw(tmp_path, {"file": ""}) / "file" / "below").mkdir()


def test_files_as_given_have_their_own_digests_whether_or_not_the_same_bytes_are_stored(tmp_path: Path) -> None:
    given_files = {"same": "weights", "other": "Weights", "long": "weights of a model", ".hidden": "weights"}
    source = draw(tmp_path / "given", given_files)
    folder = draw(tmp_path / "stored", {"a.safetensors": "weights", "b.safetensors": "weights of a Model"})
    stored = store_folder(MemoryBlobs(), folder)
    expected = {name: Digest.of(text.encode()) for name, text in given_files.items() if name != ".hidden"}
    for entries in (files_as_given(source), files_as_given(source, stored, folder)):
        assert {one.path: one.sha256 for one in entries} == expected
        assert [one.size for one in entries] == [len(given_files[one.path]) for one in entries]
