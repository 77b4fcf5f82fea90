"""Who may read the files of a version, and start from it, as its status and the recalls that withhold it say."""

from __future__ import annotations

from collections.abc import Collection, Sequence
from datetime import datetime
from typing import TYPE_CHECKING

from registry.domain.catalog.models import Status
from registry.domain.catalog.statuses import STOPPED
from registry.domain.governance.recalls import FOR_LAW, FORENSICS, Hold
from registry.errors import Family, RecalledError, RefusedError, WithheldError

if TYPE_CHECKING:
    from lineage import Digest
    from registry.domain.manifests import Manifest
    from registry.domain.names import AssetKind, VersionRef
    from registry.domain.people.people import Actor
    from registry.services.unit_of_work import UnitOfWork


def refuse_stopped(uow: UnitOfWork, ref: VersionRef, status: Status, *, actor: Actor | None, now: datetime) -> None:
    """Raises: WithheldError for a version that is suspended, RecalledError for one that is recalled.

    Not for `actor` with the role `forensics`; not while two people accept the risk, for each recall that withholds it.
    """
    if status not in STOPPED or (actor is not None and FORENSICS in actor.roles):
        return
    holds = uow.recalls.holds(ref)
    if status is Status.SUSPENDED and accepted(holds, now):
        return
    raise stopped(ref, status, holds)


def accepted(holds: Sequence[Hold], now: datetime) -> bool:
    """True while the risk of every recall that withholds a version is accepted."""
    return bool(holds) and all(hold.accepted_until is not None and now < hold.accepted_until for hold in holds)


def refuse_stopped_inputs(uow: UnitOfWork, refs: Sequence[VersionRef], *, now: datetime) -> bool:
    """Raises: as `refuse_stopped`, for the first of `refs` from which nothing new may be made. One statement if none.

    The role `forensics` reads, and makes nothing. True when the risk of some of `refs` is accepted.
    """
    held = uow.recalls.stopped(refs)
    for ref, status in held.items():
        refuse_stopped(uow, ref, status, actor=None, now=now)
    return bool(held)


def refuse_same_bytes(uow: UnitOfWork, kind: AssetKind, manifest: Manifest, *, made_from: Sequence[VersionRef]) -> None:
    """What was taken back does not return under another name, nor while its risk is accepted.

    The same are: all files; for a model one file of weights; for a dataset every file of it, with others or without;
    and a file that is itself the target of a recall. Inputs are left out: their risk was accepted.
    Raises: RefusedError.
    """
    same = uow.recalls.same_bytes(manifest, kind, besides=made_from)
    if same is not None:
        ids = [hold.recall for hold in uow.recalls.holds(same.ref)]
        raise RefusedError(
            f"{f'The file {same.path} of {same.ref}' if same.path else str(same.ref)} has the same bytes, and "
            f"{same.ref} is {same.status}{f' by {ids[0]}' if ids else ''}",
            remedy=_disputed(ids[0]) if ids else "Register other files",
            facts={"version": str(same.ref), "status": same.status.value, "recall": ids[0] if ids else None},
        )
    _refuse_named(uow, {entry.sha256 for entry in manifest.files}, "file")


def refuse_same_tensors(uow: UnitOfWork, tensors: Collection[Digest]) -> None:
    """No model is published with a tensor that is itself the target of a recall. Raises: RefusedError."""
    _refuse_named(uow, tensors, "tensor")


def _refuse_named(uow: UnitOfWork, digests: Collection[Digest], what: str) -> None:
    if (named := uow.recalls.named(digests)) is not None:
        raise RefusedError(
            f"The {what} with the digest {named[1]} was taken back by {named[0]}",
            remedy=_disputed(named[0]),
            facts={"digest": str(named[1]), "recall": named[0]},
        )


def refuse_recalled_token(uow: UnitOfWork, step_id: str) -> None:
    """Nothing more is published with a token that was recalled, nor by a step that still runs. Raises: RefusedError."""
    if (recall := uow.recalls.of_its_token(step_id)) is not None:
        raise RefusedError(
            f"{step_id} was written with a token that was recalled by {recall}, so it publishes nothing",
            remedy=f"Submit it again with another token. See why: forebear recall show {recall}",
            facts={"step": step_id, "recall": recall},
        )


def _disputed(recall: str) -> str:
    return f"Register other files. See why: forebear recall show {recall}"


def stopped(ref: VersionRef, status: Status, holds: Sequence[Hold]) -> RefusedError:
    """What to raise for a version that is suspended or recalled, with the recalls that withhold it."""
    ids = [hold.recall for hold in holds]
    facts = {"version": str(ref), "status": status.value, "recall": ids[0] if ids else None, "recalls": ids}
    kind = RecalledError if status is Status.RECALLED else WithheldError
    by = f" by {', '.join(ids)}" if ids else ""
    remedy = f"Choose another version. See why: forebear recall show {ids[0]}" if ids else "Choose another version"
    error = kind(f"{ref} is {status}{by}, so its files cannot be read", remedy=remedy, facts=facts)
    if kind is RecalledError and any(hold.reason_class in FOR_LAW for hold in holds):
        error.family = Family.BY_LAW
    return error
