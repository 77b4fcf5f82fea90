"""Versions as OCI manifests in the form of ModelPack (CNCF model-spec 0.0.7), made when they are asked for.

A file's SHA-256 is the digest of its blob, so nothing is stored for this.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from pathlib import PurePosixPath
from typing import Protocol

from lineage import Digest
from registry.api.hub.files import HubFile, files_of
from registry.api.hub.revisions import Revision
from registry.domain.catalog.models import VersionDetail
from registry.domain.manifests import canonical_json
from registry.domain.verbs.registry import Registry

MANIFEST = "application/vnd.oci.image.manifest.v1+json"
_MODEL = "application/vnd.cncf.model."
_KINDS = {".md": "doc", ".txt": "doc", ".py": "code", ".json": "weight.config", ".yaml": "weight.config"}
_DOCUMENTS = {"LICENSE", "NOTICE"}


class Document(Protocol):
    """What has a manifest, and the blobs that it names: by digest, what was `made` for it, and files of a version."""

    @property
    def body(self) -> bytes: ...
    @property
    def made(self) -> Mapping[str, bytes]: ...
    @property
    def files(self) -> Mapping[str, HubFile]: ...


def digest_of(document: Document) -> str:
    """`sha256:` and the hex digits of the SHA-256 of its manifest."""
    return str(Digest.of(document.body))


def digests_of(document: Document) -> Iterator[str]:
    """That of the manifest, and that of each blob."""
    yield from (digest_of(document), *document.made, *document.files)


@dataclass(frozen=True, slots=True)
class Manifest:
    """A version as the protocol describes it."""

    revision: Revision
    body: bytes
    config: bytes
    files: Mapping[str, HubFile]

    @property
    def made(self) -> Mapping[str, bytes]:
        """By digest, what is no file of the version: its config."""
        return {str(Digest.of(self.config)): self.config}


def manifest_of(registry: Registry, revision: Revision) -> Manifest:
    """The manifest of a version, the same at each request."""
    files = files_of(registry, revision)
    config = canonical_json(_config(revision, files))
    annotations = {
        "org.opencontainers.image.version": str(revision.ref.number),
        "forebear.version": str(revision.ref),
        "forebear.digest": str(revision.detail.summary.digest),
    }
    if isinstance(revision.detail, VersionDetail) and revision.detail.parents:
        annotations["forebear.parents"] = " ".join(str(parent) for parent in revision.detail.parents)
    if revision.notice:
        annotations["forebear.notice"] = revision.notice
    document = {
        "schemaVersion": 2,
        "mediaType": MANIFEST,
        "artifactType": _MODEL + "manifest.v1+json",
        "config": {
            "mediaType": _MODEL + "config.v1+json",
            "digest": str(Digest.of(config)),
            "size": len(config),
        },
        "layers": [_layer(file) for file in files.values()],
        "annotations": annotations,
    }
    return Manifest(revision, canonical_json(document), config, {str(one.entry.sha256): one for one in files.values()})


def _layer(file: HubFile) -> dict[str, object]:
    path = PurePosixPath(file.path)
    kind = "doc" if path.name in _DOCUMENTS else _KINDS.get(path.suffix, "weight")
    return {
        "mediaType": f"{_MODEL}{kind}.v1.raw",
        "digest": str(file.entry.sha256),
        "size": file.entry.size,
        "annotations": {"org.cncf.model.filepath": file.path, "org.opencontainers.image.title": file.path},
    }


def _config(revision: Revision, files: Mapping[str, HubFile]) -> dict[str, object]:
    summary = revision.detail.summary
    described: dict[str, object] = {
        "name": str(summary.ref.name),
        "version": str(summary.ref.number),
        "createdAt": summary.created_at.isoformat(),
    }
    if summary.licence:
        described["licenses"] = [summary.licence]
    architecture = revision.detail.architecture if isinstance(revision.detail, VersionDetail) else ""
    layers = {"type": "layers", "diffIds": [str(file.entry.sha256) for file in files.values()]}
    return {
        "descriptor": described,
        "modelfs": layers,
        "config": {"architecture": architecture} if architecture else {},
    }
