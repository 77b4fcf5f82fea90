"""The OCI protocol: what is given out is governed, by alias, number and digest, and a stock client pulls it."""

from __future__ import annotations

import base64
import hashlib
import json
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import oras.client
import pytest
from fastapi.testclient import TestClient

from registry.api.oci import as_bearer, door, is_oci
from registry.api.oci.remembering import Seen
from registry.domain.catalog.models import Status
from registry.domain.names import Reference
from tests.registry.api.test_costs import questions
from tests.serving import ServedRegistry, listening

DIGITS = "/v2/vision/digits"
MANIFEST = "application/vnd.oci.image.manifest.v1+json"
ACCEPTS = {"accept": MANIFEST}


def manifest(client: TestClient, reference: str = "candidate", of: str = DIGITS) -> tuple[str, Mapping[str, Any]]:
    answer = client.get(f"{of}/manifests/{reference}", headers=ACCEPTS)
    assert answer.status_code == 200, answer.text
    digest = answer.headers["docker-content-digest"]
    assert digest == "sha256:" + hashlib.sha256(answer.content).hexdigest()
    assert answer.headers["content-type"] == MANIFEST
    return digest, answer.json()


def code(answer: Any) -> str:
    (error,) = answer.json()["errors"]
    assert set(error) == {"code", "message", "detail"}
    said: str = error["code"]
    return said


def every_address(client: TestClient) -> list[str]:
    digest, document = manifest(client)
    blobs = [one["digest"] for one in (document["config"], *document["layers"])]
    return [f"{DIGITS}/manifests/{one}" for one in ("2", digest)] + [f"{DIGITS}/blobs/{one}" for one in blobs]


def recall(served: ServedRegistry) -> None:
    stolen = Reference.to(served.family.grandchild)
    served.family.registry("ana").catalog.set_status(stolen, Status.RECALLED, "Trained on stolen data")


def test_a_manifest_describes_each_file_and_every_blob_is_what_it_says(served: ServedRegistry) -> None:
    client = served.client("vic")
    digest, document = manifest(client, "2")
    assert document["artifactType"] == "application/vnd.cncf.model.manifest.v1+json"
    assert document["annotations"]["forebear.version"] == "models:/vision/digits/2"
    named = {one["annotations"]["org.opencontainers.image.title"]: one for one in document["layers"]}
    assert set(named) == {"README.md", "config.json", "weights/model.safetensors"}
    assert {name: one["mediaType"].split(".")[3] for name, one in named.items()} == {
        "README.md": "doc", "config.json": "weight", "weights/model.safetensors": "weight",
    }  # fmt: skip
    for one in (document["config"], *document["layers"]):
        blob = client.get(f"{DIGITS}/blobs/{one['digest']}")
        head = client.head(f"{DIGITS}/blobs/{one['digest']}")
        assert "sha256:" + hashlib.sha256(blob.content).hexdigest() == one["digest"]
        assert len(blob.content) == one["size"] == int(head.headers["content-length"])
    assert client.get(f"{DIGITS}/manifests/{digest}").json() == document
    head = client.head(f"{DIGITS}/manifests/2")
    assert (head.headers["docker-content-digest"], head.content) == (digest, b"")
    config = client.get(f"{DIGITS}/blobs/{document['config']['digest']}").json()
    assert set(config) == {"descriptor", "modelfs", "config"}
    assert config["modelfs"] == {"type": "layers", "diffIds": [one["digest"] for one in document["layers"]]}


def test_a_server_that_never_gave_the_manifest_out_finds_a_digest_among_the_newest_versions(
    own_served: ServedRegistry,
) -> None:
    client = own_served.client("vic")
    addresses = every_address(client)
    own_served.app.state.seen = type(own_served.app.state.seen)()
    for address in addresses:
        assert client.get(address).status_code == 200, address


def test_a_digest_that_was_given_out_is_found_after_a_restart_however_old_its_version_is(
    own_served: ServedRegistry, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    client, file = own_served.client("vic"), tmp_path / "manifests.json"
    monkeypatch.setattr(door, "LOOKED_THROUGH", 0)
    own_served.app.state.seen = before = Seen(file)
    addresses = every_address(client)
    before.save()
    own_served.app.state.seen = Seen(file)
    for address in addresses[1:]:  # the manifest by its digest first, as clients do
        assert client.get(address).status_code == 200, address
    own_served.app.state.seen = Seen()
    assert client.get(addresses[1]).status_code == 404
    own_served.app.state.seen = Seen(file)
    recall(own_served)
    assert client.get(addresses[1]).status_code == 410


@pytest.mark.parametrize("text", ["", "{", "[[1, 2]]", '[["vision/digits", "sha256:00", "x"]]', "5"])
def test_a_file_of_digests_that_cannot_be_read_is_an_empty_one_that_is_written_anew(
    own_served: ServedRegistry, tmp_path: Path, text: str
) -> None:
    file = tmp_path / "manifests.json"
    file.write_text(text)
    own_served.app.state.seen = seen = Seen(file)
    digest, _ = manifest(own_served.client("vic"))
    seen.save()
    assert digest in file.read_text()


def test_the_manifest_is_not_made_for_a_file_that_was_in_it(served: ServedRegistry) -> None:
    client = served.client("vic")
    _, document = manifest(client)
    by_name = {one["annotations"]["org.opencontainers.image.title"]: one for one in document["layers"]}
    weights = f"{DIGITS}/blobs/{by_name['weights/model.safetensors']['digest']}"
    whole = client.get(weights).content
    with questions() as asked:
        part = client.get(weights, headers={"Range": "bytes=5-9"})
    assert (part.status_code, part.content) == (206, whole[5:10])
    assert len(asked) <= 15, asked


def test_a_version_that_nobody_approved_is_denied_by_number_and_digest(served: ServedRegistry) -> None:
    client = served.client("dev")
    for reference in ("1", "champion"):
        answer = client.get(f"{DIGITS}/manifests/{reference}")
        assert (answer.status_code, code(answer)) == (403, "DENIED")
        assert "nobody has approved it" in answer.text
    served.app.state.settings = unapproved = type(served.app.state.settings)(hub_unapproved=True)
    try:
        digest, document = manifest(client, "1")
    finally:
        served.app.state.settings = type(unapproved)()
    assert client.get(f"{DIGITS}/manifests/{digest}").status_code == 403
    alone = {one["digest"] for one in document["layers"]} - {one["digest"] for one in manifest(client)[1]["layers"]}
    assert alone
    for blob in alone:
        assert client.get(f"{DIGITS}/blobs/{blob}").status_code == 403


def test_a_recall_stops_every_address_also_for_who_knows_the_digests(own_served: ServedRegistry) -> None:
    client = own_served.client("vic")
    addresses = every_address(client)
    recall(own_served)
    for address in addresses:
        answer = client.get(address)
        assert (answer.status_code, code(answer)) == (410, "DENIED"), address
        assert client.head(address).status_code == 410
    assert "2" not in client.get(f"{DIGITS}/tags/list").json()["tags"]


def test_tags_are_the_aliases_and_numbers_that_are_given_out_page_by_page(served: ServedRegistry) -> None:
    client = served.client("vic")
    told = client.get(f"{DIGITS}/tags/list").json()
    assert told["name"] == "vision/digits"
    assert told["tags"] == sorted(told["tags"])
    assert "2" in told["tags"]
    assert "1" not in told["tags"]
    first = client.get(f"{DIGITS}/tags/list?n=1")
    following = first.headers["link"].partition(">")[0].removeprefix("<") if "link" in first.headers else None
    rest = client.get(following).json()["tags"] if following else []
    assert first.json()["tags"] + rest == told["tags"][: 1 + len(rest)]
    assert client.get("/v2/vision/digits.v2/tags/list").json()["tags"] == ["2"]


def test_a_name_may_pin_one_version(served: ServedRegistry) -> None:
    client = served.client("vic")
    pinned = manifest(client, "latest", "/v2/vision/digits.v2")
    assert pinned == manifest(client, "2")
    assert client.get(f"/v2/vision/digits.v2/manifests/{pinned[0]}").status_code == 200


@pytest.mark.parametrize(
    ("address", "status", "said"),
    [
        ("/v2/vision/none/manifests/latest", 404, "MANIFEST_UNKNOWN"),
        ("/v2/vision/none/tags/list", 404, "NAME_UNKNOWN"),
        ("/v2/Vision/UPPER/tags/list", 404, "NAME_UNKNOWN"),
        (f"{DIGITS}/manifests/99", 404, "MANIFEST_UNKNOWN"),
        (f"{DIGITS}/manifests/sha256:{'0' * 64}", 404, "MANIFEST_UNKNOWN"),
        (f"{DIGITS}/blobs/sha256:{'0' * 64}", 404, "BLOB_UNKNOWN"),
        (f"{DIGITS}/blobs/x", 404, "BLOB_UNKNOWN"),
        ("/v2/vision/none/referrers/x", 400, "DIGEST_INVALID"),
    ],
)
def test_what_is_missing_is_told_by_the_code_of_the_standard(
    served: ServedRegistry, address: str, status: int, said: str
) -> None:
    answer = served.client("vic").get(address)
    assert (answer.status_code, code(answer)) == (status, said), answer.text


def test_what_refers_to_a_manifest_are_its_bill_of_materials_and_the_signed_statement_of_its_promotion(
    served: ServedRegistry,
) -> None:
    client = served.client("vic")
    digest, _ = manifest(client, "2")
    listed = client.get(f"{DIGITS}/referrers/{digest}")
    assert listed.headers["content-type"] == "application/vnd.oci.image.index.v1+json"
    bom, statement = listed.json()["manifests"]
    assert bom["artifactType"] == "application/vnd.cyclonedx+json"
    found = {}
    for one in (bom, statement):
        artifact = client.get(f"{DIGITS}/manifests/{one['digest']}")
        assert (len(artifact.content), artifact.headers["docker-content-digest"]) == (one["size"], one["digest"])
        assert artifact.json()["subject"]["digest"] == digest
        (layer,) = artifact.json()["layers"]
        content = client.get(f"{DIGITS}/blobs/{layer['digest']}").content
        assert "sha256:" + hashlib.sha256(content).hexdigest() == layer["digest"]
        assert client.get(f"{DIGITS}/blobs/{artifact.json()['config']['digest']}").content == b"{}"
        found[one["artifactType"]] = json.loads(content)
    assert found["application/vnd.cyclonedx+json"]["metadata"]["component"]["type"] == "machine-learning-model"
    payload = json.loads(base64.b64decode(found["application/vnd.dsse.envelope.v1+json"]["payload"]))
    assert "forebear:stage:candidate" in payload["predicate"]["properties"]
    assert client.get(f"{DIGITS}/referrers/{digest}").content == listed.content, "the same at each request"
    filtered = client.get(f"{DIGITS}/referrers/{digest}", params={"artifactType": bom["artifactType"]})
    assert filtered.json()["manifests"] == [bom]
    assert filtered.headers["oci-filters-applied"] == "artifactType"
    for nothing in ("0" * 64, bom["digest"].removeprefix("sha256:")):
        assert client.get(f"{DIGITS}/referrers/sha256:{nothing}").json()["manifests"] == []


def test_what_refers_to_a_recalled_version_is_not_given_out(own_served: ServedRegistry) -> None:
    client = own_served.client("vic")
    digest, _ = manifest(client, "2")
    (bom, _) = client.get(f"{DIGITS}/referrers/{digest}").json()["manifests"]
    recall(own_served)
    for address in (f"referrers/{digest}", f"manifests/{bom['digest']}"):
        answer = client.get(f"{DIGITS}/{address}")
        assert (answer.status_code, code(answer)) == (410, "DENIED"), address


def test_nothing_is_pushed(served: ServedRegistry) -> None:
    answer = served.client("ana").put(f"{DIGITS}/manifests/new", content=b"{}")
    assert (answer.status_code, code(answer)) == (405, "UNSUPPORTED")


def test_who_has_no_token_is_asked_for_a_name_and_a_password_which_is_the_token(served: ServedRegistry) -> None:
    client = served.client()
    answer = client.get("/v2/")
    assert (answer.status_code, code(answer)) == (401, "UNAUTHORIZED")
    assert answer.headers["www-authenticate"] == 'Basic realm="forebear"'
    assert client.get("/v2/", auth=("anybody", served.family.tokens["vic"])).json() == {}
    assert client.get("/v2/", auth=("vic", "wrong")).status_code == 401
    assert client.get("/api/v1/me", auth=("vic", served.family.tokens["vic"])).status_code == 401, "only here"


@pytest.mark.parametrize("header", ["Basic", "Basic !", "Basic " + base64.b64encode(b"no colon").decode(), "Digest x"])
def test_a_header_that_cannot_be_read_stays_as_it_is(header: str) -> None:
    assert as_bearer(header) == header


def test_the_addresses_are_those_of_the_standard_and_no_others() -> None:
    assert is_oci("/v2/")
    assert is_oci(f"{DIGITS}/blobs/sha256:00")
    assert not is_oci("/v2/digits/resolve/main/config.json"), "a team of the Hub may be named v2"
    assert not is_oci("/api/v2/x")


def test_oras_pulls_by_alias_and_learns_of_a_recall(own_served: ServedRegistry, tmp_path: Path) -> None:
    with listening(own_served.app) as address:
        host = address.removeprefix("http://")
        client = oras.client.OrasClient(hostname=host, insecure=True, auth_backend="basic")
        client.auth.set_basic_auth("vic", own_served.family.tokens["vic"])
        target = f"{host}/vision/digits:candidate"
        pulled = client.pull(target=target, outdir=str(tmp_path / "pulled"))
        assert len(pulled) == 3
        weights = tmp_path / "pulled" / "weights" / "model.safetensors"
        assert weights.read_bytes() == own_served.client("vic").get(
            "/api/v1/models/vision/digits/versions/2/files/weights/model.safetensors"
        ).content  # fmt: skip
        recall(own_served)
        with pytest.raises(ValueError, match="Gone"):
            client.get_manifest(target)
