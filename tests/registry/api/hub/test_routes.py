"""The Hub's protocol: what is served is governed, by name, number and commit id, at every address alike."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import numpy as np
import pytest
from fastapi.testclient import TestClient
from safetensors.numpy import save_file
from starlette.requests import Request

from registry.api.hub.routes import next_page
from registry.domain.catalog.models import Modality, Status
from registry.domain.names import Name, Reference
from registry.domain.verbs.catalog import ImportModel
from tests.serving import ServedRegistry

DIGITS = "/api/models/vision/digits"
FILE = "config.json"
TEXT = {"content-type": "application/x-www-form-urlencoded"}


def commit(client: TestClient, revision: str = "main", of: str = DIGITS) -> str:
    answer = client.get(f"{of}/revision/{revision}")
    assert answer.status_code == 200, answer.text
    sha: str = answer.json()["sha"]
    assert answer.headers["x-repo-commit"] == sha
    return sha


def every_address(revision: str) -> list[tuple[str, str]]:
    """Each address by which something of a revision is read."""
    return [
        ("GET", f"{DIGITS}/revision/{revision}"),
        ("GET", f"{DIGITS}/tree/{revision}?recursive=true"),
        ("POST", f"{DIGITS}/paths-info/{revision}"),
        ("GET", f"{DIGITS}/commits/{revision}"),
        ("HEAD", f"/vision/digits/resolve/{revision}/{FILE}"),
        ("GET", f"/vision/digits/resolve/{revision}/{FILE}"),
    ]


def ask(client: TestClient, method: str, address: str) -> Any:
    return client.request(method, address, content="paths=config.json" if method == "POST" else None, headers=TEXT)


def test_a_client_reads_a_revision_its_tree_by_commit_and_each_file(served: ServedRegistry) -> None:
    client = served.client("vic")
    sha = commit(client)
    tree = client.get(f"{DIGITS}/tree/{sha}", params={"recursive": "true", "expand": "false"}).json()
    files = {one["path"]: one for one in tree if one["type"] == "file"}
    assert set(files) == {"README.md", FILE, "weights/model.safetensors"}
    assert [one["path"] for one in tree if one["type"] == "directory"] == ["weights"]
    for path, one in files.items():
        head = client.head(f"/vision/digits/resolve/{sha}/{path}")
        body = client.get(f"/vision/digits/resolve/{sha}/{path}")
        assert head.headers["etag"] == body.headers["etag"] == f'"{one["lfs"]["oid"]}"'
        assert int(head.headers["content-length"]) == len(body.content) == one["size"]
        assert head.headers["x-repo-commit"] == sha
    told = client.post(f"{DIGITS}/paths-info/{sha}", content=f"paths={FILE}&paths=none.txt", headers=TEXT).json()
    assert [one["path"] for one in told] == [FILE]


def test_a_range_of_a_file_is_answered(served: ServedRegistry) -> None:
    answer = served.client("vic").get(f"/vision/digits/resolve/main/{FILE}", headers={"range": "bytes=1-1"})
    assert (answer.status_code, answer.content, answer.headers["content-range"]) == (206, b"}", "bytes 1-1/2")


@pytest.mark.parametrize("revision", ["champion", "1", "v1"])
def test_a_version_that_nobody_approved_is_gated_at_every_address(served: ServedRegistry, revision: str) -> None:
    client = served.client("dev")
    for method, address in every_address(revision):
        answer = ask(client, method, address)
        assert (answer.status_code, answer.headers["x-error-code"]) == (403, "GatedRepo"), address
    assert "nobody has approved it" in ask(client, "GET", f"{DIGITS}/revision/{revision}").json()["error"]


def test_its_commit_id_is_gated_as_well(served: ServedRegistry) -> None:
    served.app.state.settings = unapproved = type(served.app.state.settings)(hub_unapproved=True)
    try:
        sha = commit(served.client("dev"), "1")
    finally:
        served.app.state.settings = type(unapproved)()
    for method, address in every_address(sha):
        assert ask(served.client("dev"), method, address).headers["x-error-code"] == "GatedRepo", address


def test_a_recalled_version_is_gone_at_every_address_also_for_clients_that_keep_it(own_served: ServedRegistry) -> None:
    client = own_served.client("vic")
    sha = commit(client)
    own_served.family.registry("ana").catalog.set_status(
        Reference.to(own_served.family.grandchild), Status.RECALLED, "Trained on stolen data"
    )
    for revision in (sha, "2", "candidate"):
        for method, address in every_address(revision):
            answer = ask(client, method, address)
            assert (answer.status_code, answer.headers["x-error-code"]) == (410, "RevisionNotFound"), address
    assert commit_refused(client, "main") == "RevisionNotFound", "clients must not go on with what they keep"


def commit_refused(client: TestClient, revision: str) -> str:
    code: str = client.get(f"{DIGITS}/revision/{revision}").headers["x-error-code"]
    return code


def test_an_alias_that_was_taken_away_is_gone_and_one_that_never_was_is_missing(own_served: ServedRegistry) -> None:
    client, system = own_served.client("vic"), own_served.family.system
    system.catalog.set_alias(Reference.to(own_served.family.grandchild), "green")
    assert commit(client, "green") == commit(client)
    system.catalog.drop_alias(own_served.family.grandchild.name, "green")
    taken, never = (client.get(f"{DIGITS}/revision/{name}") for name in ("green", "blue"))
    assert (taken.status_code, taken.headers["x-error-code"]) == (410, "RevisionNotFound")
    assert (never.status_code, never.headers["x-error-code"]) == (404, "RevisionNotFound")


def test_a_new_card_is_a_new_commit_and_the_old_commit_keeps_its_card(own_served: ServedRegistry) -> None:
    client, before = own_served.client("vic"), commit(own_served.client("vic"))
    old = client.get(f"/vision/digits/resolve/{before}/README.md").text
    own_served.family.registry("dev").catalog.revise_card(Reference.to(own_served.family.grandchild), "# New words\n")
    after = commit(client)
    assert after != before
    assert client.get(f"/vision/digits/resolve/{after}/README.md").text == "# New words\n"
    assert client.get(f"/vision/digits/resolve/{before}/README.md").text == old
    forged = before[:-1] + ("0" if before[-1] != "0" else "1")
    assert client.get(f"{DIGITS}/revision/{forged}").headers["x-error-code"] == "RevisionNotFound"


def test_a_deprecated_version_is_served_with_a_warning_that_clients_print(own_served: ServedRegistry) -> None:
    own_served.family.registry("ana").catalog.set_status(
        Reference.to(own_served.family.grandchild), Status.DEPRECATED, "Use the next one"
    )
    answer = own_served.client("vic").head(f"/vision/digits/resolve/main/{FILE}")
    assert answer.status_code == 200
    assert answer.headers["x-hf-warning"] == "forebear; models:/vision/digits/2 is deprecated: Use the next one"


def test_the_card_of_a_version_names_the_newest_later_one_that_is_given_out(own_served: ServedRegistry) -> None:
    client = own_served.client("vic")

    def later(revision: str) -> str | None:
        said: str | None = (
            client.get(f"/api/models/vision/digits/revision/{revision}").json()["cardData"].get("new_version")
        )
        return said

    assert later("2") is None
    own_served.app.state.settings = type(own_served.app.state.settings)(hub_unapproved=True)
    assert (later("1"), later("2")) == ("vision/digits.v2", None)
    own_served.family.registry("ana").catalog.set_status(
        Reference.to(own_served.family.grandchild), Status.RECALLED, "Trained on stolen data"
    )
    assert later("1") is None


def test_a_pinned_name_means_one_version_whatever_revision_is_asked(served: ServedRegistry) -> None:
    client = served.client("vic")
    assert commit(client, "production", "/api/models/vision/digits.v2") == commit(client, "2")
    assert client.get("/api/models/vision/digits.v1/revision/main").headers["x-error-code"] == "GatedRepo"


@pytest.mark.parametrize(
    ("address", "code"),
    [
        ("/api/models/vision/none", "RepoNotFound"),
        ("/api/models/Vision/UPPER", "RepoNotFound"),
        ("/api/models/vision/digits/revision/99", "RevisionNotFound"),
        ("/api/models/vision/digits/revision/" + "0" * 40, "RevisionNotFound"),
        ("/api/datasets/vision/digits/revision/nothing", "RevisionNotFound"),
        ("/vision/digits/resolve/main/no.txt", "EntryNotFound"),
        ("/vision/digits/resolve/main/../../secret", "EntryNotFound"),
        ("/datasets/vision/none/resolve/main/a.csv", "RepoNotFound"),
    ],
)
def test_what_is_missing_is_told_by_the_code_that_clients_know(served: ServedRegistry, address: str, code: str) -> None:
    address = address.replace("../../", "%2e%2e/%2e%2e/")
    answer = served.client("vic").get(address)
    assert (answer.status_code, answer.headers.get("x-error-code")) == (404, code), answer.text


def test_a_method_that_no_address_offers_is_answered_with_those_that_it_does(served: ServedRegistry) -> None:
    answer = served.client("vic").delete(DIGITS)
    assert (answer.status_code, answer.headers["allow"]) == (405, "GET")


def test_nobody_reads_without_a_token(served: ServedRegistry) -> None:
    client = served.client()
    for method, address in [*every_address("main"), ("GET", "/api/models"), ("GET", "/api/whoami-v2")]:
        answer = ask(client, method, address)
        assert answer.status_code == 401, address


def test_datasets_are_read_in_the_same_way(served: ServedRegistry) -> None:
    client = served.client("vic")
    sha = commit(client, "1", "/api/datasets/vision/digits")
    tree = client.get(f"/api/datasets/vision/digits/tree/{sha}?recursive=1").json()
    path = next(one["path"] for one in tree if one["type"] == "file")
    assert client.get(f"/datasets/vision/digits/resolve/{sha}/{path}").status_code == 200


def test_lists_take_the_filters_of_clients_and_the_children_of_a_model_come_from_the_graph(
    served: ServedRegistry,
) -> None:
    client = served.client("vic")

    def ids(**params: Any) -> list[str]:
        answer = client.get("/api/models", params=params)
        assert answer.status_code == 200, answer.text
        return [one["id"] for one in answer.json()]

    assert set(ids(search="small")) >= {"edge/digits-small"}
    assert ids(author="text", expand=["likes"]) == ["text/sentiment"]
    assert ids(pipeline_tag="text-classification") == ["text/sentiment"]
    assert ids(filter="base_model:finetune:library/minilm") == ["text/sentiment"]
    assert ids(filter="base_model:library/none") == []
    child = "base_model:library/minilm"
    assert ids(filter=child, search="Sentiment", pipeline_tag="text-classification") == ["text/sentiment"]
    assert ids(filter=child, search="digits") == ids(filter=child, pipeline_tag="translation") == []
    first = client.get("/api/models", params={"limit": 2})
    assert len(first.json()) == 2
    assert 'rel="next"' in first.headers["link"]
    assert client.get("/api/datasets").json()
    assert client.get("/api/whoami-v2").json()["name"] == "vic"


def test_the_children_of_a_model_are_listed_by_pages(own_served: ServedRegistry, tmp_path: Path) -> None:
    base, catalog = Reference.parse("models:/library/minilm/1"), own_served.family.system.catalog
    save_file({"0.weight": np.ones((2, 2), np.float32)}, tmp_path / "model.safetensors")
    source = str(tmp_path / "model.safetensors")
    catalog.import_model(
        ImportModel(
            Name("text", "another"),
            source,
            task="feature-extraction",
            modality=Modality.TEXT,
            licence="MIT",
            origin="internal",
            parents=(base,),
        )
    )
    client = own_served.client("vic")
    answer = client.get("/api/models", params={"filter": "base_model:library/minilm", "limit": 1})
    assert [one["id"] for one in answer.json()] == ["text/another"]
    answer = client.get(answer.links["next"]["url"])
    assert [one["id"] for one in answer.json()] == ["text/sentiment"]
    assert "next" not in answer.links


def test_a_child_that_was_deleted_is_left_out_of_the_list_of_children(own_served: ServedRegistry) -> None:
    own_served.family.system.catalog.delete(Reference.parse("models:/text/sentiment"))
    answer = own_served.client("vic").get("/api/models", params={"filter": "base_model:library/minilm"})
    assert (answer.status_code, answer.json()) == (200, [])


def test_what_an_address_holds_is_repeated_in_headers_as_printable_ascii_alone(served: ServedRegistry) -> None:
    answer = served.client("vic").get("/api/models/a%00%7f%0d%0a\u65e5/b")
    assert answer.headers["x-error-message"] == "There is nothing named a?? ?/b"
    long = served.client("vic").get(f"/vision/digits/resolve/main/{'x' * 5000}")
    assert len(long.headers["x-error-message"]) <= 1000


def test_the_address_of_the_next_page_is_percent_encoded() -> None:
    headers = [(b"host", b"models.example.com")]
    scope = {
        "type": "http",
        "scheme": "https",
        "path": "/tree/1/\u65e5 >",
        "query_string": b"expand=1",
        "headers": headers,
    }
    link = next_page(Request(scope), 1000)["Link"]
    assert link == '<https://models.example.com/tree/1/%E6%97%A5%20%3E?expand=1&cursor=1000>; rel="next"'


def test_refs_name_the_aliases_and_commits_the_approved_versions(served: ServedRegistry) -> None:
    client = served.client("vic")
    refs = client.get(f"{DIGITS}/refs").json()
    assert refs["branches"] == [{"name": "main", "ref": "refs/heads/main", "targetCommit": commit(client)}]
    assert {one["name"] for one in refs["tags"]} == {"candidate", "champion"}
    assert [one["title"] for one in client.get(f"{DIGITS}/commits/main").json()] == ["Version 2"]
