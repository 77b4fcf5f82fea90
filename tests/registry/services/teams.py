"""A registry with people: a database, blobs in memory, roles, the default policy, and models with an ancestry."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, cast

from registry.domain.audit import Event
from registry.domain.governance.policies.changes import PolicyProposal, ProposalState
from registry.domain.governance.promotion import VoteValue
from registry.domain.names import Reference, VersionRef
from registry.domain.paging import PageRequest
from registry.domain.people.people import Actor, Person
from registry.domain.recipes.recipe import Method
from registry.services.audit.verbs import Audit
from registry.services.context import Context
from registry.services.governance.policies.stored import default_policy_text
from registry.services.governance.verbs import Promotions
from registry.services.people.verbs import People
from registry.settings import Settings
from registry.storage.unit_of_work import SqlUnitOfWorkFactory
from tests.builders import add_dataset_version, add_version, digest, metric, store
from tests.fakes.blobs import MemoryBlobs
from tests.fakes.clock import FakeClock

ROLES = {
    "root": ("admin",),
    "ana": ("developer",),
    "dora": ("developer",),
    "ben": ("validator",),
    "vera": ("validator",),
    "carla": ("risk-owner",),
    "guest": ("viewer",),
    "nobody": (),
}
CARD = "---\nlicense: apache-2.0\n---\n# Digits\n"


@dataclass
class Team:
    """A registry as each person sees it: `team.promotions("ana").request(…)`."""

    open_uow: SqlUnitOfWorkFactory
    clock: FakeClock
    home: Path
    blobs: MemoryBlobs = field(default_factory=MemoryBlobs)

    def context(self, handle: str) -> Context:
        with self.open_uow(actor=handle) as uow:
            person = uow.people.get(handle)
        assert person is not None, handle
        return self.context_of(Actor(handle, frozenset(person.roles), person.service))

    def context_of(self, actor: Actor) -> Context:
        plugins = cast("Any", None)  # governance uses no plug-ins
        return Context(actor, self.home, self.open_uow, self.blobs, self.clock, plugins, Settings())

    def promotions(self, handle: str) -> Promotions:
        return Promotions(self.context(handle))

    def people(self, handle: str) -> People:
        return People(self.context(handle))

    def actions(self, subject: str | None = None) -> list[str]:
        """The actions in the audit log, oldest first."""
        reader = self.context_of(Actor("auditor", frozenset({"viewer"})))
        found = Audit(reader).search(subject=subject, page=PageRequest(500))
        return [entry.action for entry in reversed(found.items)]

    def stage(self, ref: VersionRef) -> str:
        with self.open_uow(actor="root") as uow:
            version = uow.catalog.version(ref)
        assert version is not None
        return version.summary.stage

    def alias(self, name: str, alias: str = "production") -> VersionRef | None:
        with self.open_uow(actor="root") as uow:
            return uow.catalog.resolve(Reference.parse(f"models:/{name}@{alias}"))

    def publish(
        self,
        name: str = "vision/digits",
        *,
        accuracy: float | None = 0.9,
        parents: Iterable[VersionRef] = (),
        card: str | None = CARD,
        manifest: bool = True,
        method: Method = Method.FINE_TUNING,
        by: str = "ana",
        **fields: Any,
    ) -> VersionRef:
        """A version made by one person, with a card, a manifest and test metrics by default."""
        usual = [] if accuracy is None else [metric(accuracy), metric(0.4, name="baseline_accuracy")]
        measured = fields.pop("measured", usual)
        at = self.clock.now()
        with self.open_uow(actor=by, write=True) as uow:
            ref = add_version(uow, name, parents=parents, measured=measured, at=at, method=method, by=by, **fields)
            store(self.blobs, fields.get("content") or str(ref))
            version = uow.catalog.version(ref)
            assert version is not None
            if card is not None:
                uow.catalog.add_card(ref, card, by=by, at=at)
            if manifest:
                uow.steps.set_manifest(version.step, b'{"schema":"forebear/provenance/v1"}', digest(version.step))
            uow.commit(Event("model_version.transferred", str(ref), {}))
        return ref

    def add_data(self, name: str = "data/mnist") -> VersionRef:
        with self.open_uow(actor="ana", write=True) as uow:
            ref = add_dataset_version(uow, name)
            store(self.blobs, str(ref), rows=True)
            uow.commit(Event("dataset_version.registered", str(ref), {}))
        return ref


def populate(team: Team) -> Team:
    """Add everybody in `ROLES`, and the default policy."""
    with team.open_uow(actor="root", write=True) as uow:
        for handle, roles in ROLES.items():
            uow.people.add(Person(handle, handle.title(), roles, team.clock.now()))
        uow.people.add(Person("robot", "Robot", ("validator", "risk-owner"), team.clock.now(), service=True))
        robot = ("robot", ("validator", "risk-owner"))
        uow.commit(*(Event("person.added", f"person:{w}", {"roles": list(r)}) for w, r in (*ROLES.items(), robot)))
    team.promotions("root").publish_policy(default_policy_text())
    return team


def grant(team: Team, handle: str, role: str) -> Person:
    """Give a role whose holders decide on something: root offers it, and somebody else confirms it."""
    assert team.people("root").grant(handle, role).offered == (role,)
    return team.people("ben" if handle == "carla" else "carla").confirm(handle, role)


def put_in_force(team: Team, text: str) -> PolicyProposal:
    """Publish a policy as the default policy asks: root proposes it, and carla agrees."""
    proposal = team.promotions("root").publish_policy(text)
    assert proposal.state is ProposalState.OPEN
    return team.promotions("carla").vote_on_policy(proposal.id, VoteValue.APPROVE)


def ref_of(ref: VersionRef) -> Reference:
    return Reference(ref.kind, ref.name, ref.number)


def bring_to(team: Team, ref: VersionRef, stage: str) -> None:
    """Promote a version up to `stage`, with the votes of several people."""
    ana, ben, carla = (team.promotions(who) for who in ("ana", "ben", "carla"))
    team.clock.forward(minutes=1)
    ana.request(ref_of(ref), "candidate")
    if stage == "candidate":
        return
    ben.approve(ana.request(ref_of(ref), "validated").summary.id)
    if stage == "validated":
        return
    team.promotions("dora").add_evidence(ref_of(ref), "validation", {"result": "pass"})
    request = ana.request(ref_of(ref), "production").summary.id
    ben.approve(request)
    carla.approve(request)
    assert team.stage(ref) == "production"
