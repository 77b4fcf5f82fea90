"""Drafts, and the bytes that were sent for them, as storage keeps them."""

from __future__ import annotations

from collections.abc import Collection, Iterable, Mapping, Sequence
from datetime import datetime
from typing import Protocol

from lineage import Digest
from registry.domain.drafts.drafts import Draft, DraftSummary
from registry.domain.drafts.xet.places import Place
from registry.domain.names import Name


class DraftRepository(Protocol):
    """Drafts by the name of their model, and by person the objects that were sent and that no commit need name yet."""

    def get(self, name: Name) -> Draft | None: ...
    def list(self) -> Sequence[DraftSummary]:
        """Every draft, by name."""
        ...

    def count(self, handle: str) -> int:
        """Drafts that a person has begun."""
        ...

    def save(self, draft: Draft) -> None:
        """Write the draft; the one of that name is replaced."""
        ...

    def remove(self, name: Name) -> None: ...
    def is_taken(self, name: Name) -> bool:
        """True when a draft has this name, or one that folds to the same."""
        ...

    def note_sent(self, handle: str, objects: Iterable[tuple[Digest, int]], until: datetime) -> None:
        """Keep what a person sent: digests and sizes in bytes."""
        ...

    def sent(self, handle: str, digests: Collection[Digest]) -> Mapping[Digest, int]:
        """Those of `digests` that a person sent, and their sizes."""
        ...

    def forget_sent(self, digests: Collection[Digest], *, handle: str | None = None) -> None:
        """What was sent is kept no longer for that reason: what this person sent; None: whoever did."""
        ...

    def count_placed(self, handle: str) -> int:
        """Places of a person that begin an object: one that was sent twice over counts twice."""
        ...

    def size_placed(self, handle: str) -> int:
        """Bytes that a person has sent and that are kept, each object as often as a place begins it."""
        ...

    def size_sent(self, handle: str) -> int:
        """Bytes that a person has sent and that are kept."""
        ...

    def expired(self, now: datetime) -> Sequence[DraftSummary]:
        """Drafts whose time is over."""
        ...

    def forget_expired(self, now: datetime) -> bool:
        """Keep what was sent no longer when its time is over and no draft has it. False where there is none."""
        ...

    def add_places(self, handle: str, places: Iterable[Place]) -> None:
        """Keep where chunks lie that a person sent."""
        ...

    def places(self, handle: str, xorbs: Collection[str]) -> Sequence[Place]:
        """Where the chunks of these xorbs of a person lie."""
        ...

    def end_places(self, handle: str, xorbs: Collection[str]) -> None:
        """Keep no longer where the chunks of these xorbs of a person lie, whom nobody will ask about."""
        ...

    def forget_places(self, digests: Collection[Digest]) -> None:
        """These objects go. Who has chunks in them that lie nowhere else is in the next epoch."""
        ...

    def epoch(self, handle: str) -> int:
        """How often chunks of a person have gone."""
        ...

    def next_epoch(self, handles: Iterable[str]) -> None: ...
