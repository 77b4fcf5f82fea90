"""Which version a digest belongs to, and whether it is given out to who asks.

It is remembered from the manifests that were given out, also before a restart, and else looked up among the newest
versions. For a file that is remembered its version is asked whether it is given out, and the manifest is not made.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass

from registry.api.contents import GivenFile
from registry.api.hub.refusals import HubRefusal
from registry.api.hub.revisions import MAIN, Repo, every_version, revision_of
from registry.api.oci.manifests import Document, Manifest, digests_of, manifest_of
from registry.api.oci.referrers import Artifact, referrers
from registry.api.oci.remembering import Seen
from registry.domain.catalog.models import RETIRED, VersionSummary, was_approved
from registry.domain.catalog.statuses import STOPPED
from registry.domain.names import Reference
from registry.domain.verbs.registry import Registry
from registry.errors import NotFoundError, RegistryError

LOOKED_THROUGH = 100
"""How many of the newest versions of a model are looked through for a digest that nobody asked the manifest of."""


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
        manifest = manifest_of(self.registry, found)
        self.seen.add(self.repo, manifest.revision.ref.number, manifest)
        return manifest

    def referring(self, manifest: Manifest) -> tuple[Artifact, ...]:
        """What refers to a manifest."""
        found = tuple(referrers(self.registry, manifest))
        for one in found:
            self.seen.add(self.repo, manifest.revision.ref.number, one)
        return found

    def stored(self, digest: str) -> GivenFile | None:
        """A stored file with this digest of a version that is given out now; None where its manifest has to say."""
        for number, path in self.seen.files(self.repo, digest):
            exact = Reference(self.repo.kind, self.repo.name, number)
            try:
                given = self.registry.catalog.given_file(exact, path)
            except RegistryError:
                return None  # why it is not given out is told with the manifest
            summary, entry = given.summary, given.entry
            if entry is None or str(entry.sha256) != digest:
                continue
            if self._is_given(summary) and summary.stage != RETIRED:
                return GivenFile.stored(self.registry, exact, entry)
        return None

    def holding(self, digest: str) -> Document:
        """The manifest that has this digest, or a blob with it; else what refers to it and has. Raises: as `named`."""
        remembered = self.seen.of(self.repo, digest)
        refused: RegistryError | None = None
        for number in remembered or self._newest():
            try:
                manifest = self.named(str(number))
            except RegistryError as error:
                if isinstance(error, NotFoundError):
                    next(self._newest(), None)  # who does not see the model is told what a model that is none is told
                refused = error if remembered else None
                continue
            if digest in digests_of(manifest):
                return manifest
            if remembered:  # nobody knows the digest of what refers to it before they asked for that
                for one in self.referring(manifest):
                    if digest in digests_of(one):
                        return one
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
