"""What is known of a version as OCI artifacts that refer to its manifest, made when they are asked for.

Its bill of materials (CycloneDX), and the signed statement about the newest promotion that stands, where there is one.
"""

from __future__ import annotations

import json
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass, field

from lineage import Digest
from registry.api.hub.files import HubFile
from registry.api.oci.manifests import MANIFEST, Manifest
from registry.domain.governance.promotion import RequestState
from registry.domain.manifests import canonical_json
from registry.domain.names import Reference
from registry.domain.paging import PageRequest
from registry.domain.verbs.lineage import Exchange
from registry.domain.verbs.registry import Registry
from registry.errors import RefusedError, UnavailableError, UsageError

INDEX = "application/vnd.oci.image.index.v1+json"
BOM, STATEMENT = "application/vnd.cyclonedx+json", "application/vnd.dsse.envelope.v1+json"
EMPTY = b"{}"
"""The config of an artifact that has none (image-spec 1.1)."""
_EMPTY_KIND = "application/vnd.oci.empty.v1+json"


@dataclass(frozen=True, slots=True)
class Artifact:
    """One file that refers to the manifest `subject`, with a manifest of its own."""

    subject: Manifest
    kind: str
    title: str
    content: bytes
    files: Mapping[str, HubFile] = field(default_factory=dict)

    @property
    def body(self) -> bytes:
        """The manifest."""
        document = {
            "schemaVersion": 2,
            "mediaType": MANIFEST,
            "artifactType": self.kind,
            "config": _descriptor(_EMPTY_KIND, EMPTY),
            "layers": [
                {
                    **_descriptor(self.kind, self.content),
                    "annotations": {"org.opencontainers.image.title": self.title},
                }
            ],
            "subject": _descriptor(MANIFEST, self.subject.body),
            "annotations": self._annotations,
        }
        return canonical_json(document)

    @property
    def made(self) -> Mapping[str, bytes]:
        """By digest, what is no file of the version."""
        return {str(Digest.of(one)): one for one in (EMPTY, self.content)}

    @property
    def descriptor(self) -> Mapping[str, object]:
        """How a list of referrers names it."""
        return {**_descriptor(MANIFEST, self.body), "artifactType": self.kind, "annotations": self._annotations}

    @property
    def _annotations(self) -> Mapping[str, str]:
        return {"forebear.version": str(self.subject.revision.ref)}


def referrers(registry: Registry, manifest: Manifest) -> Iterator[Artifact]:
    """All of a manifest. An ancestry that is too large for one document has no bill of materials, and neither has one
    with something of a closed team that the caller does not see; what is signed about it is not given out then.
    """
    reference = Reference.to(manifest.revision.ref)
    try:
        bom = registry.lineage.export(reference, Exchange.CYCLONEDX)
    except (UsageError, RefusedError):
        pass
    else:
        yield Artifact(manifest, BOM, "bom.cdx.json", canonical_json(_as_of_the_version(bom, manifest)))
    stands = registry.promotions.requests(reference=reference, state=RequestState.PROMOTED, page=PageRequest(1)).items
    for request in stands:
        try:
            statement = registry.reports.statement(request.id)
        except UnavailableError:  # no key: nothing is signed
            return
        except RefusedError:  # it would name what the caller does not see
            continue
        yield Artifact(manifest, STATEMENT, "promotion.dsse.json", json.dumps(statement, sort_keys=True).encode())


def index(found: Iterable[Artifact], kind: str | None) -> bytes:
    """The list of these, only of one kind where `kind` is given."""
    named = [one.descriptor for one in found if kind is None or one.kind == kind]
    return canonical_json({"schemaVersion": 2, "mediaType": INDEX, "manifests": named})


def _as_of_the_version(bom: object, manifest: Manifest) -> object:
    """The same document at each request: its time is that of the version."""
    if not isinstance(bom, dict):
        raise TypeError("A bill of materials is an object")
    made_at = manifest.revision.detail.summary.created_at.isoformat()
    return {**bom, "metadata": {**bom["metadata"], "timestamp": made_at}}


def _descriptor(kind: str, content: bytes) -> dict[str, object]:
    return {"mediaType": kind, "digest": str(Digest.of(content)), "size": len(content)}
