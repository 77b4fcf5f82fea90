"""Answers are compressed where that saves bytes and tells nothing about a secret."""

from __future__ import annotations

import gzip

import pytest
import zstandard

from tests.serving import ServedRegistry, form_token

ZIPPED = {"Accept-Encoding": "gzip"}


@pytest.mark.parametrize(
    "path", ["/", "/models/vision/digits/2", "/api/v1/models", "/static/forebear.css", "/api/v1/audit/export"]
)
def test_text_is_compressed_for_who_asks_and_only_then(served: ServedRegistry, path: str) -> None:
    client = served.client("ana")
    answer = client.get(path, headers=ZIPPED)
    assert answer.headers["content-encoding"] == "gzip"
    assert answer.headers["vary"] == "Accept-Encoding"
    plain = client.get(path, headers={"Accept-Encoding": "identity"})
    assert "content-encoding" not in plain.headers
    assert answer.headers["content-type"] == plain.headers["content-type"]
    if "content-length" in answer.headers:
        assert int(answer.headers["content-length"]) < len(plain.content) / 2
    if not path.endswith("export"):
        assert answer.text.partition("<footer")[0] == plain.text.partition("<footer")[0]


def unpacked(coding: str | None, raw: bytes) -> bytes:
    if coding == "zstd":
        return zstandard.decompress(raw)
    return gzip.decompress(raw) if coding == "gzip" else raw


def test_zstd_is_preferred_and_what_the_client_refuses_is_not_used(served: ServedRegistry) -> None:
    client = served.client("ana")
    plain = client.get("/api/v1/models", headers={"Accept-Encoding": "identity"}).content
    for accepted, coding in (
        ("gzip, deflate, br, zstd", "zstd"),
        ("zstd;q=0.2, gzip;q=0.8", "gzip"),
        ("gzip;q=0, zstd", "zstd"),
        ("zstd;q=0", None),
        ("gzip;q=none", None),
        ("br", None),
    ):
        with client.stream("GET", "/api/v1/models", headers={"Accept-Encoding": accepted}) as answer:
            raw = b"".join(answer.iter_raw())
        assert answer.headers.get("content-encoding") == coding, accepted
        assert unpacked(coding, raw) == plain
        assert answer.headers["vary"] == "Accept-Encoding"


def test_short_answers_are_not_worth_it(served: ServedRegistry) -> None:
    answer = served.client("ana").get("/api/2.0/mlflow/registered-models/search?max_results=0", headers=ZIPPED)
    assert answer.status_code == 200
    assert "content-encoding" not in answer.headers


def test_files_and_their_byte_ranges_go_out_as_they_are(served: ServedRegistry) -> None:
    client = served.client("vic")
    version = client.get("/api/v1/models/vision/digits/versions/2").json()
    file = max(version["files"], key=lambda one: int(one["size"]))
    path = f"/api/v1/models/vision/digits/versions/2/files/{file['path']}"
    whole = client.get(path, headers=ZIPPED)
    assert "content-encoding" not in whole.headers
    assert int(whole.headers["content-length"]) == file["size"] > 1000
    part = client.get(path, headers=ZIPPED | {"Range": "bytes=100-899"})
    assert (part.status_code, part.headers["content-range"]) == (206, f"bytes 100-899/{file['size']}")
    assert "content-encoding" not in part.headers
    assert part.content == whole.content[100:900]


def test_an_event_stream_is_not_compressed(served: ServedRegistry) -> None:
    client = served.client("vic")
    step = client.get("/api/v1/models/vision/digits/versions/2").json()["step"]
    answer = client.get(f"/api/v1/transfers/{step}/events", headers=ZIPPED)
    assert answer.headers["content-type"].startswith("text/event-stream")
    assert "content-encoding" not in answer.headers


def test_an_answer_that_holds_a_new_token_is_not_compressed(own_served: ServedRegistry) -> None:
    answer = own_served.client("ana").post(
        "/api/v1/people/vic/tokens", json={"label": "a label " * 12 + "x"}, headers=ZIPPED
    )
    assert answer.status_code == 201
    assert "content-encoding" not in answer.headers


def test_no_two_pages_carry_the_same_csrf_token_and_each_works(own_served: ServedRegistry) -> None:
    browser = own_served.browser("ana")
    tokens = [form_token(browser.get("/", headers=ZIPPED).text) for _ in range(3)]
    assert len(set(tokens)) == 3
    assert len({token[:12] for token in tokens} | {token[-12:] for token in tokens}) == 6, "no part of it stays"
    body = {"version": 1}
    for token in tokens:
        path = "/api/v1/models/vision/digits/aliases/candidate-two"
        assert browser.put(path, json=body, headers={"X-CSRF-Token": token}).status_code == 200
