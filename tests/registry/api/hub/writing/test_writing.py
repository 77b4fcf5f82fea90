"""The Hub's protocol, written: files come in a commit or by LFS, a commit is a draft, and a tag makes a version."""

from __future__ import annotations

import base64
import hashlib
import json
from collections.abc import Iterator, Mapping
from typing import Any

import numpy as np
import pytest
from fastapi.testclient import TestClient
from safetensors.numpy import save

from registry.api.hub.writing.lfs import PART
from tests.importing import importing_here
from tests.serving import HOST, ServedRegistry, copy_of

NEW = "/api/models/vision/new"
CARD = "---\nlicense: mit\nbase_model: library/lite0.v1\n---\n# New\n"
WEIGHTS = save({"head.weight": np.arange(60, dtype=np.float32).reshape(20, 3)})


@pytest.fixture(scope="module")
def own(served: ServedRegistry, tmp_path_factory: pytest.TempPathFactory) -> ServedRegistry:
    """A copy in which each test writes a model of its own."""
    return copy_of(served, tmp_path_factory.mktemp("written") / "home")


@pytest.fixture(autouse=True)
def _without_drafts(own: ServedRegistry) -> Iterator[None]:
    """Each test begins without a draft of these."""
    yield
    for name in ("new", "digits"):
        assert own.client("dev").delete(f"/api/v1/drafts/vision/{name}").status_code in {204, 404}


def line(key: str, value: Mapping[str, object]) -> str:
    return json.dumps({"key": key, "value": value})


def small(path: str, body: str) -> str:
    content = base64.b64encode(body.encode()).decode()
    return line("file", {"path": path, "content": content, "encoding": "base64"})


def large(path: str, body: bytes) -> str:
    oid = hashlib.sha256(body).hexdigest()
    return line("lfsFile", {"path": path, "algo": "sha256", "oid": oid, "size": len(body)})


def commit(client: TestClient, *lines: str, parent: str | None = None, of: str = NEW) -> Any:
    header = line("header", {"summary": "Add", "description": ""} | ({"parentCommit": parent} if parent else {}))
    return client.post(f"{of}/commit/main", content="\n".join((header, *lines)))


def batch(client: TestClient, *bodies: bytes) -> Any:
    objects = [{"oid": hashlib.sha256(body).hexdigest(), "size": len(body)} for body in bodies]
    asked = {"operation": "upload", "transfers": ["basic", "multipart"], "objects": objects, "hash_algo": "sha256"}
    return client.post("/vision/new.git/info/lfs/objects/batch", json=asked)


def path_of(href: str) -> str:
    assert href.startswith(HOST)
    return href.removeprefix(HOST)


def created(client: TestClient, name: str = "new") -> None:
    answer = client.post("/api/repos/create", json={"name": name, "organization": "vision"})
    assert (answer.status_code, answer.json()["url"]) == (200, f"{HOST}/vision/{name}")


def sent(served: ServedRegistry, body: bytes) -> None:
    """By LFS, as a client does: to the signed address without a token."""
    dev, nobody = served.client("dev"), served.client()
    action = batch(dev, body).json()["objects"][0]["actions"]
    put = nobody.put(path_of(action["upload"]["href"]), content=body)
    assert put.status_code == 200, put.text
    oid = {"oid": hashlib.sha256(body).hexdigest(), "size": len(body)}
    assert dev.post(path_of(action["verify"]["href"]), json=oid).status_code == 200


def test_a_model_is_created_sent_committed_and_tagged(own: ServedRegistry) -> None:
    dev = own.client("dev")
    created(dev, "made")
    again = dev.post("/api/repos/create", json={"name": "made", "organization": "vision"})
    assert (again.status_code, again.json()["url"]) == (409, f"{HOST}/vision/made")
    sent(own, WEIGHTS)
    assert "actions" not in batch(dev, WEIGHTS).json()["objects"][0], "it need not be sent again"
    made = commit(dev, small("README.md", CARD), large("model.safetensors", WEIGHTS), of="/api/models/vision/made")
    assert made.status_code == 200, made.text
    head = made.json()["commitOid"]
    assert "forebear register vision/made" in made.headers["x-hf-warning"]
    for revision in ("main", "draft", head):
        shown = dev.get(f"/api/models/vision/made/revision/{revision}")
        assert (shown.json()["sha"], shown.headers["x-repo-commit"]) == (head, head)
    with importing_here():
        tagged = dev.post("/api/models/vision/made/tag/main", json={"tag": "candidate"})
        assert tagged.status_code == 422
        assert "--modality ... to: forebear register vision/made" in tagged.headers["x-error-message"]
        said = {"task": "image-classification", "modality": "image", "alias": "candidate"}
        registered = dev.post("/api/v1/drafts/vision/made/register", json=said)
    assert registered.status_code == 201, registered.text
    assert [one["ref"] if isinstance(one, dict) else one for one in registered.json()["parents"]] == [
        "models:/library/lite0/1"
    ]
    assert dev.get("/api/v1/drafts").json() == []


def test_a_tag_that_is_refused_makes_no_version(own: ServedRegistry) -> None:
    dev = own.client("dev")
    created(dev)
    commit(dev, small("README.md", CARD), small("config.json", "{}"))
    for tag, status, why in (
        ("Not A Tag", 400, "cannot be a tag here"),
        ("main", 400, "cannot be a tag here"),
        ("v7", 409, "is number 1, not 7"),
        ("production", 403, "follows a promotion"),
    ):
        answer = dev.post(f"{NEW}/tag/main", json={"tag": tag})
        assert (answer.status_code, why in answer.json()["error"]) == (status, True), answer.text
    assert dev.get("/api/v1/models/vision/new").status_code == 404
    assert dev.get("/api/v1/drafts/vision/new").status_code == 200


def test_a_tag_of_a_version_is_one_more_alias(own: ServedRegistry) -> None:
    dev = own.client("dev")
    answer = dev.post("/api/models/vision/digits/tag/v1", json={"tag": "first"})
    assert (answer.status_code, answer.json()) == (200, {"version": 1})
    assert dev.post("/api/models/vision/digits/tag/v1", json={"tag": "first"}).status_code == 409
    assert dev.post("/api/models/vision/digits/tag/v1", json={"tag": "v3"}).status_code == 409


def test_a_stale_commit_is_refused(own: ServedRegistry) -> None:
    dev = own.client("dev")
    created(dev)
    first = commit(dev, small("a.txt", "a")).json()["commitOid"]
    assert commit(dev, small("b.txt", "b"), parent=first).status_code == 200
    stale = commit(dev, small("c.txt", "c"), parent=first)
    assert stale.status_code == 412
    assert "is at the commit" in stale.headers["x-error-message"]


def test_a_commit_to_a_model_begins_with_its_newest_version(own: ServedRegistry) -> None:
    dev = own.client("dev")
    of = "/api/models/vision/digits"
    newest = dev.get("/api/models/vision/digits/revision/2").json()["sha"]
    asked = [{"path": "config.json", "size": 2, "sample": ""}, {"path": "weights/model.safetensors", "size": 10**6}]
    regular, lfs = dev.post(f"{of}/preupload/main", json={"files": asked}).json()["files"]
    assert (regular["uploadMode"], lfs["uploadMode"]) == ("regular", "lfs")
    tree = {one["path"]: one for one in dev.get(f"{of}/tree/2?recursive=true").json()}
    assert lfs["oid"] == tree["weights/model.safetensors"]["lfs"]["oid"]
    made = commit(dev, small("notes.txt", "x"), parent=newest, of=of)
    assert made.status_code == 200, made.text
    files = [one["path"] for one in dev.get("/api/v1/drafts/vision/digits").json()["files"]]
    assert files == ["README.md", "config.json", "notes.txt", "weights/model.safetensors"]
    assert dev.get(f"{of}/revision/main").json()["sha"] == newest, "what is read stays the version"


def test_of_a_draft_those_who_contribute_see_the_files_and_are_given_the_card(own: ServedRegistry) -> None:
    dev, vic = own.client("dev"), own.client("vic")
    created(dev)
    commit(dev, small("README.md", CARD), small("config.json", "{}"))
    assert dev.get("/vision/new/resolve/main/README.md").text == CARD
    closed = dev.get("/vision/new/resolve/main/config.json")
    assert (closed.status_code, closed.headers["x-error-code"]) == (403, "GatedRepo")
    assert dev.get("/vision/new/resolve/main/none").headers["x-error-code"] == "EntryNotFound"
    assert [one["path"] for one in dev.get(f"{NEW}/tree/main").json()] == ["README.md", "config.json"]
    assert [one["title"] for one in dev.get(f"{NEW}/commits/main").json()] == ["Draft"]
    assert dev.get(f"{NEW}/refs").json()["branches"][0]["name"] == "main"
    for address in (NEW, f"{NEW}/revision/draft", f"{NEW}/tree/main"):
        answer = vic.get(address)
        assert (answer.status_code, answer.headers["x-error-code"]) == (404, "RepoNotFound"), address


def test_who_may_not_contribute_writes_nothing(own: ServedRegistry) -> None:
    created(own.client("dev"))
    vic = own.client("vic")
    for answer in (
        vic.post("/api/repos/create", json={"name": "other", "organization": "vision"}),
        vic.post("/api/validate-yaml", json={"content": CARD}),
        vic.post(f"{NEW}/preupload/main", json={"files": []}),
        commit(vic, small("a.txt", "a")),
        vic.post(f"{NEW}/tag/main", json={"tag": "x"}),
        vic.post(f"{NEW}/branch/x"),
        vic.get(f"{NEW}/auth-check/write"),
        batch(vic, b"x"),
    ):
        assert answer.status_code == 403, answer.request.url
        assert "needs the permission edit" in answer.headers["x-error-message"]


def test_a_card_that_is_none_is_refused_with_its_line(served: ServedRegistry) -> None:
    dev = served.client("dev")
    bad = dev.post("/api/validate-yaml", json={"content": "---\na: [\n---\n"})
    assert bad.status_code == 400
    assert "not YAML" in bad.json()["errors"][0]["message"]
    good = dev.post("/api/validate-yaml", json={"content": CARD, "repoType": "model"})
    assert (good.status_code, good.json()) == (200, {"errors": [], "warnings": []})


REFUSED: tuple[tuple[str, Mapping[str, object], int], ...] = (
    ("/api/repos/create", {"name": "new", "organization": "Vision"}, 400),
    ("/api/repos/create", {"name": "new", "organization": "vision", "type": "dataset"}, 422),
    ("/api/repos/create", {"organization": "vision"}, 400),
    ("/api/models/vision/none/preupload/main", {"files": []}, 404),
    ("/api/models/vision/digits/preupload/main", {"files": [{"path": "a", "sample": "x", "size": 9}]}, 400),
    ("/api/models/vision/digits/preupload/v1", {"files": []}, 404),
    ("/api/models/vision/digits.v1/preupload/main", {"files": []}, 400),
    ("/api/models/vision/digits/branch/x", {}, 400),
    ("/api/models/vision/none/tag/main", {"tag": "x"}, 404),
    ("/vision/digits.git/info/lfs/objects/batch", {"operation": "download", "objects": []}, 400),
    ("/vision/digits.git/info/lfs/objects/batch", {"operation": "upload", "objects": [{"oid": "x"}]}, 400),
    ("/vision/digits.git/info/lfs/objects/verify", {"oid": "0" * 64, "size": 1}, 422),
)


def test_what_cannot_be_is_refused_in_a_sentence(served: ServedRegistry) -> None:
    dev = served.client("dev")
    for address, body, status in REFUSED:
        answer = dev.post(address, json=body)
        assert answer.status_code == status, answer.text
        assert len(answer.headers["x-error-message"].split()) > 2


def test_a_commit_that_cannot_be_read_changes_nothing(own: ServedRegistry) -> None:
    dev = own.client("dev")
    created(dev)
    head = dev.get(NEW).json()["sha"]
    for bad, status in (
        ("no json", 400),
        ('{"key": "header"}', 400),
        (line("copyFile", {"path": "a"}), 400),
        (line("file", {"path": "a", "content": "%", "encoding": "base64"}), 400),
        (small("../a", "x"), 422),
        (small("x" * 5_000_000, "x"), 413),
        *((line(kind, {"path": "x" * 1025}), 422) for kind in ("deletedFile", "deletedFolder")),
        ("\n" * 20_001, 413),
        (large("w.bin", b"never sent"), 422),
        (line("lfsFile", {"path": "a", "oid": "0", "size": 1}), 400),
    ):
        answer = commit(dev, small("good.txt", "x"), bad)
        assert answer.status_code == status, answer.text
    assert dev.get(NEW).json()["sha"] == head


def test_other_bytes_than_were_announced_are_refused(own: ServedRegistry) -> None:
    dev = own.client("dev")
    created(dev)
    href = path_of(batch(dev, b"right").json()["objects"][0]["actions"]["upload"]["href"])
    nobody = own.client()
    for body, status in ((b"wrong", 422), (b"rig", 422), (b"too long", 413)):
        answer = nobody.put(href, content=body)
        assert answer.status_code == status, answer.text
    assert nobody.put(href.replace("secret=", "secret=x"), content=b"right").status_code == 401
    assert commit(dev, large("w.bin", b"right")).status_code == 422


def test_a_large_file_comes_in_parts(own: ServedRegistry) -> None:
    dev, nobody, body = own.client("dev"), own.client(), bytes(PART) + b"the rest"
    created(dev)
    told = batch(dev, body).json()
    upload = told["objects"][0]["actions"]["upload"]
    size = int(upload["header"].pop("chunk_size"))
    assert (told["transfer"], size, sorted(upload["header"])) == ("multipart", PART, ["00001", "00002"])
    early = nobody.post(path_of(upload["href"]), json={})
    assert (early.status_code, "0 bytes came" in early.text) == (422, True)
    for number, href in upload["header"].items():
        start = (int(number) - 1) * size
        answer = nobody.put(path_of(href), content=body[start : start + size])
        assert answer.headers["etag"]
    assert nobody.post(path_of(upload["href"]), json={}).status_code == 200
    assert commit(dev, large("w.bin", body)).status_code == 200
    assert not [*(own.family.home / "lfs-parts").iterdir()]
