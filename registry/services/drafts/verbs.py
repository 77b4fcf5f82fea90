"""The verbs of drafts: those who may contribute see and change them, as they may import."""

from __future__ import annotations

from collections.abc import Collection, Mapping, Sequence
from dataclasses import dataclass
from typing import BinaryIO

from lineage import Digest
from registry.domain.audit import Event
from registry.domain.catalog.models import VersionDetail
from registry.domain.drafts.drafts import README, Commit, Draft, DraftSummary, RegisterDraft
from registry.domain.names import Name
from registry.domain.people.people import Permission
from registry.services.catalog.cards import split_card
from registry.services.context import Context
from registry.services.drafts import writing
from registry.services.drafts.assembling import assemble, receive_xorb
from registry.services.drafts.reading import draft_of, text_of
from registry.services.unit_of_work import UnitOfWork


@dataclass(frozen=True, slots=True)
class Drafts:
    """Implements `DraftVerbs`."""

    context: Context

    def list(self) -> Sequence[DraftSummary]:
        """Every draft, by name."""
        self.context.actor.require(Permission.EDIT)
        with self.context.read() as uow:
            return uow.drafts.list()

    def show(self, name: Name) -> Draft:
        """The draft of a model."""
        self.context.actor.require(Permission.EDIT)
        with self.context.read() as uow:
            return draft_of(uow, name)

    def register(self, wanted: RegisterDraft) -> VersionDetail:
        """Make a version of a draft; see `registry.services.drafts.registering`."""
        self.context.actor.require(Permission.EDIT)
        from registry.services.drafts.registering import register  # noqa: PLC0415 - an import, which a commit is not

        return register(self.context, wanted)

    def discard(self, name: Name) -> None:
        """Remove a draft."""
        with self.context.write() as uow:
            gone = draft_of(uow, name)
            uow.drafts.remove(name)
            uow.commit(Event("draft.discarded", f"models:/{name}", {"head": gone.head, "files": len(gone.files)}))

    def begin(self, name: Name) -> Draft:
        """Begin a draft."""
        return writing.begin(self.context, name)

    def sent(self, name: Name, digests: Collection[Digest]) -> Mapping[Digest, int]:
        """Those of `digests` that need not be sent again."""
        self.context.actor.require(Permission.EDIT)
        with self.context.read() as uow:
            return writing.known(uow, self.context.actor.handle, self._files(uow, name), digests)

    def receive(self, stream: BinaryIO, *, expected: Digest | None = None) -> tuple[Digest, int]:
        """Keep bytes for a later commit."""
        return writing.receive(self.context, stream, expected=expected)

    def check_room(self, size: int) -> None:
        """Raises: TooLargeError."""
        self.context.actor.require(Permission.EDIT)
        with self.context.read() as uow:
            writing.check_room(self.context, uow, size)

    def commit(self, name: Name, commit: Commit) -> Draft:
        """Change the files of a draft."""
        return writing.commit(self.context, name, commit)

    def epoch(self) -> int:
        """How often chunks of this person's xorbs have gone."""
        self.context.actor.require(Permission.EDIT)
        with self.context.read() as uow:
            return uow.drafts.epoch(self.context.actor.handle)

    def receive_xorb(self, name: str, stream: BinaryIO) -> None:
        """Keep the chunks of a xorb; see `registry.services.drafts.assembling`."""
        receive_xorb(self.context, name, stream)

    def assemble(self, shard: bytes) -> Sequence[Digest]:
        """Put files together of chunks that are here."""
        return assemble(self.context, shard)

    def check_card(self, text: str) -> Sequence[str]:
        """What a card lacks."""
        self.context.actor.require(Permission.EDIT)
        front = split_card(text)[0]
        return [] if "license" in front else ["The card names no license: give one, or name it when you register"]

    def card(self, name: Name) -> str | None:
        """The text of the draft's README.md."""
        return text_of(self.context, self.show(name), README)

    def _files(self, uow: UnitOfWork, name: Name) -> writing.Files:
        found = uow.drafts.get(name)
        return writing.base_of(uow, name).files if found is None else found.files
