"""What the folder of blobs promises beyond the port: durable, read-only, damage found, nothing left behind."""

from __future__ import annotations

import errno
import fcntl
import io
import os
import stat
import subprocess
import sys
import time
from pathlib import Path
from typing import BinaryIO, cast

import pytest

from lineage import Digest
from registry.errors import IntegrityError, InvalidError, NoSpaceError
from registry.ports.blobs import FileStream
from registry.storage.artifacts.blobs import FolderBlobs
from registry.storage.artifacts.blocks import Hashing
from registry.storage.artifacts.checked import CHECKED_SECONDS, Checked

WEIGHTS = b"weights" * 1000


@pytest.fixture
def blobs(tmp_path: Path) -> FolderBlobs:
    return FolderBlobs(tmp_path)


def file_of(blobs: FolderBlobs, digest: Digest) -> Path:
    return blobs.root / digest.hex[:2] / digest.hex[2:4] / digest.hex


def overwrite(file: Path, data: bytes) -> None:
    file.chmod(0o644)
    file.write_bytes(data)


def all_files(root: Path) -> list[Path]:
    """All but the file whose lock makes writers take turns."""
    return [path for path in root.rglob("*") if path.is_file() and path.name != ".lock"]


def test_a_blob_is_read_only_under_its_own_name(blobs: FolderBlobs) -> None:
    digest, _ = blobs.put(io.BytesIO(WEIGHTS))
    assert all_files(blobs.root) == [file_of(blobs, digest)]
    assert stat.S_IMODE(file_of(blobs, digest).stat().st_mode) == 0o400


def test_changed_bytes_are_found_by_reading_all_and_by_verify(blobs: FolderBlobs) -> None:
    digest, _ = blobs.put(io.BytesIO(WEIGHTS))
    assert blobs.verify(digest) == len(WEIGHTS)
    overwrite(file_of(blobs, digest), b"W" + WEIGHTS[1:])
    with blobs.open(digest) as stream, pytest.raises(IntegrityError, match="changed"):
        stream.read()
    with pytest.raises(IntegrityError):
        blobs.verify(digest)
    blobs.put(io.BytesIO(WEIGHTS))
    assert blobs.verify(digest) == len(WEIGHTS)


def test_truncated_bytes_are_found_by_any_range_that_reaches_them(blobs: FolderBlobs) -> None:
    digest, _ = blobs.put(io.BytesIO(WEIGHTS))
    with blobs.open(digest, start=10) as stream:
        overwrite(file_of(blobs, digest), WEIGHTS[:100])
        with pytest.raises(IntegrityError, match="too soon"):
            stream.read()
    with pytest.raises(IntegrityError):
        blobs.open(digest, start=10, length=200)


@pytest.mark.parametrize("call", ["fsync", "fchmod"])
def test_a_disk_that_fills_leaves_nothing(blobs: FolderBlobs, monkeypatch: pytest.MonkeyPatch, call: str) -> None:
    def full(*_: object) -> None:
        raise OSError(errno.ENOSPC, os.strerror(errno.ENOSPC))

    monkeypatch.setattr(os, call, full)
    with pytest.raises(NoSpaceError):
        blobs.put(io.BytesIO(WEIGHTS))
    assert all_files(blobs.root) == []
    assert list(blobs.list()) == []


def test_a_file_that_may_not_grow_leaves_nothing(tmp_path: Path) -> None:
    """The kernel refuses the write itself, in a process whose files may hold 1 MiB."""
    program = f"""
import io, resource, signal
from pathlib import Path
from registry.errors import NoSpaceError
from registry.storage.artifacts.blobs import FolderBlobs
from registry.storage.artifacts.blocks import Hashing
signal.signal(signal.SIGXFSZ, signal.SIG_IGN)
resource.setrlimit(resource.RLIMIT_FSIZE, (1 << 20, 1 << 20))
blobs = FolderBlobs(Path({str(tmp_path)!r}))
try:
    blobs.put(io.BytesIO(bytes(3 << 20)))
except NoSpaceError:
    print("no space")
"""
    done = subprocess.run([sys.executable, "-c", program], capture_output=True, text=True, check=True, timeout=60)
    assert done.stdout == "no space\n"
    assert all_files(tmp_path) == []


def test_a_stream_that_breaks_leaves_nothing(blobs: FolderBlobs) -> None:
    class Breaking(io.RawIOBase):
        def read(self, _size: int = -1) -> bytes:
            raise ConnectionResetError

    with pytest.raises(ConnectionResetError):
        blobs.put(cast("BinaryIO", Breaking()))
    assert all_files(blobs.root) == []


def test_a_put_reads_in_pieces_whatever_the_size(blobs: FolderBlobs) -> None:
    class Zeros(io.RawIOBase):
        left, largest = 64 << 20, 0

        def read(self, size: int = -1) -> bytes:
            self.largest = max(self.largest, size)
            count = min(size, self.left)
            self.left -= count
            return bytes(count)

    zeros = Zeros()
    assert blobs.put(cast("BinaryIO", zeros))[1] == 64 << 20
    assert 0 < zeros.largest <= 1 << 20


def test_a_put_removes_what_killed_writers_left_and_nothing_else(blobs: FolderBlobs) -> None:
    digest, _ = blobs.put(io.BytesIO(WEIGHTS))
    incoming = blobs.root / "incoming"
    old = time.time() - 7200
    for name in ("abandoned", "still-written"):
        (incoming / name).write_bytes(b"half")
        os.utime(incoming / name, (old, old))
    (incoming / "fresh").write_bytes(b"half")
    with (incoming / "still-written").open("rb") as writer:
        fcntl.flock(writer, fcntl.LOCK_EX)
        assert blobs.sweep() == 1
        assert sorted(path.name for path in incoming.iterdir()) == ["fresh", "still-written"]
        assert list(blobs.list()) == [digest]
    blobs.put(io.BytesIO(WEIGHTS))
    assert [path.name for path in incoming.iterdir()] == ["fresh"]


def test_an_adopted_file_is_not_copied_and_its_time_is_when_it_was_put(blobs: FolderBlobs, tmp_path: Path) -> None:
    file = tmp_path / "weights"
    file.write_bytes(b"weights" * 1000)
    os.utime(file, (5, 5))
    digest, _ = blobs.adopt(file)
    assert file_of(blobs, digest).samefile(file)
    assert stat.S_IMODE(file.stat().st_mode) == 0o400
    assert blobs.put_at(digest) > time.time() - 60
    assert not list((blobs.root / "incoming").iterdir())


def test_a_file_that_cannot_be_linked_is_copied(
    blobs: FolderBlobs, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    def elsewhere(*given: object, **named: object) -> None:
        raise OSError(errno.EXDEV, "Invalid cross-device link")

    monkeypatch.setattr(os, "link", elsewhere)
    file = tmp_path / "weights"
    file.write_bytes(b"weights")
    digest, size = blobs.adopt(file)
    assert (digest, size) == (Digest.of(b"weights"), 7)
    file.write_bytes(b"another")
    with blobs.open(digest) as stream:
        assert stream.read() == b"weights"


def test_a_file_that_is_written_to_while_it_is_adopted_is_refused(
    blobs: FolderBlobs, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    file, hashed = tmp_path / "weights", Hashing.update

    def meanwhile(self: Hashing, data: bytes) -> None:
        hashed(self, data)
        file.write_bytes(b"other than before")

    file.write_bytes(WEIGHTS)
    monkeypatch.setattr(Hashing, "update", meanwhile)
    with pytest.raises(IntegrityError, match="written to while"):
        blobs.adopt(file)
    assert list(blobs.list()) == []


def test_an_adopted_blob_whose_publication_failed_goes_and_the_file_stays(blobs: FolderBlobs, tmp_path: Path) -> None:
    file = tmp_path / "weights"
    file.write_bytes(b"weights")

    def fail() -> None:
        with blobs.holding() as held:
            held.adopt(file)
            raise InvalidError("no")

    with pytest.raises(InvalidError):
        fail()
    assert list(blobs.list()) == []
    assert file.read_bytes() == b"weights"


def test_files_of_others_are_no_blobs(blobs: FolderBlobs) -> None:
    digest, _ = blobs.put(io.BytesIO(WEIGHTS))
    (file_of(blobs, digest).parent / "README").write_text("hello")
    (blobs.root / "zz").mkdir()
    assert list(blobs.list()) == [digest]


def test_what_was_read_whole_and_is_unchanged_is_given_to_the_kernel(blobs: FolderBlobs) -> None:
    digest, size = blobs.put(io.BytesIO(WEIGHTS))
    assert not isinstance(blobs.open(digest), FileStream), "bytes that nobody has read back yet"
    for whole in (blobs.open(digest), blobs.open(digest, start=0, length=size)):
        with whole:
            assert whole.read() == WEIGHTS
    with blobs.open(digest, start=5, length=20) as part:
        assert isinstance(part, FileStream)
        assert os.pread(part.span.file, part.span.length, part.span.start) == part.read() == WEIGHTS[5:25]
        part.check()
    stored = file_of(blobs, digest)
    before = stored.stat()
    overwrite(stored, b"W" + WEIGHTS[1:])
    os.utime(stored, ns=(before.st_atime_ns, before.st_mtime_ns))  # who hides the time of a change cannot hide this
    with blobs.open(digest, start=0, length=size) as changed, pytest.raises(IntegrityError):
        changed.read()
    assert not isinstance(blobs.open(digest), FileStream)


def test_what_was_checked_is_checked_again_after_an_hour(tmp_path: Path) -> None:
    now = [0.0]
    checked, file = Checked(clock=lambda: now[0]), tmp_path / "blob"
    file.write_bytes(WEIGHTS)
    digest = Digest.of(WEIGHTS)
    assert not checked.holds(digest, file.stat())
    checked.add(digest, file.stat())
    now[0] = CHECKED_SECONDS - 1
    assert checked.holds(digest, file.stat())
    now[0] = CHECKED_SECONDS
    assert not checked.holds(digest, file.stat())
