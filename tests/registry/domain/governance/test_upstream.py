"""Sources of versions: how one is written, what the Hub says of one, and what counts as changed."""

from __future__ import annotations

import json
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import pytest

from registry.domain.governance.reviews.findings import Severity
from registry.domain.governance.upstream import MOST, Pinned, Upstream, UpstreamNow, differences, read_upstreams
from registry.domain.names import AssetKind, Name, VersionRef
from registry.errors import InvalidError, TooLargeError

COMMIT = "9f0" + "a" * 37
IMPORTED = datetime(2026, 3, 1, tzinfo=UTC)
PINNED = Pinned(VersionRef(AssetKind.MODELS, Name("team", "bert"), 1), "hf:acme/bert", "Apache-2.0", "ana", IMPORTED)
ANSWER: dict[str, Any] = {
    "_id": "621ffdc036468d709f174328",
    "id": "acme/bert",
    "author": "acme",
    "sha": COMMIT,
    "createdAt": "2022-03-02T23:29:04.000Z",
    "disabled": False,
    "tags": ["transformers", "license:mit"],
    "cardData": {"license": "apache-2.0"},
}


def said(**changes: Any) -> list[tuple[Severity, str]]:
    return list(differences(PINNED, *read_upstreams(json.dumps(ANSWER | changes))))


@pytest.mark.parametrize("text", ["hf:acme/bert", f"hf:acme/bert@{COMMIT}", "hf:gpt2", "hf:a.b-c/D_1"])
def test_a_source_is_written_as_it_is_read(text: str) -> None:
    assert str(Upstream.parse(text)) == text


@pytest.mark.parametrize(
    "text", ["acme/bert", "hf:", "hf://acme/bert", "hf:a/b/c", "hf:a/b@main", "hf:a/../b", "hf:a b"]
)
def test_what_names_no_repository_is_refused(text: str) -> None:
    with pytest.raises(InvalidError, match="no repository of the Hub"):
        Upstream.parse(text)


def test_a_folder_of_the_hubs_cache_says_where_its_files_came_from() -> None:
    cache = Path("/home/ana/.cache/huggingface/hub/models--acme--bert--large/snapshots") / COMMIT
    assert str(Upstream.of_cache(cache)) == f"hf:acme/bert--large@{COMMIT}"
    assert Upstream.of_cache(cache / "model.safetensors") == Upstream.of_cache(cache)
    for other in ("/home/ana/bert", f"/x/models--a--b/refs/{COMMIT}", "/x/models--a--b/snapshots/main", "/", "bert"):
        assert Upstream.of_cache(Path(other)) is None


def test_a_source_that_is_as_it_was_gives_nothing() -> None:
    assert said() == []
    assert said(cardData=None, tags=[]) == []  # not known is not changed
    assert said(author="Acme", cardData={"license": "Apache-2.0"}) == []


@pytest.mark.parametrize(
    ("changes", "severity", "words"),
    [
        ({"gone": True}, Severity.MEDIUM, "is gone"),
        ({"disabled": True}, Severity.MEDIUM, "is gone"),
        ({"renamed_to": "acme/bert-2"}, Severity.LOW, "is called hf:acme/bert-2 now"),
        (
            {"cardData": {"license": "cc-by-nc-4.0"}},
            Severity.HIGH,
            "has the licence CC-BY-NC-4.0 now; here it is Apache-2.0",
        ),
        ({"cardData": None}, Severity.HIGH, "has the licence MIT now"),
        ({"cardData": {"license": ["mit", "apache-2.0"]}}, Severity.HIGH, "MIT AND Apache-2.0"),
        ({"author": "mallory"}, Severity.CRITICAL, "was taken over: its author is mallory"),
        ({"createdAt": "2026-03-01T00:00:01Z"}, Severity.CRITICAL, "made at 2026-03-01 00:00 UTC, after the import"),
    ],
)
def test_what_changed_upstream_is_said_with_how_much_it_matters(
    changes: dict[str, Any], severity: Severity, words: str
) -> None:
    ((found, text),) = said(**changes)
    assert (found, words in text) == (severity, True), text


def test_a_new_name_and_a_new_licence_are_two_findings() -> None:
    assert [one for one, _ in said(renamed_to="acme/x", author="other", cardData={"license": "mit"})] == ["low", "high"]


@pytest.mark.parametrize(
    ("text", "words"),
    [
        ("{", "not valid JSON"),
        ("[1]", "Number 1 in the metadata names no repository"),
        ('[{"id": "a/b"}, {"id": "a b"}]', "Number 2"),
        ('{"id": "a/b", "gone": "yes"}', "neither true nor false"),
        ('{"id": "a/b", "renamed_to": "a b"}', "names no repository"),
        ('{"id": "a/b", "author": 1}', "no short text"),
        ('{"id": "a/b", "createdAt": "soon"}', "createdAt"),
    ],
)
def test_metadata_that_cannot_be_read_is_refused_with_its_place(text: str, words: str) -> None:
    with pytest.raises(InvalidError, match=words):
        read_upstreams(text)


def test_more_repositories_than_one_check_takes_are_refused() -> None:
    with pytest.raises(TooLargeError, match="at most 1,000"):
        read_upstreams(json.dumps([{"id": "a/b"}] * (MOST + 1)))
    assert read_upstreams('{"modelId": "gpt2"}') == [UpstreamNow("gpt2")]
