"""Deletion of a model or a version: refused where it is in use itself, and where a version made from it is in use."""

from __future__ import annotations

from collections.abc import Mapping, Sequence

from registry.domain.audit import Event
from registry.domain.catalog.models import FIRST_STAGE, VersionSummary
from registry.domain.names import Reference, VersionRef
from registry.domain.people.people import Permission
from registry.errors import ConflictError, InUseError, InvalidError
from registry.services.context import Context
from registry.services.governance.policies.stored import published
from registry.services.lookup import all_versions, found, model_only, resolve
from registry.services.unit_of_work import UnitOfWork

PRODUCTION = "production"
"""The stage that counts as use whatever the policies say."""
_SHOWN = 5
"""Descendants that the sentence names; the facts of the error name all."""


def delete(context: Context, target: Reference, *, force: bool, reason: str) -> None:
    """See `CatalogVerbs.delete`."""
    if force and not reason.strip():
        raise InvalidError("--force needs a reason", remedy="Say why with --reason: the audit log keeps it")
    now = context.clock.now()
    with context.write(Permission.ADMIN) as uow:
        if model_only(target).number is None and target.alias is None:
            detail = found(uow.catalog.model(target.name), target)
            held = [alias.alias for alias in detail.aliases]
            versions = all_versions(uow, target.name)
            for version in versions:
                _refuse_held(version, held)
            used = _refuse_used(uow, target, [version.ref for version in versions], force=force)
            uow.catalog.delete_model(target.name, at=now)
            uow.commit(Event("model.deleted", f"models:/{target.name}", _facts(reason, used)))
            return
        one = found(uow.catalog.version(resolve(uow, target)), target).summary
        _refuse_held(one, one.aliases)
        used = _refuse_used(uow, one.ref, [one.ref], force=force)
        uow.catalog.delete_version(one.ref, at=now)
        facts = {"digest": str(one.digest), **_facts(reason, used)}
        uow.commit(Event("model_version.deleted", str(one.ref), facts))


def _refuse_held(version: VersionSummary, aliases: Sequence[str]) -> None:
    if aliases:
        raise ConflictError(f"{version.ref} has aliases: {', '.join(aliases)}", remedy="Move or remove them first")
    if version.stage != FIRST_STAGE:
        raise ConflictError(
            f"{version.ref} is in the stage {version.stage}, and promoted versions cannot be deleted",
            remedy="Archive it",
        )


def _refuse_used(uow: UnitOfWork, what: object, refs: Sequence[VersionRef], *, force: bool) -> Sequence[str]:
    """The descendants that are in use. Raises: InUseError when there are some, without `force`."""
    policies = published(uow)
    stages = {PRODUCTION, *(stage for policy in policies for stage in policy.protected_aliases)}
    aliases = {alias for policy in policies for alias in policy.protected_aliases.values()}
    used = uow.catalog.used_descendants(refs, stages=stages, aliases=aliases)
    names = [str(version.ref) for version in used]
    if used and not force:
        shown = ", ".join(f"{v.ref} ({', '.join((v.stage, *v.aliases))})" for v in used[:_SHOWN])
        more = f" and {len(used) - _SHOWN} more" if len(used) > _SHOWN else ""
        raise InUseError(
            f"{what} has descendants in use: {shown}{more}",
            remedy="Archive it instead, or delete it with --force and --reason",
            facts={"descendants": names},
        )
    return names


def _facts(reason: str, used: Sequence[str]) -> Mapping[str, object]:
    """What the audit entry says beside the subject."""
    facts: dict[str, object] = {"reason": reason} if reason.strip() else {}
    return facts | ({"descendants_in_use": list(used)} if used else {})
