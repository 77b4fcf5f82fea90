"""The stored objects that versions need, and the damage found in them, as storage keeps them."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import Protocol

from lineage import Digest
from registry.domain.names import VersionRef
from registry.domain.objects import Damage, Form, StoreCheck, Use, VersionCheck
from registry.services.storage.catalog import Extent


@dataclass(frozen=True, slots=True)
class StoredCard:
    """One revision of a card as the database holds it: its text, and the digest that the text had when written."""

    ref: VersionRef
    number: int
    digest: Digest
    text: str

    @property
    def use(self) -> Use:
        """Which version needs it, and where."""
        return Use(self.ref, f"card, revision {self.number}")


@dataclass(frozen=True, slots=True)
class PiecedFile:
    """A file that is not simply one whole object of its own digest and size."""

    use: Use
    size: int
    sha256: Digest
    extents: tuple[Extent, ...]


class ObjectRepository(Protocol):
    """Which objects are needed, by which versions, and which are damaged.

    An object is needed by files and row indexes of versions, and by evidence with a file: these are found by digest.
    `noted` gives the objects that only documents name: the answers of baselines, and the cases of decisions.
    """

    def noted(self) -> Mapping[Digest, Sequence[Use]]:
        """Objects that are named by the manifests of steps or by the audit log, for versions deleted or not."""
        ...

    def count(self) -> int:
        """Distinct objects that live versions need, without the noted ones."""
        ...

    def needed(self, *, after: Digest | None, limit: int) -> Sequence[Digest]:
        """The next of them in order of digest."""
        ...

    def uses(self, blobs: Iterable[Digest]) -> Mapping[Digest, Sequence[Use]]:
        """The live versions that need each of `blobs`, without the noted ones."""
        ...

    def held(self, blobs: Iterable[Digest]) -> set[Digest]:
        """Those of `blobs` that must be kept, besides the noted ones.

        They belong to live versions, to evidence about any version, to inputs of steps that can still run, or to
        drafts.
        """
        ...

    def ends(self, blobs: Iterable[Digest]) -> Mapping[Digest, int]:
        """The largest size in bytes that the files of live versions need each object to have."""
        ...

    def pieced(self) -> Iterator[PiecedFile]:
        """Files of live versions that are made of pieces."""
        ...

    def cards(self) -> Iterator[StoredCard]:
        """Every revision of the cards of live versions."""
        ...

    def restore_card(self, digest: Digest, text: str) -> None:
        """Write `text`, which has this digest, where a card of this digest is."""
        ...

    def damage(self, ref: VersionRef | None = None) -> Sequence[Damage]:
        """What is damaged in live versions, or in one of them."""
        ...

    def mark(self, found: Damage) -> bool:
        """Write the damage; False when it was on record already, or the version was deleted."""
        ...

    def unmark(self, form: Form, digests: Iterable[Digest]) -> Sequence[VersionRef]:
        """Forget the damage of these things; give the live versions that have no damage left."""
        ...

    def save_version_check(self, ref: VersionRef, check: VersionCheck) -> None:
        """Write that the bytes of a version were right; the one before is replaced. Raises: NotFoundError."""
        ...

    def last_check(self) -> StoreCheck | None:
        """The check that was started last."""
        ...

    def save_check(self, check: StoreCheck) -> None:
        """Write the check: the one that started at the same moment is replaced."""
        ...
