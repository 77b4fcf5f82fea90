"""A person's whole story over HTTP: upload a model and data, run a transfer, have it approved, download the result."""

from __future__ import annotations

import hashlib
import json
import pickle
import struct
import time
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import httpx2 as httpx
import pytest

from tests.journeys import worlds
from tests.journeys.running import furnished, serving

pytestmark = pytest.mark.journey
API = "/api/v1"
SAID = {"task": "feature-extraction", "modality": "text", "licence": "MIT", "origin": "made up"}
CARD = "---\nlicense: mit\n---\n# Tiny\n\nA model for trying things out.\n"


@dataclass(frozen=True)
class Story:
    """A running server, and a client for each person."""

    address: str
    tokens: Mapping[str, str]
    home: Path

    def as_(self, handle: str) -> httpx.Client:
        headers = {"Authorization": f"Bearer {self.tokens[handle]}"}
        return httpx.Client(base_url=self.address, headers=headers, timeout=120)

    def left_over(self) -> list[Path]:
        uploads = self.home / "uploads"
        return list(uploads.iterdir()) if uploads.exists() else []


@pytest.fixture(scope="module")
def story(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Story]:
    home = tmp_path_factory.mktemp("http") / "home"
    tokens = furnished(home)
    with serving(home) as address:
        yield Story(address, tokens, home)


def parts(files: Mapping[str, bytes], details: object) -> list[tuple[str, Any]]:
    sent: list[tuple[str, Any]] = [("details", (None, json.dumps(details)))]
    return sent + [("file", (path, content)) for path, content in files.items()]


def uploaded(
    story: Story, path: str, files: Mapping[str, bytes], details: object, *, by: str = "ana"
) -> httpx.Response:
    with story.as_(by) as client:
        answer = client.post(f"{API}/{path}/versions", files=parts(files, details))
    assert story.left_over() == []
    return answer


@pytest.fixture(scope="module")
def source(story: Story, tmp_path_factory: pytest.TempPathFactory) -> str:
    folder = worlds.write_source(tmp_path_factory.mktemp("source"))
    files = {path.name: path.read_bytes() for path in folder.iterdir()}
    answer = uploaded(story, "models/library/tiny", files, SAID | {"card": CARD})
    assert answer.status_code == 201, answer.text
    return str(answer.json()["summary"]["ref"])


@pytest.fixture(scope="module")
def data(story: Story, tmp_path_factory: pytest.TempPathFactory) -> str:
    file = worlds.write_sentences(tmp_path_factory.mktemp("data"))
    details = {"task": "text-classification", "licence": "CC0-1.0", "origin": "made up"}
    answer = uploaded(story, "datasets/data/fruit", {file.name: file.read_bytes()}, details)
    assert answer.status_code == 201, answer.text
    assert {split["name"]: split["rows"] for split in answer.json()["summary"]["splits"]} == {
        "train": 48, "validation": 15, "test": 18,
    }  # fmt: skip
    return str(answer.json()["summary"]["ref"])


@pytest.fixture(scope="module")
def step(story: Story, source: str, data: str) -> Mapping[str, Any]:
    with story.as_("ana") as client:
        queued = client.post(f"{API}/transfers", content=worlds.RECIPE)
        assert queued.status_code == 202, queued.text
        path = f"{API}/transfers/{queued.json()['summary']['id']}"
        for _ in range(600):
            found: Mapping[str, Any] = client.get(path).json()
            if found["summary"]["state"] not in {"queued", "running"}:
                break
            time.sleep(0.1)
    assert found["summary"]["state"] == "succeeded", found["summary"]["error"]
    assert {one["ref"] for one in found["inputs"]} == {source, data}
    return found


def test_a_transfer_runs_in_the_background_and_leaves_a_version(story: Story, step: Mapping[str, Any]) -> None:
    assert step["summary"]["output"] == "models:/text/fruit/1"
    assert step["manifest_digest"]
    with story.as_("vera") as client:
        version = client.get(f"{API}/models/text/fruit/versions/latest").json()
        labels = {
            one["label"]
            for one in client.get(f"{API}/lineage", params={"target": "models:/text/fruit/1"}).json()["nodes"]
        }
    numbers = version["summary"]["metrics"]
    assert numbers["accuracy"] > numbers["baseline_accuracy"]
    assert any("library/tiny/1" in label for label in labels)


def test_what_is_downloaded_is_what_the_manifest_says(story: Story, step: Mapping[str, Any]) -> None:
    with story.as_("vera") as client:
        version = client.get(f"{API}/models/text/fruit/versions/1").json()
        for file in version["files"]:
            path = f"{API}/models/text/fruit/versions/1/files/{file['path']}"
            halves = [client.get(path, headers={"Range": f"bytes={part}"}) for part in ("0-99", "100-")]
            content = b"".join(half.content for half in halves) if file["size"] > 100 else client.get(path).content
            assert f"sha256:{hashlib.sha256(content).hexdigest()}" == file["sha256"]


def test_a_version_reaches_production_through_two_other_people(story: Story, step: Mapping[str, Any]) -> None:
    path = "models/text/fruit/versions/1"
    with story.as_("ana") as ana, story.as_("ben") as ben, story.as_("carla") as carla:

        def ask(stage: str) -> httpx.Response:
            return ana.post(f"{API}/promotions", json={"reference": "models:/text/fruit/1", "to_stage": stage})

        refused = ask("production")
        assert (refused.status_code, refused.json()["code"]) == (403, "policy-refused")
        assert refused.json()["facts"]["reasons"]
        ana.post(f"{API}/{path}/cards", json={"text": CARD}).raise_for_status()
        assert ask("candidate").json()["summary"]["state"] == "promoted"
        wanted = ask("validated").json()["summary"]["id"]
        own = ana.post(f"{API}/promotions/{wanted}/approve", json={})
        assert own.status_code == 403
        assert ben.post(f"{API}/promotions/{wanted}/approve", json={}).json()["summary"]["state"] == "promoted"
        ben.post(f"{API}/{path}/evidence", json={"type": "validation", "body": {"result": "pass"}}).raise_for_status()
        wanted = ask("production").json()["summary"]["id"]
        carla.post(f"{API}/promotions/{wanted}/approve", json={"comment": "risk is low"}).raise_for_status()
        still = ana.get(f"{API}/promotions/{wanted}").json()
        assert still["summary"]["state"] == "open"
        assert ana.get(f"{API}/{path}").json()["summary"]["stage"] == "validated"
        assert ana.get(f"{API}/audit/verify").json()["intact"]


def test_a_dataset_is_given_back_byte_for_byte(story: Story, data: str) -> None:
    with story.as_("vera") as client:
        version = client.get(f"{API}/datasets/data/fruit").json()
        (file,) = version["files"]
        content = client.get(f"{API}/datasets/data/fruit/versions/1/files/{file['path']}").content
        absent = client.get(f"{API}/datasets/data/fruit/versions/1/files/..%2f{file['path']}")
    assert content.startswith(b"text,label,split")
    assert f"sha256:{hashlib.sha256(content).hexdigest()}" == file["sha256"]
    assert absent.status_code == 404


class Bomb:
    def __reduce__(self) -> tuple[Any, tuple[str]]:
        return exec, ("raise SystemExit('boom')",)


def test_a_pickle_is_refused_unread_and_leaves_nothing(story: Story) -> None:
    for name in ("model.pt", "pytorch_model.bin", "weights.pth", "model.safetensors", "data.pkl"):
        answer = uploaded(
            story, "models/library/bomb", {name: pickle.dumps(Bomb())}, SAID | {"architecture": "resnet18"}
        )
        assert answer.status_code == 422, (name, answer.text)
        assert answer.json()["code"] in {"unsafe-artifact", "bad-artifact"}, name
    with story.as_("ana") as client:
        assert client.get(f"{API}/models/library/bomb").status_code == 404


def test_a_corrupt_file_is_named_and_leaves_nothing(story: Story) -> None:
    header = json.dumps({"w": {"dtype": "F32", "shape": [4], "data_offsets": [0, 16]}}).encode()
    short = struct.pack("<Q", len(header)) + header + b"\0" * 8
    answer = uploaded(story, "models/library/short", {"model.safetensors": short}, SAID)
    assert (answer.status_code, answer.json()["code"]) == (422, "bad-artifact")
    with story.as_("ana") as client:
        assert client.get(f"{API}/models/library/short").status_code == 404


def test_no_path_of_the_server_is_ever_a_source(story: Story) -> None:
    for details in ({"source": "/etc"}, {"name": "a/b"}, {"uploaded": False}, {"rev": "main"}):
        for kind in ("models/library/path", "datasets/library/path"):
            answer = uploaded(story, kind, {"data.csv": b"text,label\na,b\n"}, details)
            assert (answer.status_code, answer.json()["code"]) == (422, "invalid"), (kind, details)
    with story.as_("ana") as client:
        pointed = client.post(f"{API}/models/library/path/versions", json={"source": "/etc/passwd"})
    assert (pointed.status_code, pointed.json()["code"]) == (400, "bad-request")


def test_a_viewer_cannot_upload(story: Story) -> None:
    answer = uploaded(story, "models/library/mine", {"model.safetensors": b"x"}, SAID, by="vera")
    assert (answer.status_code, answer.json()["code"]) == (403, "permission-denied")
