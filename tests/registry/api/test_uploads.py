"""Uploads: streamed to names of the server's own, capped, every path checked, and nothing left behind."""

from __future__ import annotations

import asyncio
import json
from collections.abc import Iterable, Iterator
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import pytest
from starlette.requests import Request

from registry.api import uploads
from registry.api.uploads import received
from registry.errors import InvalidError, NoSpaceError, RegistryError, TooLargeError, UnsafeArtifactError, UsageError
from registry.files import private_folder
from registry.settings import Settings
from tests.bombs.arrays import archive, header
from tests.serving import ServedRegistry, problem

BOUNDARY = "frontier"
CLOSED = {"type": "http.disconnect"}


def multipart(files: Iterable[tuple[str, bytes]], details: object = None) -> bytes:
    parts = b""
    if details is not None:
        parts += f'--{BOUNDARY}\r\nContent-Disposition: form-data; name="details"\r\n\r\n'.encode()
        parts += json.dumps(details).encode() + b"\r\n"
    for path, content in files:
        disposition = f'Content-Disposition: form-data; name="file"; filename="{path}"'
        parts += f"--{BOUNDARY}\r\n{disposition}\r\n\r\n".encode() + content + b"\r\n"
    return parts + f"--{BOUNDARY}--\r\n".encode()


def request(body: bytes, home: Path, *, limit: int = 10**6, chunk: int = 7, content_type: str | None = None) -> Request:
    chunks: Iterator[bytes] = (body[at : at + chunk] for at in range(0, len(body), chunk))

    async def receive() -> dict[str, Any]:
        part = next(chunks, None)
        return {"type": "http.request", "body": part or b"", "more_body": part is not None}

    kind = content_type or f"multipart/form-data; boundary={BOUNDARY}"
    app = SimpleNamespace(state=SimpleNamespace(home=home, settings=Settings(max_upload=limit)))
    scope = {"type": "http", "method": "POST", "headers": [(b"content-type", kind.encode())], "app": app}
    return Request(scope, receive)


def take(asked: Request) -> tuple[str, dict[str, bytes], object]:
    """What came: the source's name, the files by path with their bytes, and the details."""

    async def run() -> tuple[str, dict[str, bytes], object]:
        async with received(asked) as upload:
            found = {path: place.read_bytes() for path, place in upload.files.items()}
            assert all(place.resolve().is_relative_to(asked.app.state.home) for place in upload.files.values())
            return upload.source.name, found, upload.details

    return asyncio.run(run())


def left_over(home: Path) -> list[Path]:
    return [path for path in home.rglob("*") if path.is_file()] + list((home / "uploads").iterdir())


def test_an_uploaded_folder_keeps_its_paths_and_is_deleted_afterwards(tmp_path: Path) -> None:
    sent = {"config.json": b"{}", "weights/a.safetensors": b"\r\n--frontie\x00" * 99, "empty": b""}
    name, files, details = take(request(multipart(sent.items(), {"task": "x"}), tmp_path))
    assert (name, files, details) == ("tree", sent, {"task": "x"})
    assert left_over(tmp_path) == []


def test_a_single_file_is_a_source_by_itself(tmp_path: Path) -> None:
    assert take(request(multipart([("data.csv", b"a,b")]), tmp_path)) == ("data.csv", {"data.csv": b"a,b"}, {})


@pytest.mark.parametrize(
    "path",
    ["../x", "a/../../x", "/etc/passwd", "a//b", "./a", "a/", "", "..", "a\\..\\b", "a\x01b", "a" * 1025],
)
def test_a_path_that_is_not_clean_is_refused(tmp_path: Path, path: str) -> None:
    with pytest.raises(RegistryError) as refusal:
        take(request(multipart([(path, b"x")]), tmp_path))
    assert isinstance(refusal.value, InvalidError | UsageError)
    assert left_over(tmp_path) == []


def test_a_path_given_twice_and_a_file_used_as_a_folder_are_refused(tmp_path: Path) -> None:
    with pytest.raises(UsageError, match="twice"):
        take(request(multipart([("a", b"1"), ("a", b"2")]), tmp_path))
    with pytest.raises(UsageError, match="cannot be a file"):
        take(request(multipart([("a", b"1"), ("a/b", b"2")]), tmp_path))
    assert left_over(tmp_path) == []


def test_pointers_to_elsewhere_are_not_taken(tmp_path: Path) -> None:
    with pytest.raises(UnsafeArtifactError, match="only points to data"):
        take(request(multipart([("images.DVC", b"outs: []")]), tmp_path))


def test_an_upload_over_the_limit_stops_there(tmp_path: Path) -> None:
    body = multipart([("big", b"x" * 5000)])
    with pytest.raises(TooLargeError, match="1,000 bytes"):
        take(request(body, tmp_path, limit=1000))
    assert left_over(tmp_path) == []


def test_an_upload_that_was_cut_short_is_refused(tmp_path: Path) -> None:
    body = multipart([("a", b"x" * 500)])
    for cut in (len(body) - 8, len(body) // 2):
        with pytest.raises(UsageError, match="cut short"):
            take(request(body[:cut], tmp_path))
    assert left_over(tmp_path) == []


@pytest.mark.parametrize("content_type", ["application/json", "multipart/form-data", "text/plain; boundary=x"])
def test_what_is_not_multipart_is_refused(tmp_path: Path, content_type: str) -> None:
    with pytest.raises(UsageError, match="multipart/form-data"):
        take(request(b"{}", tmp_path, content_type=content_type))


def test_an_upload_without_files_or_with_other_fields_is_refused(tmp_path: Path) -> None:
    with pytest.raises(UsageError, match="no file"):
        take(request(multipart([], {}), tmp_path))
    other = multipart([("a", b"1")], {}).replace(b'name="details"', b'name="source"')
    with pytest.raises(UsageError, match="one part `details`"):
        take(request(other, tmp_path))
    broken = multipart([("a", b"1")], {}).replace(b"{}", b"{[")
    with pytest.raises(UsageError, match="not JSON"):
        take(request(broken, tmp_path))
    with pytest.raises(UsageError, match="cannot be read"):
        take(request(b"no boundary here at all", tmp_path))


def test_a_full_disk_keeps_nothing(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    class Full:
        def write(self, data: bytes) -> int:
            raise OSError(28, "No space left on device")

        def close(self) -> None: ...

    monkeypatch.setattr(Path, "open", lambda *_: Full())
    with pytest.raises(NoSpaceError):
        take(request(multipart([("a", b"1")]), tmp_path))
    assert left_over(tmp_path) == []


def test_a_connection_that_closes_leaves_nothing(tmp_path: Path) -> None:
    body, sent = multipart([("a", b"x" * 500)]), []

    async def receive() -> dict[str, Any]:
        sent.append(1)
        return {"type": "http.request", "body": body[:300], "more_body": True} if len(sent) == 1 else CLOSED

    asked = request(body, tmp_path)
    with pytest.raises(UsageError, match="connection was closed"):
        take(Request(asked.scope, receive))
    assert left_over(tmp_path) == []


def test_what_a_killed_server_left_is_swept_and_uploads_that_go_on_stay(tmp_path: Path) -> None:
    (tmp_path / "uploads/killed/parts").mkdir(parents=True)
    with private_folder(tmp_path / "uploads") as going:
        uploads.sweep(tmp_path)
        assert going.is_dir()
    assert list((tmp_path / "uploads").iterdir()) == []


def test_too_many_files_are_refused(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(uploads, "MAX_FILES", 3)
    with pytest.raises(TooLargeError, match="3 files"):
        take(request(multipart([(f"f{n}", b"") for n in range(4)]), tmp_path))


def test_an_uploaded_dataset_over_a_limit_is_refused_by_the_setting_and_leaves_nothing(
    own_served: ServedRegistry, tmp_path: Path
) -> None:
    bomb = archive(tmp_path, {"x": header((10**6, 10**6), "<f8")})
    body = multipart([("a.npz", bomb.read_bytes())], {"licence": "MIT", "labels": "none"})
    before = stored(own_served.family.home)
    kind = {"Content-Type": f"multipart/form-data; boundary={BOUNDARY}"}
    dev, path = own_served.client("dev"), "/api/v1/datasets/data/bomb/versions"
    answer = dev.post(path, content=body, headers=kind)
    assert answer.status_code == 413
    refusal = problem(answer)
    assert (refusal["code"], refusal["facts"]) == ("too-large", {"setting": "FOREBEAR_DATA_EXPANSION"})
    assert "raise FOREBEAR_DATA_EXPANSION where the registry runs" in refusal["remedy"]
    assert stored(own_served.family.home) == before
    assert dev.get(path).status_code == 404


def stored(home: Path) -> set[str]:
    """The files of a registry folder but its database."""
    return {str(path) for path in home.rglob("*") if path.is_file() and not path.name.startswith("registry.db")}
