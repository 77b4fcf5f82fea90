"""Versions as OCI manifests in the form of ModelPack (CNCF model-spec 0.0.7), made when they are asked for.

A file's SHA-256 is the digest of its blob, so nothing is stored for this. Which version a digest belongs to is
remembered from the manifests that were given out, and else looked up among the newest versions.
"""

from __future__ import annotations

from collections import OrderedDict
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from pathlib import PurePosixPath
from threading import Lock

from lineage import Digest
from registry.api.hub.files import HubFile, files_of
from registry.api.hub.refusals import HubRefusal
from registry.api.hub.revisions import MAIN, Repo, Revision, every_version, revision_of
from registry.domain.catalog.models import VersionDetail, VersionSummary, was_approved
from registry.domain.catalog.statuses import STOPPED
from registry.domain.manifests import canonical_json
from registry.domain.verbs.registry import Registry
from registry.errors import NotFoundError, RegistryError

MANIFEST = "application/vnd.oci.image.manifest.v1+json"
_MODEL = "application/vnd.cncf.model."
_KINDS = {".md": "doc", ".txt": "doc", ".py": "code", ".json": "weight.config", ".yaml": "weight.config"}
_DOCUMENTS = {"LICENSE", "NOTICE"}
LOOKED_THROUGH = 100
"""How many of the newest versions of a model are looked through for a digest that nobody asked the manifest of."""
_REMEMBERED = 20_000


@dataclass(frozen=True, slots=True)
class Manifest:
    """A version as the protocol describes it. `blobs` by digest, the config among them."""

    revision: Revision
    body: bytes
    config: bytes
    files: Mapping[str, HubFile]

    @property
    def digest(self) -> str:
        """`sha256:` and the hex digits of the SHA-256 of `body`."""
        return str(Digest.of(self.body))

    @property
    def digests(self) -> Iterator[str]:
        """Its own, and that of each blob."""
        yield from (self.digest, str(Digest.of(self.config)), *self.files)


@dataclass(slots=True)
class Seen:
    """By repository and digest, the numbers of the versions in whose manifests it was; the last ones asked for."""

    _numbers: OrderedDict[tuple[str, str], set[int]] = field(default_factory=OrderedDict)
    _lock: Lock = field(default_factory=Lock)

    def add(self, repo: Repo, manifest: Manifest) -> None:
        """Remember everything in `manifest`."""
        with self._lock:
            for digest in manifest.digests:
                self._numbers.setdefault((repo.id, digest), set()).add(manifest.revision.ref.number)
                self._numbers.move_to_end((repo.id, digest))
            while len(self._numbers) > _REMEMBERED:
                self._numbers.popitem(last=False)

    def of(self, repo: Repo, digest: str) -> list[int]:
        """The numbers, newest first."""
        with self._lock:
            return sorted(self._numbers.get((repo.id, digest), ()), reverse=True)


@dataclass(frozen=True, slots=True)
class Door:
    """Gives manifests to one caller. `unapproved`: whether versions that nobody approved are given out too."""

    registry: Registry
    repo: Repo
    seen: Seen
    unapproved: bool

    def named(self, reference: str) -> Manifest:
        """The manifest of an alias or a number; `latest` is what `production` names.

        Raises: NotFoundError, and what tells that a version is withheld or not approved.
        """
        try:
            found = revision_of(
                self.registry, self.repo, MAIN if reference == "latest" else reference, unapproved=self.unapproved
            )
        except HubRefusal as refused:
            raise refused.error from refused
        manifest = _manifest(self.registry, found)
        self.seen.add(self.repo, manifest)
        return manifest

    def holding(self, digest: str) -> Manifest:
        """The manifest that has this digest, or a blob with it. Raises: as `named`."""
        remembered = self.seen.of(self.repo, digest)
        refused: RegistryError | None = None
        for number in remembered or self._newest():
            try:
                manifest = self.named(str(number))
            except RegistryError as error:
                refused = error if remembered else None
                continue
            if digest in manifest.digests:
                return manifest
        raise refused or NotFoundError(
            f"{self.repo.id} has nothing with the digest {digest[:80]}", remedy="Ask by an alias or a number"
        )

    def tags(self) -> list[str]:
        """The aliases and numbers that are given out, in the order of the standard (by code point)."""
        if self.repo.pinned is not None:
            return [str(self.repo.pinned)]
        given = {one.ref for one in every_version(self.registry, self.repo) if self._is_given(one)}
        names = {one.alias for one in self.registry.catalog.model(self.repo.name).aliases if one.ref in given}
        return sorted(names | {str(ref.number) for ref in given})

    def _is_given(self, version: VersionSummary) -> bool:
        return version.status not in STOPPED and (self.unapproved or was_approved(version.stage))

    def _newest(self) -> Iterator[int]:
        if self.repo.pinned is not None:
            yield self.repo.pinned
            return
        for _, version in zip(range(LOOKED_THROUGH), every_version(self.registry, self.repo), strict=False):
            yield version.ref.number


def _manifest(registry: Registry, revision: Revision) -> Manifest:
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
