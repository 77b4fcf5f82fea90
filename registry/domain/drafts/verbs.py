"""Verbs of drafts, for those who may contribute."""

from __future__ import annotations

from collections.abc import Collection, Mapping, Sequence
from typing import BinaryIO, Protocol

from lineage import Digest
from registry.domain.catalog.models import VersionDetail
from registry.domain.drafts.drafts import Commit, Draft, DraftSummary, RegisterDraft
from registry.domain.names import Name


class DraftVerbs(Protocol):
    """Drafts of models. All of it needs the permission to contribute."""

    def list(self) -> Sequence[DraftSummary]:
        """Every draft, by name."""
        ...

    def show(self, name: Name) -> Draft:
        """The draft of a model. Raises: NotFoundError."""
        ...

    def register(self, wanted: RegisterDraft) -> VersionDetail:
        """Make the next version of a model from its draft, as an import does, and end the draft.

        Files that are those of the newest version give that version, with the draft's card as a new revision.
        Raises: NotFoundError, PreconditionFailedError where the draft is at another commit than `head`, ConflictError
        where the card names a base model without the version or the version gets another number, PolicyRefusedError for
        a protected alias, and what an import raises.
        """
        ...

    def discard(self, name: Name) -> None:
        """Remove a draft. Raises: NotFoundError."""
        ...

    def begin(self, name: Name) -> Draft:
        """Begin a draft: empty for a new model, with the files of the newest version of one that is there.

        Raises: ConflictError where there is one, NameTakenError, RefusedError for more drafts than a person may have.
        On the server alone.
        """
        ...

    def sent(self, name: Name, digests: Collection[Digest]) -> Mapping[Digest, int]:
        """Those of `digests` that need not be sent again for a commit to this draft, and their sizes in bytes.

        They are files of the draft, or were sent by the same person within the last days. On the server alone.
        """
        ...

    def receive(self, stream: BinaryIO, *, expected: Digest | None = None) -> tuple[Digest, int]:
        """Keep bytes for a later commit; give their digest and size.

        Raises: IntegrityError when `expected` differs, TooLargeError over the limit of the person, NoSpaceError. On
        the server alone.
        """
        ...

    def check_room(self, size: int) -> None:
        """Raises: TooLargeError where `size` more bytes would be over the limit of the person. On the server alone."""
        ...

    def commit(self, name: Name, commit: Commit) -> Draft:
        """Change the files of a draft; where there is none, that of the newest version of the model is begun.

        Raises: NotFoundError where there is neither, PreconditionFailedError where the draft is at another commit,
        InvalidError for bytes that were not sent, TooLargeError, NoSpaceError. On the server alone.
        """
        ...

    def epoch(self) -> int:
        """How often chunks that this person's clients may refer to have gone. On the server alone."""
        ...

    def receive_xorb(self, name: str, stream: BinaryIO) -> None:
        """Keep the chunks of a xorb, which shards will refer to by `name`, its hash. On the server alone.

        Raises: BadArtifactError, InvalidError, TooLargeError over the limit of the person, NoSpaceError.
        """
        ...

    def assemble(self, shard: bytes) -> Sequence[Digest]:
        """Put files together of chunks that are here, for a later commit; give their digests. On the server alone.

        Raises: BadArtifactError, InvalidError for a chunk that is not here or another SHA-256 than is announced,
        TooLargeError, NoSpaceError.
        """
        ...

    def check_card(self, text: str) -> Sequence[str]:
        """What a card lacks. Raises: InvalidError for one that cannot be the card of a version. On the server alone."""
        ...

    def card(self, name: Name) -> str | None:
        """The text of the draft's README.md; None without one. Raises: NotFoundError. On the server alone."""
        ...
