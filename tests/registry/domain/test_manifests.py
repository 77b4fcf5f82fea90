"""Content digests: order does not matter, content and split do, and paths are clean."""

from __future__ import annotations

import hashlib

import pytest
from hypothesis import given
from hypothesis import strategies as st

from lineage import Digest
from registry.domain.manifests import FileEntry, Manifest, canonical_json, check_path
from registry.errors import InvalidError

A, B = Digest.of(b"a"), Digest.of(b"b")


def test_the_content_digest_is_sha256_over_canonical_json() -> None:
    manifest = Manifest.of([FileEntry("x.bin", 1, A)])
    expected = f'{{"files":[{{"path":"x.bin","sha256":"{A.hex}","size":1}}]}}'.encode()
    assert manifest.canonical == expected
    assert manifest.digest.hex == hashlib.sha256(expected).hexdigest()


@given(st.permutations([FileEntry(p, i, A) for i, p in enumerate(["a", "b/c", "b/d", "é", "z"])]))
def test_the_order_of_files_does_not_change_the_digest(files: list[FileEntry]) -> None:
    assert Manifest.of(files).digest == Manifest.of(sorted(files)).digest


def test_two_splits_of_the_same_files_are_two_datasets() -> None:
    files = [FileEntry("x", 1, A)]
    assert Manifest.of(files, rows=A).digest != Manifest.of(files, rows=B).digest


def test_a_path_given_twice_is_refused() -> None:
    with pytest.raises(InvalidError, match="occurs twice"):
        Manifest.of([FileEntry("x", 1, A), FileEntry("x", 1, B)])


def test_an_empty_list_of_files_is_no_manifest() -> None:
    with pytest.raises(InvalidError, match="no files"):
        Manifest.of([])


@pytest.mark.parametrize(
    "path",
    ["", "/x", "../x", "a/../x", "a//b", "./a", "a/.", "a\\b", "a\nb", "a\x00b", "\ud800", "a/" + "b" * 1100, "a\x7f"],
)
def test_a_path_that_is_not_clean_is_refused(path: str) -> None:
    with pytest.raises(InvalidError, match="clean relative path"):
        check_path(path)


@given(st.text())
def test_a_clean_path_stays_inside_whatever_it_is_joined_to(path: str) -> None:
    try:
        check_path(path)
    except InvalidError:
        return
    parts = path.split("/")
    assert ".." not in parts
    assert not path.startswith("/")
    assert all(parts)


@pytest.mark.parametrize("value", [float("nan"), float("inf"), 2**53 + 1, object()])
def test_what_canonical_json_cannot_hold_is_refused(value: object) -> None:
    with pytest.raises(InvalidError, match="canonical JSON"):
        canonical_json({"x": value})
