"""A context over a real database, blobs in memory and the installed plug-ins, for one editor."""

from __future__ import annotations

from pathlib import Path

from registry.domain.people.people import Actor, Person
from registry.plugins import EntryPointPlugins
from registry.services.context import Context, Plugins
from registry.settings import Settings
from registry.storage.unit_of_work import SqlUnitOfWorkFactory
from tests.fakes.blobs import MemoryBlobs
from tests.fakes.clock import FakeClock


def open_context(
    open_uow: SqlUnitOfWorkFactory,
    clock: FakeClock,
    home: Path,
    *,
    role: str = "developer",
    blobs: MemoryBlobs | None = None,
    plugins: Plugins | None = None,
    mlflow_uri: str | None = None,
) -> Context:
    """Ana's context: an editor unless another role is given."""
    return Context(
        actor=Actor("ana", frozenset({role})),
        home=home,
        open_uow=open_uow,
        blobs=blobs or MemoryBlobs(),
        clock=clock,
        plugins=plugins or EntryPointPlugins(memory=0, seconds=60),
        settings=Settings(mlflow_uri=mlflow_uri),
    )


def with_an_account(context: Context) -> Context:
    """The same, where Ana is on record: whoever is the owner of a finding must be."""
    with context.open_uow(actor="root", write=True) as uow:
        uow.people.add(Person("ana", "Ana", tuple(context.actor.roles), context.clock.now()))
        uow.commit_unaudited()
    return context
