"""Our digests are DVC's: for every folder, `dvc add` gives the name that we recorded."""

from __future__ import annotations

import json
import os
import subprocess
import sys
import threading
from pathlib import Path

import pytest

from adapters.dvc.tracking import track
from registry.domain.data.datasets import DvcRecord
from registry.errors import BadDataError, DatasetChangedError, InvalidError
from tests.adapters.dvc.worlds import draw, dvc, dvc_name, read

ROOT = Path(__file__).parents[3]


@pytest.fixture(scope="module")
def repository(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A DVC repository without git, whose root ignores *.bak and the folder `secret`."""
    root = tmp_path_factory.mktemp("repository")
    dvc(root, "init", "--no-scm", "--quiet")
    (root / ".dvcignore").write_text("*.bak\nsecret/\n")
    return root


def named_by_dvc(repository: Path, name: str) -> tuple[str, int, int]:
    dvc(repository, "add", "--quiet", name)
    return dvc_name(repository / f"{name}.dvc")


def the_name(record: DvcRecord) -> tuple[str, int, int]:
    return record.md5, record.size, record.files


def test_the_digest_of_a_folder_is_what_dvc_add_gives(repository: Path, tmp_path: Path) -> None:
    data = draw(
        repository / "everything",
        {
            "a/1.txt": "one",
            "a/deep/er/2.txt": "two",
            "b/same.txt": "one",
            ".hidden": "h",
            "a/.x/y": "x",
            "ümläut und raum.txt": "ü",
            "a/left.bak": "ignored by the repository",
            "secret/key": "ignored as well",
            "b/empty.txt": "",
        },
    )
    (data / "hollow/nothing").mkdir(parents=True)
    (data / "link.txt").symlink_to(data / "a/1.txt")
    (data / "relative").symlink_to("a/deep/er/2.txt")
    outside = draw(tmp_path / "outside", {"o.txt": "o"})
    (data / "elsewhere").symlink_to(outside)
    tracked = track(data)
    assert the_name(tracked.record) == named_by_dvc(repository, "everything")
    listed = [entry.path for entry in tracked.files]
    assert listed == sorted(listed)
    assert {".hidden", "link.txt", "relative", "a/.x/y"} <= set(listed)
    assert not {"a/left.bak", "secret/key", "elsewhere/o.txt"} & set(listed)
    assert tracked.links == ("elsewhere",)
    assert "hollow/nothing" in tracked.folders


def test_the_digest_of_a_file_is_what_dvc_add_gives(repository: Path, tmp_path: Path) -> None:
    (repository / "table.csv").write_bytes(b"text,label\r\na,b\r\n")
    tracked = track(repository / "table.csv")
    assert the_name(tracked.record) == named_by_dvc(repository, "table.csv")


def test_our_cache_is_a_cache_that_dvc_reads(repository: Path, tmp_path: Path) -> None:
    data = draw(repository / "cached", {"a/1.txt": "one!", "b/2.txt": "two!"})
    tracked = track(data)
    tracked.keep(tmp_path / "cache", scratch=tmp_path)
    record = tracked.record
    index = tmp_path / "cache/files/md5" / record.md5[:2] / record.md5[2:]
    assert [entry["relpath"] for entry in json.loads(index.read_text())] == ["a/1.txt", "b/2.txt"]
    dvc(repository, "add", "--quiet", "--no-commit", "cached")
    other = tmp_path / "other"
    other.mkdir()
    dvc(other, "init", "--no-scm", "--quiet")
    dvc(other, "cache", "dir", str(tmp_path / "cache"))
    (other / "cached.dvc").write_bytes((repository / "cached.dvc").read_bytes())
    dvc(other, "checkout", "--quiet")
    assert (other / "cached/b/2.txt").read_text() == "two!"


def test_without_a_repository_the_rules_are_those_of_a_repository_made_around_the_folder(tmp_path: Path) -> None:
    data = draw(tmp_path / "data", {"a.txt": "a", "b.bak": "b", ".git/config": "c"})
    (tmp_path / ".dvcignore").write_text("*.bak\n")
    ours = track(data).record
    dvc(tmp_path, "init", "--no-scm", "--quiet", "--force")
    (tmp_path / ".dvcignore").write_text("*.bak\n")
    assert the_name(ours) == named_by_dvc(tmp_path, "data")
    assert ours.files == 1


def test_a_registry_folder_inside_a_repository_reads_uploads_by_rules_of_its_own(repository: Path) -> None:
    work = repository / "project/.forebear/work"
    upload = draw(work / "upload-1", {"pos/1.bak": "x", "pos/1.txt": "good", "neg/1.txt": "bad"})
    outside = draw(repository / "outside", {"pos/1.bak": "x", "pos/1.txt": "good", "neg/1.txt": "bad"})
    assert track(upload, ours=work).record.files == 3
    assert track(outside, ours=work).record.files == 2


def test_a_dvcignore_inside_the_data_is_refused_as_dvc_refuses_it(tmp_path: Path) -> None:
    data = draw(tmp_path / "data", {"a/x.txt": "x", "a/.dvcignore": "x.txt"})
    with pytest.raises(BadDataError, match=r"a/\.dvcignore.*beside the folder"):
        track(data)


def test_a_link_to_nothing_is_named(tmp_path: Path) -> None:
    data = draw(tmp_path / "data", {"a.txt": "a"})
    (data / "broken").symlink_to(data / "gone")
    with pytest.raises(BadDataError, match="'broken' is a link to nothing"):
        track(data)


def test_a_named_pipe_in_a_dataset_is_refused_and_not_waited_for(tmp_path: Path) -> None:
    data = draw(tmp_path / "data", {"a.txt": "a"})
    os.mkfifo(data / "pipe")
    with pytest.raises(BadDataError, match="'pipe' is not a regular file"):
        track(data)


def test_an_empty_folder_is_no_dataset(tmp_path: Path) -> None:
    (tmp_path / "data/inner").mkdir(parents=True)
    with pytest.raises(BadDataError, match="holds no files"):
        track(tmp_path / "data")


def test_a_file_name_that_no_manifest_can_hold_is_refused(tmp_path: Path) -> None:
    data = draw(tmp_path / "data", {"back\\slash.txt": "a"})
    with pytest.raises(InvalidError, match="clean relative path"):
        track(data)


@pytest.mark.parametrize("change", ["append", "rewrite", "remove"])
def test_a_file_that_changes_after_it_was_hashed_is_noticed(change: str, tmp_path: Path) -> None:
    data = draw(tmp_path / "data", {"a.txt": "aaaa", "b.txt": "bbbb"})
    tracked = track(data)
    tracked.check_unchanged()
    if change == "append":
        with (data / "b.txt").open("a") as stream:
            stream.write("!")
    elif change == "rewrite":
        (data / "b.txt").write_text("cccc")
        os.utime(data / "b.txt", ns=(1, 1))
    else:
        (data / "b.txt").unlink()
    with pytest.raises(DatasetChangedError, match=r"b\.txt"):
        tracked.check_unchanged()


def test_a_file_that_changed_before_it_was_copied_is_not_kept(tmp_path: Path) -> None:
    data = draw(tmp_path / "data", {"a.txt": "aaaa", "b.txt": "bbbb"})
    tracked = track(data)
    (data / "b.txt").write_text("cccc")
    with pytest.raises(DatasetChangedError, match=r"b\.txt"):
        tracked.keep(tmp_path / "cache", scratch=tmp_path)
    assert not (tmp_path / "cache").exists()


def test_a_full_disk_is_reported_as_a_full_disk(tmp_path: Path) -> None:
    draw(tmp_path / "data", {"table.csv": "text,label\na,x\nb,y\n" + "c,x\n" * 50_000})
    code = (
        "import resource, sys; from pathlib import Path; from registry.errors import NoSpaceError\n"
        "from tests.adapters.dvc.worlds import read\n"
        "resource.setrlimit(resource.RLIMIT_FSIZE, (100_000, 100_000))\n"
        "try: read(Path(sys.argv[1]) / 'data/table.csv', Path(sys.argv[1]) / 'scratch')\n"
        "except NoSpaceError as error: print(error)\n"
    )
    done = subprocess.run(
        [sys.executable, "-c", code, str(tmp_path)], capture_output=True, text=True, check=False, cwd=ROOT
    )
    assert done.stdout == "The disk is full. Make room and try again\n", done.stderr
    assert [path for path in (tmp_path / "scratch/cache").rglob("*") if path.is_file()] == []


def test_a_dataset_that_someone_writes_to_while_it_is_read_is_refused(tmp_path: Path) -> None:
    table = tmp_path / "table.csv"
    table.write_text("text,label\n" + "".join(f"word {n},{n % 2}\n" for n in range(2000)))
    done = threading.Event()

    def write() -> None:
        while not done.wait(0.0005):
            with table.open("a") as stream:
                stream.write("more,0\n")

    writer = threading.Thread(target=write)
    writer.start()
    try:
        with pytest.raises(DatasetChangedError, match=r"'table\.csv' changed while it was read"):
            read(table, tmp_path / "scratch")
    finally:
        done.set()
        writer.join()


def test_a_copy_in_the_cache_is_what_its_name_says(tmp_path: Path) -> None:
    data = draw(tmp_path / "data", {"a.txt": "aaaa"})
    md5 = "74b87337454200d4d33f80c4663dc5e5"
    rotten = tmp_path / "cache/files/md5" / md5[:2] / md5[2:]
    rotten.parent.mkdir(parents=True)
    rotten.write_text("rotten")
    track(data).keep(tmp_path / "cache", scratch=tmp_path)
    assert rotten.read_text() == "aaaa"
