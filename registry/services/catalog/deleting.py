"""Deletion of a model or a version: refused where it is in use itself, and where a version made from it is promoted.

The row of a deleted version stays, with its licence and its status: the gates of everything made from it read them.
Its aliases go with it, unless one is protected. A model that never had a version leaves nothing that counts, so its
name is free again.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from datetime import datetime

from registry.domain.audit import Event
from registry.domain.catalog.models import FIRST_STAGE, NOT_APPROVED, AliasValue, VersionSummary
from registry.domain.credentials import refuse_credentials
from registry.domain.names import Reference, VersionRef, model_only
from registry.domain.people.people import Permission
from registry.errors import ConflictError, InUseError
from registry.services.context import Context
from registry.services.governance.policies.stored import protected_aliases
from registry.services.governance.recalls.tasks import closed_by
from registry.services.lookup import all_versions, found, is_unused, resolve
from registry.services.unit_of_work import UnitOfWork

_SHOWN = 5
"""Descendants that the sentence names; the facts of the error name all."""


def delete(context: Context, target: Reference, *, reason: str) -> None:
    """See `CatalogVerbs.delete`."""
    refuse_credentials(reason, "reason")
    now = context.clock.now()
    with context.write(Permission.ADMIN) as uow:
        if model_only(target).number is None and target.alias is None:
            detail = found(uow.catalog.model(target.name), target)
            if is_unused(uow, target.name):
                uow.catalog.free_name(target.name)
                uow.commit(Event("model.deleted", f"models:/{target.name}", _facts(reason)))
                return
            versions = all_versions(uow, target.name)
            for version in versions:
                _refuse_promoted(version)
            _refuse_used(uow, target, [version.ref for version in versions])
            waiting = uow.recalls.open_about([version.ref for version in versions], now=now)
            dropped = _without(uow, detail.aliases, by=context.actor.handle, at=now)
            uow.catalog.delete_model(target.name, at=now)
            deleted = Event("model.deleted", f"models:/{target.name}", _facts(reason))
            uow.commit(*dropped, deleted, *closed_by(uow, waiting, now))
            return
        one = found(uow.catalog.version(resolve(uow, target)), target).summary
        _refuse_promoted(one)
        _refuse_used(uow, one.ref, [one.ref])
        waiting = uow.recalls.open_about([one.ref], now=now)
        aliases = found(uow.catalog.model(target.name), target).aliases if one.aliases else ()
        mine = [alias for alias in aliases if alias.ref == one.ref]
        dropped = _without(uow, mine, by=context.actor.handle, at=now)
        uow.catalog.delete_version(one.ref, at=now)
        known = {"digest": str(one.digest), "licence": one.licence, "status": one.status.value}
        deleted = Event("model_version.deleted", str(one.ref), {**known, **_facts(reason)})
        uow.commit(*dropped, deleted, *closed_by(uow, waiting, now))


def _without(uow: UnitOfWork, aliases: Sequence[AliasValue], *, by: str, at: datetime) -> list[Event]:
    """Remove the aliases, with an event for each. Raises: ConflictError for a protected one."""
    kept = protected_aliases(uow) if aliases else ()
    for one in aliases:
        if one.protected or one.alias in kept:
            raise ConflictError(
                f"{one.ref} has the protected alias {one.alias}", remedy="It moves by a promotion of another version"
            )
        uow.catalog.drop_alias(one.ref.name, one.alias, by=by, at=at)
    return [Event("alias.dropped", str(one.ref), {"alias": one.alias}) for one in aliases]


def _refuse_promoted(version: VersionSummary) -> None:
    if version.stage != FIRST_STAGE:
        raise ConflictError(
            f"{version.ref} is in the stage {version.stage}, and promoted versions cannot be deleted",
            remedy="Archive it",
        )


def _refuse_used(uow: UnitOfWork, what: object, refs: Sequence[VersionRef]) -> None:
    """Raises: InUseError, with all of them, when there are descendants that are promoted or behind an alias."""
    used = uow.catalog.used_descendants(refs, except_in=NOT_APPROVED, aliases=protected_aliases(uow))
    if used:
        shown = ", ".join(f"{v.ref} ({', '.join((v.stage, *v.aliases))})" for v in used[:_SHOWN])
        more = f" and {len(used) - _SHOWN} more" if len(used) > _SHOWN else ""
        raise InUseError(
            f"{what} has promoted descendants: {shown}{more}",
            remedy="Archive it instead, or retire them first",
            facts={"descendants": [str(version.ref) for version in used]},
        )


def _facts(reason: str) -> Mapping[str, object]:
    """What the audit entry says beside what was deleted."""
    return {"reason": reason} if reason.strip() else {}
