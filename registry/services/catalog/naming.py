"""Names of registered models that have no version yet."""

from __future__ import annotations

from collections.abc import Mapping

from registry.domain.audit import Event
from registry.domain.names import AssetKind, Name
from registry.domain.verbs.catalog import NewModel
from registry.errors import NameTakenError
from registry.services.context import Context
from registry.services.lookup import refuse_taken
from registry.services.unit_of_work import UnitOfWork


def create(context: Context, wanted: NewModel) -> None:
    """See `CatalogVerbs.create`."""
    now = context.clock.now()
    with context.write() as uow:
        refuse_there(uow, wanted.name)
        uow.catalog.add_model(wanted.name, wanted.describing, owner=context.actor.handle, at=now)
        facts: Mapping[str, object] = {"description": wanted.description, "tags": dict(wanted.tags)}
        uow.commit(Event("model.created", f"models:/{wanted.name}", facts))


def refuse_there(uow: UnitOfWork, name: Name) -> None:
    """Raises: NameTakenError for a registered model that is there, and for a name that nothing new can have."""
    if uow.catalog.model(name) is not None:
        raise NameTakenError(
            f"The registered model {name} exists already", remedy="Publish its next version, or choose another name"
        )
    refuse_taken(uow, AssetKind.MODELS, name)
