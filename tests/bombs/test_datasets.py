"""Each bomb is refused by the process that reads datasets, soon, in little memory, and with the limit named."""

from __future__ import annotations

import json
import re
import signal
from collections.abc import Iterator
from pathlib import Path

import pytest

from registry.domain.data.datasets import LabelKind
from registry.errors import RegistryError, TooLargeError
from registry.limits import DEFAULT, DataLimits
from registry.ports.data import HowToRead
from registry.sandbox import readers
from registry.sandbox.data_wire import DataRequest
from registry.sandbox.readers import Ended, Reader, read_in_subprocess, request_for, result
from tests.adapters.dvc.worlds import draw, paint, paint_classes, read
from tests.bombs import Bomb
from tests.bombs.arrays import ARRAYS, PARQUET
from tests.bombs.pictures import LISTED, PICTURES
from tests.bombs.texts import CSV, FOLDERS, JSON

ALL = [*ARRAYS, *PARQUET, *CSV, *JSON, *FOLDERS, *PICTURES, *LISTED]
QUICK = re.compile(r"claims|negative|columns-of-y|nested|accents|jpeg-of|npz-rows|3-million-cells|splits")
"""The bombs that are cheap to build; `make test-slow` has all."""
TABLE = "text,label\n" + "".join(f"text {number},{number % 3}\n" for number in range(9))


@pytest.fixture(scope="module")
def reader() -> Iterator[Reader]:
    reader = Reader()
    yield reader
    reader.end()


def refused(bomb: Bomb, reader: Reader, folder: Path) -> None:
    (folder / "source").mkdir()
    (folder / "staging").mkdir()
    source, ended = bomb.build(folder / "source"), None
    with pytest.raises(RegistryError, match=bomb.words):  # noqa: PT012 -- also before the process is asked
        request = request_for(source, bomb.how, staging=folder / "staging", cache=folder / "cache", limits=DEFAULT)
        ended = reader.run(request)
        assert ended is not None
        result(request, ended)
    assert ended is None or (ended.seconds < 2 and ended.peak < 500_000_000), ended
    assert not (folder / "cache").exists()


@pytest.mark.parametrize("bomb", [one for one in ALL if QUICK.search(one.name)], ids=lambda bomb: bomb.name)
def test_a_small_bomb_is_refused_by_name_within_two_seconds_and_500_mb(
    bomb: Bomb, reader: Reader, tmp_path: Path
) -> None:
    refused(bomb, reader, tmp_path)


@pytest.mark.slow
@pytest.mark.parametrize("bomb", [one for one in ALL if not QUICK.search(one.name)], ids=lambda bomb: bomb.name)
def test_a_bomb_is_refused_by_name_within_two_seconds_and_500_mb(bomb: Bomb, reader: Reader, tmp_path: Path) -> None:
    refused(bomb, reader, tmp_path)


@pytest.mark.parametrize(
    ("limits", "files", "labels"),
    [
        (DataLimits(rows=8), {"a.csv": TABLE}, LabelKind.CLASS),
        (DataLimits(cell=5), {"a.csv": TABLE}, LabelKind.CLASS),
        (DataLimits(cell=5), {"cat/1.txt": "a longer text than that", "dog/1.txt": "a"}, LabelKind.CLASS),
        (DataLimits(classes=2), {"a.csv": TABLE}, LabelKind.CLASS),
        (DataLimits(classes=2), {"a.csv": "text,label\na b,x y\nc,z\n"}, LabelKind.TAGS),
        (DataLimits(classes=2), {"a.csv": "text,label\na,x|y\nb,z\n"}, LabelKind.MANY),
        (DataLimits(files=2), {"cat/1.txt": "a", "dog/1.txt": "b"}, LabelKind.CLASS),
    ],
)
def test_each_limit_is_named_with_the_setting_that_raises_it(
    limits: DataLimits, files: dict[str, str], labels: LabelKind, tmp_path: Path
) -> None:
    (changed,) = (name for name in DataLimits.__dataclass_fields__ if getattr(limits, name) != getattr(DEFAULT, name))
    setting = f"FOREBEAR_DATA_{changed.upper()}"
    data = draw(tmp_path / "data", files)
    with pytest.raises(TooLargeError, match=f"raise {setting} where the registry runs") as caught:
        read(data, tmp_path / "scratch", limits=limits, labels=labels)
    assert caught.value.facts == {"setting": setting}
    read(data, tmp_path / "scratch", labels=labels)


def test_a_picture_may_have_as_many_pixels_as_the_setting_says(tmp_path: Path) -> None:
    data = paint_classes(tmp_path / "data", {"cat": 2, "dog": 2})
    paint(data / "cat/large.png", 77, (20, 10))
    assert len(read(data, tmp_path / "scratch", limits=DataLimits(pixels=200)).rows) == 5
    with pytest.raises(TooLargeError, match="FOREBEAR_DATA_PIXELS"):
        read(data, tmp_path / "scratch", limits=DataLimits(pixels=199))


def staged(folder: Path) -> Path:
    folder.mkdir()
    return folder


def test_a_dataset_that_needs_more_memory_than_it_may_use_is_refused(tmp_path: Path) -> None:
    source = draw(tmp_path, {"a.csv": "text,label\n" + "".join(f"{n},{n % 2}\n" for n in range(100_000))}) / "a.csv"
    limits = DataLimits(memory=90_000_000)
    with pytest.raises(TooLargeError, match=r"more memory than 90,000,000 bytes.* raise FOREBEAR_DATA_MEMORY"):
        read_in_subprocess(source, HowToRead(), staging=staged(tmp_path / "s"), cache=tmp_path / "c", limits=limits)
    assert not (tmp_path / "c").exists()


@pytest.mark.slow
def test_a_dataset_that_takes_too_long_is_refused_and_the_next_one_read(tmp_path: Path) -> None:
    source = draw(tmp_path, {"a.csv": TABLE + TABLE.replace("text,label\n", "") * 200_000}) / "a.csv"
    limits = DataLimits(seconds=1)
    with pytest.raises(TooLargeError, match=r"longer than 1 seconds.* raise FOREBEAR_DATA_SECONDS"):
        read_in_subprocess(source, HowToRead(), staging=staged(tmp_path / "s"), cache=tmp_path / "c", limits=limits)
    source.write_text(TABLE)
    found = read_in_subprocess(
        source, HowToRead(), staging=staged(tmp_path / "t"), cache=tmp_path / "c", limits=DEFAULT
    )
    assert found.rows == 9


def test_one_waiting_process_serves_all_datasets_of_a_command(tmp_path: Path) -> None:
    source, seen = draw(tmp_path, {"a.csv": TABLE}) / "a.csv", set()
    for number in range(3):
        staging = staged(tmp_path / str(number))
        found = read_in_subprocess(source, HowToRead(), staging=staging, cache=tmp_path / "c", limits=DEFAULT)
        assert found.index.read_bytes().count(b"\n") == found.rows == 9
        (waiting,) = readers._idle
        seen.add(waiting.process.pid)
    assert len(seen) == 1
    waiting.process.kill()
    waiting.process.wait()
    staging = staged(tmp_path / "after")
    assert read_in_subprocess(source, HowToRead(), staging=staging, cache=tmp_path / "c", limits=DEFAULT).rows == 9


def test_the_waiting_process_has_no_secret_and_one_thread_and_ends_with_its_parent(
    monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    monkeypatch.setenv("FOREBEAR_SECRET", "hush")
    monkeypatch.setenv("AWS_SECRET_ACCESS_KEY", "hush")
    reader = Reader()
    request = a_request(tmp_path)
    try:
        assert reader.run(request) is not None
        assert b"hush" not in Path(f"/proc/{reader.process.pid}/environ").read_bytes()
        assert len(list(Path(f"/proc/{reader.process.pid}/task").iterdir())) == 1
        assert reader.process.stdin is not None
        reader.process.stdin.close()
        assert reader.process.wait(timeout=20) == 0
    finally:
        reader.end()


def a_request(folder: Path) -> DataRequest:
    source = draw(folder, {"a.csv": TABLE}) / "a.csv"
    return request_for(source, HowToRead(), staging=staged(folder / "s"), cache=folder / "c", limits=DEFAULT)


@pytest.mark.parametrize(
    ("number", "setting"), [(signal.SIGXCPU, "FOREBEAR_DATA_SECONDS"), (signal.SIGSEGV, "FOREBEAR_DATA_MEMORY")]
)
def test_a_process_that_is_ended_by_a_signal_is_one_clear_error(number: int, setting: str, tmp_path: Path) -> None:
    with pytest.raises(TooLargeError, match=setting):
        result(a_request(tmp_path), Ended(code=-number, peak=0, seconds=0.0))


def one_file(path: str, digest: str = "sha256:" + "0" * 64) -> list[dict[str, object]]:
    return [{"path": path, "size": 1, "sha256": digest}]


@pytest.mark.parametrize("files", [one_file("../../secret"), one_file("/etc/passwd"), one_file("a", "?"), None])
def test_an_answer_that_names_files_elsewhere_is_not_believed(files: object, tmp_path: Path, reader: Reader) -> None:
    request = a_request(tmp_path)
    ended = reader.run(request)
    assert ended is not None
    answer = request.scratch / "answer.json"
    said = json.loads(answer.read_text())
    said["summary"]["files"] = files
    answer.write_text(json.dumps(said))
    with pytest.raises(RegistryError, match="gave an answer that cannot be read"):
        result(request, ended)
