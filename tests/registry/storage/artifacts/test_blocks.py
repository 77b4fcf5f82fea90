"""Digests of blocks: made with the blob, checked themselves, and made again where they are missing or damaged."""

from __future__ import annotations

import io
import os
from pathlib import Path

import pytest
from blake3 import blake3
from hypothesis import given
from hypothesis import strategies as st

from lineage import Digest
from registry.errors import IntegrityError
from registry.storage.artifacts.blobs import FolderBlobs
from registry.storage.artifacts.blocks import BLOCK, SUFFIX, Blocks, Hashing, Kind, decode, encode

LARGE = os.urandom(2 * BLOCK + 16) + b"!"


@pytest.fixture
def blobs(tmp_path: Path) -> FolderBlobs:
    return FolderBlobs(tmp_path)


def path_of(blobs: FolderBlobs, digest: Digest, suffix: str = "") -> Path:
    path = blobs.root / digest.hex[:2] / digest.hex[2:4] / (digest.hex + suffix)
    path.chmod(0o644)
    return path


def test_a_large_blob_has_the_digests_of_its_blocks_beside_it(blobs: FolderBlobs) -> None:
    digest, _ = blobs.put(io.BytesIO(LARGE))
    blocks = decode(path_of(blobs, digest, SUFFIX).read_bytes(), len(LARGE))
    assert blocks == Blocks(Kind.BLAKE3, tuple(blake3(LARGE[at : at + BLOCK]).digest() for at in (0, BLOCK, 2 * BLOCK)))
    assert list(blobs.list()) == [digest]


@pytest.mark.parametrize("harm", ["missing", "flipped", "short", "of another blob"])
def test_a_range_is_checked_although_the_digests_of_blocks_are_damaged(blobs: FolderBlobs, harm: str) -> None:
    digest, _ = blobs.put(io.BytesIO(LARGE))
    beside = path_of(blobs, digest, SUFFIX)
    right = beside.read_bytes()
    other = Hashing()
    other.update(bytes(len(LARGE)))
    wrong = {"flipped": bytes([right[0] ^ 1]) + right[1:], "short": right[:-40]}
    beside.unlink()
    if harm == "of another blob":
        beside.write_bytes(encode(other.size, other.blocks))
        with blobs.open(digest, start=5, length=9) as stream, pytest.raises(IntegrityError):
            stream.read()
        assert blobs.verify(digest) == len(LARGE)
    elif harm in wrong:
        beside.write_bytes(wrong[harm])
    with blobs.open(digest, start=BLOCK - 3, length=9) as stream:
        assert stream.read() == LARGE[BLOCK - 3 : BLOCK + 6]
    assert beside.read_bytes() == right


def test_a_range_of_a_changed_blob_without_digests_of_blocks_is_refused(blobs: FolderBlobs) -> None:
    digest, _ = blobs.put(io.BytesIO(LARGE))
    path_of(blobs, digest, SUFFIX).unlink()
    path_of(blobs, digest).write_bytes(LARGE[:-1] + b"?")
    with pytest.raises(IntegrityError):
        blobs.open(digest, start=0, length=5)


def test_verify_makes_digests_of_blocks_for_a_blob_of_an_older_version(blobs: FolderBlobs) -> None:
    digest, _ = blobs.put(io.BytesIO(LARGE))
    right = path_of(blobs, digest, SUFFIX).read_bytes()
    path_of(blobs, digest, SUFFIX).unlink()
    blobs.verify(digest)
    assert path_of(blobs, digest, SUFFIX).read_bytes() == right


def test_digests_of_blocks_by_sha_256_still_check_a_range_until_the_blob_is_verified(blobs: FolderBlobs) -> None:
    digest, _ = blobs.put(io.BytesIO(LARGE))
    beside = path_of(blobs, digest, SUFFIX)
    right = beside.read_bytes()
    parts = [LARGE[at : at + BLOCK] for at in (0, BLOCK, 2 * BLOCK)]
    old = encode(len(LARGE), Blocks(Kind.SHA256, tuple(map(Kind.SHA256.of, parts))))
    beside.write_bytes(old)
    with blobs.open(digest, start=BLOCK - 3, length=9) as stream:
        assert stream.read() == LARGE[BLOCK - 3 : BLOCK + 6]
    assert beside.read_bytes() == old
    path_of(blobs, digest).write_bytes(LARGE[: BLOCK - 1] + b"?" + LARGE[BLOCK:])
    with FolderBlobs(blobs.root).open(digest, start=BLOCK - 3, length=9) as stream, pytest.raises(IntegrityError):
        stream.read()
    path_of(blobs, digest).write_bytes(LARGE)
    blobs.verify(digest)
    assert beside.read_bytes() == right


def test_digests_of_blocks_go_with_their_blob(blobs: FolderBlobs) -> None:
    digest, _ = blobs.put(io.BytesIO(LARGE))
    blobs.delete(digest)
    assert not [path for path in blobs.root.rglob("*") if path.is_file() and path.name != ".lock"]


@given(st.lists(st.integers(1, 3 * BLOCK // 2), max_size=4))
def test_the_digests_do_not_depend_on_how_the_bytes_come(sizes: list[int]) -> None:
    data, pieces, at = bytes(sum(sizes)), Hashing(), 0
    for size in sizes:
        pieces.update(data[at : at + size])
        at += size
    whole = Hashing()
    whole.update(data)
    assert (pieces.digest, pieces.blocks, pieces.size) == (whole.digest, whole.blocks, len(data))
    assert decode(encode(whole.size, whole.blocks), whole.size) == whole.blocks
