"""Advisories from outside: the SHA-256 digests of files or tensors that one names, and the versions that have them.

Three forms are read: CSAF 2.0 (an OASIS standard; file hashes of the products in `product_tree`, and `product_status`),
OSV (ossf.github.io/osv-schema), and lines as `sha256sum` writes them. OSV has no field for digests of files: they are
read from the qualifier `checksum` of a package URL, and from members `sha256` of the objects whose content the schema
leaves to each database.
"""

from __future__ import annotations

import json
import re
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import Any
from urllib.parse import unquote

from registry.domain.names import VersionRef
from registry.errors import InvalidError, TooLargeError

MOST = 1000
"""Digests of one advisory."""
AFFECTED = ("known_affected", "first_affected", "last_affected")
"""The members of CSAF's `product_status` that say that a product is affected; `fixed` is not among them."""
_LINE = re.compile(r"(?:sha256:)?([0-9a-fA-F]{64})(?:\s.*)?")
_HEX = re.compile(r"(?:sha256:)?([0-9a-fA-F]{64})")
_CHECKSUM = re.compile(r"[?&]checksum=([^&#]*)")
_OPEN = ("database_specific", "ecosystem_specific")


@dataclass(frozen=True, slots=True)
class Advisory:
    """What an advisory says: its id (empty for a list), its form, and the digests that it names, each once."""

    id: str
    form: str
    digests: Sequence[str]


@dataclass(frozen=True, slots=True)
class AdvisoryHit:
    """A digest that versions here have, and how many versions were made from them."""

    digest: str
    targets: Sequence[VersionRef]
    descendants: int


@dataclass(frozen=True, slots=True)
class KinHit:
    """A version that weights at hand are kin to, or share tensors with, and why."""

    ref: VersionRef
    relation: str
    reason: str
    shared: float
    """Share of the bytes of the file's largest tensors that stand in the version too."""


@dataclass(frozen=True, slots=True)
class AdvisoryMatch:
    """An advisory with its hits. Nothing is recalled: a hit is the target of a preview."""

    advisory: Advisory
    hits: Sequence[AdvisoryHit]
    kin: Sequence[KinHit] = ()
    """Of the weights that the advisory is about, where they are at hand."""
    notes: Sequence[str] = ()


def read_advisory(text: str) -> Advisory:
    """The advisory in `text`. Raises: InvalidError for what is none or names no digest; TooLargeError above `MOST`."""
    named, form, found = _json(text) if text.lstrip().startswith(("{", "[")) else ("", "list", _listed(text))
    digests = list(dict.fromkeys(one.lower() for one in found))
    if not digests:
        raise InvalidError(
            f"The advisory {named!r} names no SHA-256 digest of an affected file" if named else "No digest is listed",
            remedy="Look for the digests in what it refers to, and give them as lines sha256:…",
        )
    if len(digests) > MOST:
        raise TooLargeError(f"The advisory names {len(digests):,} digests, and at most {MOST:,} are looked up at once")
    return Advisory(named, form, digests)


def _listed(text: str) -> Iterator[str]:
    for number, line in enumerate(text.splitlines(), start=1):
        words = line.strip()
        if words and not words.startswith("#"):
            if (found := _LINE.fullmatch(words)) is None:
                raise InvalidError(
                    f"Line {number} begins with no SHA-256 digest: {words[:80]!r}",
                    remedy="Write one digest a line, as sha256sum does, or give an OSV or CSAF document",
                )
            yield found[1]


def _json(text: str) -> tuple[str, str, Iterator[str]]:
    try:
        document = json.loads(text)
    except (ValueError, RecursionError) as error:
        raise InvalidError("The advisory is not valid JSON") from error
    if not isinstance(document, dict):
        raise InvalidError("The advisory is a JSON list", remedy="Give one OSV or CSAF document at a time")
    about = _object(document.get("document"))
    if "csaf_version" in about:
        if about["csaf_version"] != "2.0":
            raise InvalidError(f"CSAF {str(about['csaf_version'])[:20]!r} is not read, only 2.0")
        return str(_object(about.get("tracking")).get("id", "")), "CSAF 2.0", _csaf(document)
    if isinstance(document.get("id"), str) and "modified" in document:  # what OSV requires
        if document.get("withdrawn"):
            raise InvalidError(f"The advisory {document['id'][:80]!r} was withdrawn on {document['withdrawn']!s:.40}")
        return document["id"], "OSV", _osv(document)
    raise InvalidError(
        "The document is neither CSAF 2.0 (it has no document.csaf_version) nor OSV (it has no id and modified)"
    )


def _csaf(document: Mapping[str, Any]) -> Iterator[str]:
    """The file hashes of products that a vulnerability says are affected, and of what those consist of."""
    affected = set[str]()
    for one in _objects(document.get("vulnerabilities")):
        status = _object(one.get("product_status"))
        affected |= {name for kind in AFFECTED for name in _list(status.get(kind)) if isinstance(name, str)}
    tree = _object(document.get("product_tree"))
    for one in _objects(tree.get("relationships")):
        if _object(one.get("full_product_name")).get("product_id") in affected:
            affected.add(str(one.get("product_reference")))
    for product in _products(tree):
        if product.get("product_id") in affected:
            helper = _object(product.get("product_identification_helper"))
            for hashes in _objects(helper.get("hashes")):
                for one in _objects(hashes.get("file_hashes")):
                    if str(one.get("algorithm")).lower() in {"sha256", "sha-256"}:
                        yield from _digests(one.get("value"))


def _products(tree: Mapping[str, Any]) -> Iterator[Mapping[str, Any]]:
    """Every full product name: listed, in a branch of any depth, or of a relationship."""
    yield from _objects(tree.get("full_product_names"))
    waiting = list(_objects(tree.get("branches")))
    while waiting:
        branch = waiting.pop()
        waiting += _objects(branch.get("branches"))
        yield _object(branch.get("product"))
    for one in _objects(tree.get("relationships")):
        yield _object(one.get("full_product_name"))


def _osv(document: Mapping[str, Any]) -> Iterator[str]:
    for affected in (document, *_objects(document.get("affected"))):
        for name in _OPEN:
            yield from _members(affected.get(name))
        purl = _object(affected.get("package")).get("purl")
        if isinstance(purl, str) and (found := _CHECKSUM.search(purl)):
            for one in unquote(found[1]).split(","):
                if one.startswith("sha256:"):
                    yield from _digests(one)


def _members(value: object) -> Iterator[str]:
    """The values of members `sha256`, at any depth (the document was parsed, so it is not too deep to walk)."""
    waiting = [value]
    while waiting:
        one = waiting.pop()
        if isinstance(one, dict):
            yield from _digests(one.get("sha256"))
            waiting += one.values()
        elif isinstance(one, list):
            waiting += one


def _digests(value: object) -> Iterator[str]:
    for one in value if isinstance(value, list) else [value]:
        if isinstance(one, str) and (found := _HEX.fullmatch(one.strip())):
            yield found[1]


def _list(value: object) -> Sequence[Any]:
    return value if isinstance(value, list) else ()


def _object(value: object) -> Mapping[str, Any]:
    return value if isinstance(value, dict) else {}


def _objects(value: object) -> Iterator[Mapping[str, Any]]:
    return (one for one in _list(value) if isinstance(one, dict))
