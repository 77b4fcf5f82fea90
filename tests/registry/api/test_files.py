"""Downloads: the bytes of a manifest's rows and of nothing else, whole or by range."""

from __future__ import annotations

import hashlib
from pathlib import Path

import pytest

from registry.api.downloads import asked_range
from tests.family import WEIGHTS
from tests.serving import ServedRegistry, problem

FILE = "/api/v1/models/vision/digits/versions/2/files/weights/model.safetensors"
CONTENT = b"models:/vision/digits/2" + WEIGHTS


def test_a_file_is_served_as_its_bytes_and_never_displayed_by_a_browser(served: ServedRegistry) -> None:
    answer = served.client("vic").get(FILE)
    assert answer.content == CONTENT
    assert answer.headers["content-type"] == "application/octet-stream"
    assert answer.headers["content-disposition"] == "attachment; filename*=UTF-8''model.safetensors"
    assert answer.headers["x-content-type-options"] == "nosniff"
    assert answer.headers["etag"] == f'"sha256:{hashlib.sha256(CONTENT).hexdigest()}"'
    head = served.client("vic").head(FILE)
    assert (head.content, head.headers["content-length"]) == (b"", str(len(CONTENT)))


@pytest.mark.parametrize(
    ("header", "start", "end"),
    [("bytes=0-9", 0, 10), ("bytes=5-", 5, None), ("bytes=-7", -7, None), ("bytes=10-99999999", 10, None)],
)
def test_a_range_gives_that_part_of_the_blob(served: ServedRegistry, header: str, start: int, end: int | None) -> None:
    answer = served.client("vic").get(FILE, headers={"Range": header})
    part = CONTENT[start:end]
    assert (answer.status_code, answer.content) == (206, part)
    first = CONTENT.index(part) if start >= 0 else len(CONTENT) + start
    assert answer.headers["content-range"] == f"bytes {first}-{first + len(part) - 1}/{len(CONTENT)}"


def test_a_range_outside_the_file_is_not_satisfiable(served: ServedRegistry) -> None:
    answer = served.client("vic").get(FILE, headers={"Range": f"bytes={len(CONTENT)}-"})
    assert (answer.status_code, answer.headers["content-range"]) == (416, f"bytes */{len(CONTENT)}")


def test_a_client_with_the_same_file_gets_304_and_one_with_another_gets_it_whole(served: ServedRegistry) -> None:
    client = served.client("vic")
    etag = client.get(FILE).headers["etag"]
    assert client.get(FILE, headers={"If-None-Match": etag}).status_code == 304
    other = client.get(FILE, headers={"Range": "bytes=0-3", "If-Range": '"sha256:other"'})
    assert (other.status_code, other.content) == (200, CONTENT)


@pytest.mark.parametrize("header", ["bytes=1-2,4-5", "lines=1-2", "bytes=9-3", "bytes=-", "nonsense", "bytes=a-b"])
def test_a_range_that_is_not_understood_is_ignored(header: str) -> None:
    assert asked_range(header, 100) is None


@pytest.mark.parametrize(
    "path",
    [
        "config.json/%2e%2e/weights/model.safetensors",
        "../../../../etc/passwd",
        "%2e%2e%2f%2e%2e%2fetc%2fpasswd",
        "/etc/passwd",
        "weights",
        "weights/",
        "config.json%00",
        "CONFIG.JSON",
    ],
)
def test_a_path_that_the_manifest_does_not_list_is_not_a_file(served: ServedRegistry, path: str) -> None:
    base = FILE.removesuffix("weights/model.safetensors")
    assert problem(served.client("vic").get(base + path))["status"] == 404


def blob_of(served: ServedRegistry, content: bytes) -> Path:
    digest = hashlib.sha256(content).hexdigest()
    path = served.family.home / "blobs" / digest[:2] / digest[2:4] / digest
    path.parent.chmod(0o755)
    return path


@pytest.mark.parametrize("headers", [{}, {"Range": "bytes=0-9"}, {"If-None-Match": "ETAG"}])
@pytest.mark.parametrize("method", ["GET", "HEAD"])
def test_no_response_announces_a_file_whose_bytes_are_missing(
    own_served: ServedRegistry, method: str, headers: dict[str, str]
) -> None:
    etag = f'"sha256:{hashlib.sha256(CONTENT).hexdigest()}"'
    blob_of(own_served, CONTENT).unlink()
    sent = {name: value.replace("ETAG", etag) for name, value in headers.items()}
    answer = own_served.client("vic").request(method, FILE, headers=sent)
    assert answer.status_code == 404
    if method == "GET":
        assert "The stored bytes of 'weights/model.safetensors'" in problem(answer)["detail"]


def test_a_version_that_was_found_damaged_is_refused_and_shown(own_served: ServedRegistry) -> None:
    admin, guest = own_served.client("ana"), own_served.client("vic")
    assert admin.get("/api/v1/store/check").json() is None
    blob_of(own_served, CONTENT).unlink()
    assert problem(guest.post("/api/v1/store/check"))["code"] == "permission-denied"
    report = admin.post("/api/v1/store/check?seconds=60").json()
    assert [(one["ref"], one["place"], one["fault"]) for one in report["damage"]] == [
        ("models:/vision/digits/2", "weights/model.safetensors", "missing")
    ]
    assert guest.get("/api/v1/store/check").json()["damage"] == report["damage"]
    whole = FILE.replace("weights/model.safetensors", "config.json")
    assert problem(guest.get(whole))["code"] == "damaged"
    assert guest.head(whole).status_code == 403
    assert guest.get("/api/v1/models/vision/digits/versions/2").json()["summary"]["damaged"] is True
    found = [one["message"] for one in guest.get("/api/v1/doctor").json() if one["level"] == "error"]
    assert found == [
        "weights/model.safetensors of models:/vision/digits/2 is missing: forebear store repair --from BACKUP"
    ]


def test_files_of_a_deprecated_version_are_served_with_its_status_and_of_a_suspended_one_not_at_all(
    own_served: ServedRegistry,
) -> None:
    fresh, ana = own_served.client("vic").get(FILE), own_served.client("ana")
    assert "forebear-status" not in fresh.headers
    version = FILE.partition("/files/")[0]
    assert ana.post(f"{version}/deprecate", json={"reason": "use 3 – für alle"}).status_code == 200
    answer = own_served.client("vic").get(FILE)
    assert (answer.content, answer.headers["forebear-status"]) == (CONTENT, "deprecated")
    assert answer.headers["forebear-status-reason"] == "use 3 %E2%80%93 f%C3%BCr alle"
    assert ana.post(f"{version}/suspend", json={"reason": "wrong"}).status_code == 200
    assert problem(own_served.client("vic").get(FILE))["status"] == 423
    assert (
        problem(own_served.client("vic").get(FILE, headers={"If-None-Match": fresh.headers["etag"]}))["status"] == 423
    )
