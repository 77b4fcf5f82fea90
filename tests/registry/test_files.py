"""Small files are written whole: a reader sees the old content or the new one, and nothing is left beside it."""

from __future__ import annotations

import fcntl
import os
import subprocess
import sys
from pathlib import Path

import pytest

from registry.files import abandoned, locked_file, sweep_folders, write_whole


def test_a_file_takes_the_place_of_the_one_before(tmp_path: Path) -> None:
    place = tmp_path / "note"
    assert write_whole(place, b"one")
    assert write_whole(place, b"two")
    assert place.read_bytes() == b"two"
    assert list(tmp_path.iterdir()) == [place]


def test_without_replace_the_first_one_stays(tmp_path: Path) -> None:
    place = tmp_path / "secret"
    assert write_whole(place, b"first", private=True, replace=False)
    assert not write_whole(place, b"second", private=True, replace=False)
    assert place.read_bytes() == b"first"
    assert place.stat().st_mode & 0o777 == 0o600
    assert list(tmp_path.iterdir()) == [place]


def test_a_write_that_fails_leaves_what_was_there(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    place = tmp_path / "note"
    write_whole(place, b"old")

    def full(handle: int) -> None:
        raise OSError(28, os.strerror(28))

    monkeypatch.setattr(os, "fsync", full)
    with pytest.raises(OSError, match="No space left"):
        write_whole(place, b"new")
    assert place.read_bytes() == b"old"
    assert list(tmp_path.iterdir()) == [place]


KEEPER = """
import sys
from pathlib import Path
from registry.files import private_folder
with private_folder(Path(sys.argv[1]), "import-") as folder:
    (folder / "half").write_text("done")
    print(folder, flush=True)
    sys.stdin.read()
"""


def test_the_folder_of_a_killed_process_is_swept_and_that_of_a_living_one_stays(tmp_path: Path) -> None:
    words = [sys.executable, "-c", KEEPER, str(tmp_path)]
    with subprocess.Popen(words, stdout=subprocess.PIPE, stdin=subprocess.PIPE, text=True) as process:
        assert process.stdout is not None
        folder = Path(process.stdout.readline().strip())
        sweep_folders(tmp_path, ("import-",))
        assert (folder / "half").is_file()
        process.kill()
        process.wait()
    sweep_folders(tmp_path, ("other-",))
    assert folder.is_dir()
    sweep_folders(tmp_path, ("import-",))
    assert list(tmp_path.iterdir()) == []


def test_a_temporary_file_that_a_sweep_removed_before_it_was_locked_is_made_again(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    lock = fcntl.flock
    swept = list[Path]()

    def swept_first(handle: int, operation: int) -> None:
        if not swept:
            swept.extend(tmp_path.iterdir())
            swept[0].unlink()
        lock(handle, operation)

    monkeypatch.setattr(fcntl, "flock", swept_first)
    with locked_file(tmp_path) as path:
        assert path.exists()
        assert path != swept[0]
        with abandoned(path) as free:
            assert not free
    assert list(tmp_path.iterdir()) == []
