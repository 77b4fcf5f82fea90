"""A version is made of a draft in the very way of an import: the same recognition, the same refusals, the same entry.

The card is the draft's README.md. What it says of licence and task holds where the command says nothing else.
"""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path

from registry.domain.audit import Event
from registry.domain.catalog.models import VersionDetail
from registry.domain.drafts.drafts import README, Draft, RegisterDraft
from registry.domain.names import AssetKind, Reference, VersionRef
from registry.domain.verbs.catalog import ImportModel
from registry.errors import ConflictError, InvalidError, PreconditionFailedError
from registry.services.catalog.cards import card_licence, split_card
from registry.services.catalog.verbs import Catalog, refuse_protected
from registry.services.context import Context
from registry.services.drafts.bases import parents_of
from registry.services.drafts.reading import draft_of, lay_out, text_of
from registry.services.unit_of_work import UnitOfWork
from registry.services.workspace import workspace


def register(context: Context, wanted: RegisterDraft) -> VersionDetail:
    """See `DraftVerbs.register`."""
    with context.read() as uow:
        draft = draft_of(uow, wanted.name)
        _check(uow, wanted)
    if wanted.head is not None and wanted.head != draft.head:
        raise PreconditionFailedError(
            f"The draft of models:/{draft.name} is at the commit {draft.head}, not at {wanted.head[:40]!r}",
            remedy="Look at it again with forebear draft show, and decide whether it shall be registered",
            facts={"head": draft.head},
        )
    if not [one for one in draft.files if one.path != README]:
        raise InvalidError(f"The draft of models:/{draft.name} has no files yet", remedy="Upload the model first")
    card = text_of(context, draft, README)
    front = split_card(card)[0] if card else {}
    parents = wanted.parents if wanted.parents is not None else parents_of(context, draft, front)
    catalog = Catalog(context)
    with workspace(context.home, "draft") as work:
        source = _source(context, draft, work / "files")
        made = catalog.import_model(
            ImportModel(
                wanted.name,
                str(source),
                architecture=wanted.architecture,
                task=wanted.task or _word(front, "pipeline_tag"),
                modality=wanted.modality,
                licence=wanted.licence or card_licence(card),
                description=wanted.description,
                card=card,
                tags=wanted.tags,
                parents=parents,
                uploaded=True,
            )
        )
    ref = made.summary.ref
    if card is not None and (made.card is None or made.card.text != card):
        catalog.revise_card(Reference.to(ref), card)
    if wanted.alias is not None:
        catalog.set_alias(Reference.to(ref), wanted.alias)
    _end(context, draft, ref)
    return catalog.version(Reference.to(ref))


def _check(uow: UnitOfWork, wanted: RegisterDraft) -> None:
    """Raises: PolicyRefusedError for an alias that is not set by hand, ConflictError for another number."""
    if wanted.alias is not None:
        refuse_protected(uow, wanted.name, wanted.alias)
    number = uow.catalog.next_number(AssetKind.MODELS, wanted.name)
    if wanted.number not in {None, number}:
        raise ConflictError(
            f"The next version of models:/{wanted.name} is number {number}, not {wanted.number}",
            remedy=f"Register it as v{number}, or under another word",
        )


def _source(context: Context, draft: Draft, folder: Path) -> Path:
    """What the importer is given: the folder of all files, or the one file where there is no other but the card."""
    folder.mkdir()
    lay_out(context, draft, folder)
    rest = [one.path for one in draft.files if one.path != README]
    return folder / rest[0] if len(rest) == 1 and "/" not in rest[0] else folder


def _word(front: Mapping[str, object], key: str) -> str | None:
    value = front.get(key)
    return value if isinstance(value, str) and value else None


def _end(context: Context, draft: Draft, ref: VersionRef) -> None:
    """Remove the draft, unless somebody changed it meanwhile: then what they sent is a draft still."""
    with context.write() as uow:
        now = uow.drafts.get(draft.name)
        if now is None or now.head != draft.head:
            return
        uow.drafts.remove(draft.name)
        uow.drafts.forget_sent({one.sha256 for one in draft.files})
        uow.commit(Event("draft.registered", f"models:/{draft.name}", {"head": draft.head, "version": str(ref)}))
