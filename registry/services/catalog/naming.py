"""Names of registered models that have no version yet. Such a name can be changed; with a version it is for ever.

Votes, audit entries, cards and signed statements name versions, so what a name meant once it always means.
"""

from __future__ import annotations

from collections.abc import Mapping

from registry.domain.audit import Event
from registry.domain.names import AssetKind, Name
from registry.domain.verbs.catalog import NewModel
from registry.errors import InvalidError, NameTakenError, RefusedError
from registry.services.context import Context
from registry.services.lookup import found, is_unused, refuse_taken
from registry.services.unit_of_work import UnitOfWork


def create(context: Context, wanted: NewModel) -> None:
    """See `CatalogVerbs.create`."""
    now = context.clock.now()
    with context.write() as uow:
        refuse_there(uow, wanted.name)
        if wanted.instead_of is not None:
            _refuse_kept(uow, wanted.instead_of, wanted.name)
            uow.catalog.rename_model(wanted.instead_of, wanted.name, wanted.describing, at=now)
            uow.commit(Event("model.renamed", f"models:/{wanted.name}", {"from": str(wanted.instead_of)}))
            return
        uow.catalog.add_model(wanted.name, wanted.describing, owner=context.actor.handle, at=now)
        facts: Mapping[str, object] = {"description": wanted.description, "tags": dict(wanted.tags)}
        uow.commit(Event("model.created", f"models:/{wanted.name}", facts))


def _refuse_kept(uow: UnitOfWork, name: Name, new: Name) -> None:
    """Raises: NotFoundError; RefusedError for a name that is kept; InvalidError for one of another team."""
    found(uow.catalog.model(name), f"models:/{name}")
    if not is_unused(uow, name):
        raise RefusedError(
            f"The registered model {name} keeps its name", remedy="Votes, audit entries and cards name its versions"
        )
    if new.team != name.team:
        raise InvalidError(f"{new} is a name of another team than {name}", remedy="Create a registered model there")


def refuse_there(uow: UnitOfWork, name: Name) -> None:
    """Raises: NameTakenError for a registered model that is there, and for a name that nothing new can have."""
    if uow.catalog.has_model(name):
        raise NameTakenError(
            f"The registered model {name} exists already", remedy="Publish its next version, or choose another name"
        )
    refuse_taken(uow, AssetKind.MODELS, name)
