"""The audit chain as storage keeps it."""

from __future__ import annotations

from collections.abc import Callable, Collection, Iterator, Mapping, Sequence
from datetime import datetime
from typing import Protocol

from lineage import Digest
from registry.domain.audit import AuditEntry, HeadRecord
from registry.domain.backups import Signatures
from registry.domain.catalog.models import (
    HistoryEntry,
)
from registry.domain.paging import Page, PageRequest
from registry.domain.verifier import Checkpoint, PublicKey


class Checkpointing(Protocol):
    """Signed checkpoints of the log, kept outside the database. Each call is a transaction of its own."""

    def prepare(self) -> None:
        """Make the first key where there is none. Raises: UnavailableError."""
        ...

    def take(self) -> Checkpoint | None:
        """Sign the log as it is now; None while it is empty. The last checkpoint, if nothing was added since.

        Raises: AuditBrokenError for a log that does not begin with what was signed before; UnavailableError.
        """
        ...

    def take_if_due(self) -> None:
        """Take one if one is due by the settings and something was added. What hinders it is logged."""
        ...

    def all(self) -> Sequence[Checkpoint]:
        """Every checkpoint in the registry folder, oldest first. Raises: AuditBrokenError."""
        ...

    def newest(self) -> Checkpoint | None:
        """The last checkpoint; None before the first. Raises: AuditBrokenError."""
        ...

    def timestamp(self, size: int) -> bytes | None:
        """What a timestamp authority answered about the checkpoint of `size` entries, if it did.

        Raises: UnavailableError.
        """
        ...

    def timestamps(self) -> dict[int, bytes]:
        """All of them, by the number of entries. Raises: UnavailableError."""
        ...

    def keep_timestamp(self, one: Checkpoint, answer: bytes) -> None:
        """Keep what it answered about a checkpoint. Raises: UnavailableError."""
        ...

    def keys(self) -> Sequence[PublicKey]:
        """The public keys, the present one last. Raises: AuditBrokenError."""
        ...

    def signed(self, text: bytes) -> bytes:
        """The signature of the present key over `text`. Raises: AuditBrokenError, UnavailableError."""
        ...

    def rotate(self) -> PublicKey:
        """Sign with a new key from now on. Raises: AuditBrokenError, UnavailableError."""
        ...

    def copied(self, *, private: bool) -> Signatures:
        """The checkpoints and public keys, and with `private` the key that signs. Raises: AuditBrokenError."""
        ...

    def adopt(self, signatures: Signatures) -> None:
        """Make these the checkpoints and keys of a registry folder that has none. Raises: OSError."""
        ...


class AuditRepository(Protocol):
    """Reads the chain; only `UnitOfWork.commit` writes it."""

    @property
    def checkpoints(self) -> Checkpointing | None:
        """None for a database without a registry folder."""
        ...

    def node(self, level: int, place: int) -> bytes:
        """A node of the tree over the log, as `merkle.Nodes`. Raises: AuditBrokenError where there is none yet."""
        ...

    def kept(self) -> HeadRecord | None:
        """The newest entry as recorded outside the database, now (not as of this unit of work); None without record."""
        ...

    def entries(self, *, after: int = 0) -> Iterator[AuditEntry]:
        """All entries with seq > `after`, in order, streamed."""
        ...

    def erase(self, change: Callable[[bytes], bytes], at: datetime) -> Mapping[int, Digest]:
        """Put `change` of each body in its place where it is another; gives the leaf hashes of those.

        The hashes of the chain stay. The log verifies once an entry `verifier.ERASED` names what this gives.
        """
        ...

    def about(self, subject: str, actions: Collection[str]) -> Sequence[HistoryEntry]:
        """The first entry about exactly `subject`, and those of `actions`, oldest first."""
        ...

    def search(
        self,
        *,
        subject: str | None = None,
        action: str | None = None,
        actor: str | None = None,
        since: datetime | None = None,
        until: datetime | None = None,
        page: PageRequest = PageRequest(),
    ) -> Page[HistoryEntry]:
        """Newest first. `subject` is exact; `S/*` means S and all under it; `until` is the first moment after."""
        ...
