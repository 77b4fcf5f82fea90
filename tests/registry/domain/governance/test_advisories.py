"""Advisories: the digests of affected files that each form names, and clear words for what is none."""

from __future__ import annotations

import json
from typing import Any

import pytest

from registry.domain.governance.advisories import MOST, read_advisory
from registry.errors import InvalidError, TooLargeError

BAD, PART, FIXED = "a" * 64, "b" * 64, "c" * 64


def product(name: str, digest: str, algorithm: str = "sha256") -> dict[str, Any]:
    hashes = [{"filename": "model.safetensors", "file_hashes": [{"algorithm": algorithm, "value": digest}]}]
    return {"name": name, "product_id": name, "product_identification_helper": {"hashes": hashes}}


CSAF: dict[str, Any] = {
    "document": {"csaf_version": "2.0", "tracking": {"id": "EX-2026-1"}},
    "product_tree": {
        "branches": [{"category": "vendor", "name": "x", "branches": [{"product": product("bad", BAD.upper())}]}],
        "full_product_names": [product("part", PART), product("fixed", FIXED), product("bad", "d" * 128, "sha512")],
        "relationships": [{"product_reference": "part", "full_product_name": {"name": "w", "product_id": "whole"}}],
    },
    "vulnerabilities": [{"product_status": {"known_affected": ["bad", "whole"], "fixed": ["fixed"]}}],
}
OSV: dict[str, Any] = {
    "id": "OSV-2026-1",
    "modified": "2026-11-01T00:00:00Z",
    "affected": [
        {"package": {"purl": f"pkg:generic/x@1?checksum=sha1:ad9503c3,sha256:{BAD}"}},
        {"ecosystem_specific": {"files": [{"path": "m.safetensors", "sha256": PART}]}},
    ],
}


def test_of_a_csaf_document_the_files_of_affected_products_count_and_those_of_fixed_ones_do_not() -> None:
    found = read_advisory(json.dumps(CSAF))
    assert (found.id, found.form, sorted(found.digests)) == ("EX-2026-1", "CSAF 2.0", [BAD, PART])


def test_of_an_osv_document_the_checksum_of_a_package_and_the_digests_of_its_database_count() -> None:
    found = read_advisory(json.dumps(OSV))
    assert (found.id, found.form, found.digests) == ("OSV-2026-1", "OSV", [BAD, PART])


def test_a_list_of_digests_is_read_as_sha256sum_writes_it() -> None:
    found = read_advisory(f"# from a letter\n{BAD}  model.safetensors\n\nsha256:{PART}\n{BAD}\n")
    assert (found.form, found.digests) == ("list", [BAD, PART])


@pytest.mark.parametrize(
    ("text", "words"),
    [
        ("", "No digest is listed"),
        ("model.safetensors\n", "Line 1"),
        (f"{BAD}0\n", "Line 1"),
        ("{", "not valid JSON"),
        ("[" * 100_000, "not valid JSON"),
        ("[]", "JSON list"),
        ("{}", "neither CSAF"),
        ('{"document": 3, "id": 4}', "neither CSAF"),
        (json.dumps({"document": {"csaf_version": "3.0"}}), "only 2.0"),
        (json.dumps({**CSAF, "vulnerabilities": [None, {"product_status": []}]}), "EX-2026-1"),
        (json.dumps({**OSV, "affected": "all"}), "names no SHA-256"),
        (json.dumps({**OSV, "withdrawn": "2026-11-02T00:00:00Z"}), "withdrawn"),
    ],
)
def test_a_document_that_is_no_advisory_or_names_no_digest_is_refused_in_one_sentence(text: str, words: str) -> None:
    with pytest.raises(InvalidError, match=words):
        read_advisory(text)


def test_an_advisory_with_too_many_digests_is_refused() -> None:
    with pytest.raises(TooLargeError, match="1,001"):
        read_advisory("\n".join(f"{number:064x}" for number in range(MOST + 1)))
