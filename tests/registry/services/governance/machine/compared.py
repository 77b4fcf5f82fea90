"""What the state machine of governance stands on: a registry beside the reference model, and what is compared.

What the registry lets through is compared with the reference model
in `model`, and each verb with the entries that it wrote to the audit log: none where it was refused.
"""

from __future__ import annotations

import atexit
import random
import shutil
import tempfile
from collections.abc import Callable, Iterable, Iterator, Sequence
from contextlib import ExitStack, suppress
from functools import cache
from pathlib import Path
from typing import TypeVar

import pytest
from hypothesis import strategies as st
from hypothesis.stateful import RuleBasedStateMachine, initialize, invariant

from registry.domain.audit import read_body
from registry.domain.catalog.models import Status
from registry.domain.catalog.statuses import STOPPED
from registry.domain.governance.promotion import RequestDetail, RequestState
from registry.domain.governance.reviews.attestations import stage_of
from registry.domain.governance.reviews.findings import NewFinding
from registry.domain.governance.status_changes import wanted_status
from registry.domain.names import AssetKind, VersionRef
from registry.domain.paging import every
from registry.errors import RegistryError
from registry.services.audit.verbs import Audit
from registry.services.governance.policies.stored import default_policy_text
from registry.services.governance.reports.verbs import Reports
from registry.services.governance.reviews.verbs import Reviews
from registry.services.lookup import found
from registry.storage.database import default_url, open_database
from tests.fakes.clock import FakeClock
from tests.registry.services.governance.machine.model import ATTEST, CHECKING, Asked, Human, Made, Model, Vote, wanted
from tests.registry.services.teams import ROLES, Team, grant, populate, put_in_force, ref_of

T = TypeVar("T")
POLICY = (
    default_policy_text()
    .replace("version: 3", "version: 4", 1)
    .replace(
        "    to: production\n    evidence:",
        "    to: production\n    conditional: {allowed: true, max_open_findings: 2, max_due: P30D}\n    evidence:",
    )
    + """
votes: {values: [approve, reject, veto, approve_with_conditions]}
waivers: {role: risk-owner, quorum: 2, max_duration: P30D}
reattest:
  production: {tier_high: P30D, grace: P5D}
  triggers: [dataset_recalled, base_model_recalled]
emergency:
  role: risk-owner
  allowed: [promote, rollback_to_previously_approved]
  never_skips: [claims-stand]
  expires: PT24H
  post_review: {within: P3D, role: validator, quorum: 2}
"""
)
"""The default policy with all that a policy may have besides."""
PEOPLE = st.sampled_from(["ana", "ben", "vera", "carla", "dora", "root", "robot", "guest"])
VOTERS = st.sampled_from(["ben", "vera", "carla", "ben", "vera", "carla", "dora", "robot", "root"])
DECIDERS = st.sampled_from(["carla", "vera", "root", "ben"])
MAKERS = ("ana", "dora", "ben", "vera", "carla")
"""Developers all: who votes makes versions too."""
WHICH = st.integers(0, 99)
PRODUCTION = "production"


class Compared(RuleBasedStateMachine):
    """The registry, the reference model, and what is compared after each verb."""

    steps = 0

    @initialize()
    def begin(self) -> None:
        self.stack = ExitStack()
        patch = self.stack.enter_context(pytest.MonkeyPatch.context())
        patch.setattr("registry.domain.ids.secrets.randbits", random.Random(0).getrandbits)  # the same steps, same ids
        home = Path(tempfile.mkdtemp(prefix="forebear-governance-"))
        self.stack.callback(shutil.rmtree, home)
        shutil.copy(team_file(), home / "registry.db")
        clock = FakeClock()
        database = self.stack.enter_context(open_database(default_url(home)))
        self.team = Team(database.factory(clock), clock, home)
        self.model = Model()
        roles = {**ROLES, "robot": ("validator", "risk-owner"), "vera": ("validator", "risk-owner")}
        for handle, held in roles.items():
            own = {*held, "developer"} if handle in MAKERS else set(held)
            self.model.people[handle] = Human(own, handle, clock.now(), handle == "robot")
        self.gone: dict[VersionRef, Status | None] = {}
        """Of deleted versions, the status that they had."""
        self.read = 0
        self.data = [self.team.add_data(name) for name in ("data/digits", "data/letters")]
        self.entries()
        self.publish("vision/digits", "ana", (), 0.9, self.data[:1])
        ready = self.publish("vision/digits", "vera", (), 0.9)
        self.bring(ready)
        assert self.stage(ready) == "validated"
        used = self.publish("vision/letters", "ana", (ready,), 0.9, (self.data[1],))
        self.bring(used)
        asked = self.ask(used, PRODUCTION, "ana")
        for by in ("ben", "carla"):
            assert asked is not None
            self.vote(asked, by)
        assert self.stage(used) == PRODUCTION

    def teardown(self) -> None:
        if hasattr(self, "stack"):
            with self.stack:
                self.check_history()
                if self.erased("vera"):
                    self.check_history()

    def check_history(self) -> None:
        self.check_log()
        for request in self.model.decided:
            assert self.team.promotions("guest").explain(request).same, f"{request} replays to another verdict"
        lines = every(lambda page: Reports(self.team.context("guest")).inventory(page=page))
        assert {one.ref for one in lines} == {
            ref for ref in self.model.versions if self.stage(ref) not in {None, "registered", "retired"}
        }

    def erased(self, handle: str) -> bool:
        """Erase somebody who voted and made versions, if two people can: everything stays as valid as it was."""
        for by in ("root", *self.model.people):
            with suppress(RegistryError):
                if self.team.people(by).erase(handle, reason="left").stand_in is not None:
                    return True
        return False

    # --- what every rule uses ----------------------------------------------------------------------------------

    def attempt(
        self, call: Callable[[], T], *expected: str, more: Callable[[T], Iterable[str]] = lambda _: ()
    ) -> T | None:
        """Call a verb: refused, it writes no entry; else the entries of these actions. None where it was refused."""
        try:
            result = call()
        except RegistryError:
            wrote = self.entries()
            assert wrote == [], f"what was refused wrote {wrote}"
            return None
        wrote, wanted = self.entries(), [*expected, *more(result)]
        assert wrote == wanted, f"{wrote} instead of {wanted}"
        return result

    def entries(self) -> list[str]:
        """The actions of the entries since the last look."""
        with self.team.open_uow(actor="root") as uow:
            entries = [read_body(entry.body) for entry in uow.audit.entries(after=self.read)]
        self.read += len(entries)
        return [entry.columns.action for entry in entries]

    def check_log(self) -> None:
        report = Audit(self.team.context("root")).verify(state=True)
        assert report.intact, report
        assert report.differences == ()

    def publish(
        self, name: str, by: str, parents: tuple[VersionRef, ...], accuracy: float, data: Sequence[VersionRef] = ()
    ) -> VersionRef:
        learnt = {"train": data[0]} if data else {}
        ref = self.team.publish(name, by=by, parents=parents, accuracy=accuracy, data=learnt)
        self.entries()
        self.model.versions[ref] = Made(ref, by, parents, [by], data=tuple(data))
        return ref

    def bring(self, ref: VersionRef) -> None:
        """To the stage validated, with a passing report: the way there is short, and the rest is what is tried."""
        self.ask(ref, "candidate", "ana")
        asked = self.ask(ref, "validated", "ana")
        if asked is not None:
            self.vote(asked, "ben")
        self.add_evidence(ref, "validation", "vera" if self.model.made("dora", ref) else "dora")

    def one(self, which: int) -> VersionRef:
        refs = sorted(self.model.versions)
        return refs[which % len(refs)]

    def stage(self, ref: VersionRef) -> str | None:
        """None for one that was deleted."""
        with self.team.open_uow(actor="root") as uow:
            version = uow.catalog.version(ref)
        return version.summary.stage if version is not None else None

    def bound(self, ref: VersionRef, target: str) -> object:
        """All that a vote on bringing this version to a stage is bound to, as the reference model sees it."""
        made = self.model.versions[ref]
        ancestors = sorted({*self.model.ancestors(ref), *self.model.trained_on(ref)})
        statuses = [(str(one), self.status(one), one in self.gone) for one in ancestors]
        waivers = Reviews(self.team.context("root")).waivers(ref_of(ref)).own if self.stage(ref) else ()
        waived = sorted(one.id for one in waivers if one.in_force(self.team.clock.now()))
        compared = self.team.alias(str(ref.name)) if stage_of(target) == PRODUCTION else None
        return (self.stage(ref), tuple(made.writers), tuple(made.evidence), tuple(statuses), tuple(waived), compared)

    # --- requests and votes, as rules and setting up use them ----------------------------------------------------

    def ask(self, ref: VersionRef, target: str, by: str, comment: str = "") -> Asked | None:
        model, stage, bound = self.model, self.stage(ref) or "", self.bound(ref, target)
        stands = model.forbids(ref, target, bound, model.policy)
        moves = self.moves(ref)
        detail = self.attempt(
            lambda: self.team.promotions(by).request(ref_of(ref), target, comment=comment),
            "promotion.requested",
            more=moves,
        )
        if detail is None:
            return None
        assert stands is None, f"{target} was requested for {ref} while {stands} stands"
        asked = self.asked(detail.summary.id, ref, target, by)
        self.judged(detail, asked, stage, bound)
        return asked

    def asked(self, request: str, ref: VersionRef, target: str, by: str) -> Asked:
        asked = Asked(request, ref, target, by, self.team.clock.now(), self.model.policy)
        self.model.requests[asked.id] = asked
        self.model.requesters.setdefault((ref, target), set()).add(by)
        return asked

    def vote(self, asked: Asked, by: str, conditions: Sequence[NewFinding] = ()) -> RequestDetail | None:
        ref = asked.ref
        stage, bound, moves = self.stage(ref) or "", self.bound(ref, asked.target), self.moves(ref)
        word = "promotion.approved_with_conditions" if conditions else "promotion.approved"
        detail = self.attempt(
            lambda: self.team.promotions(by).approve(asked.id, conditions=conditions),
            word,
            *("finding.raised" for _ in conditions),
            more=moves,
        )
        if detail is not None:
            self.voted(detail, asked, by, stage, bound)
        return detail

    def voted(self, detail: RequestDetail, asked: Asked, by: str, stage: str, bound: object) -> None:
        """An approval was taken; `stage` and `bound` are as before it."""
        model = self.model
        assert model.may_vote(by, asked), f"{by} voted on {asked}"
        model.vetoes.pop((asked.id, by), None)
        vote = Vote(by, frozenset(model.people[by].roles), bound, detail.votes[-1].conditions)
        asked.votes.append(vote)
        model.due |= {one.id: one.due_at for one in detail.findings if one.id in vote.conditions}
        self.judged(detail, asked, stage, bound)

    def moves(self, ref: VersionRef) -> Callable[[RequestDetail], Iterator[str]]:
        """What gives the entries of a promotion, where there was one, from what is now, before it."""
        stage, named, status = self.stage(ref), self.team.alias(str(ref.name)), self.status(ref)

        def entries(detail: RequestDetail) -> Iterator[str]:
            target = detail.summary.to_stage
            if detail.summary.state is not RequestState.PROMOTED:
                return
            wished = wanted_status(target)
            if wished is not None:
                yield f"model_version.{status_word(wished)}"
            elif target == ATTEST:
                yield "attestation.renewed"
                if status is Status.SUSPENDED and self.status(ref) is Status.ACTIVE:
                    assert ref in self.model.lapsed, f"{ref} was suspended for another reason"
                    self.model.versions[ref].stopped = False
                    yield "model_version.restored"
                yield "attestation.scheduled"
            else:
                yield "model_version.promoted"
                yield from self.leaving(ref)
                if stage == PRODUCTION != target and named == ref:
                    yield "alias.dropped"
                if target == PRODUCTION:
                    yield from ("alias.moved", "attestation.scheduled")
            yield "promotion.decided"

        return entries

    def leaving(self, ref: VersionRef) -> list[str]:
        """The entries of the end of its approval in production, as the reference model has it now."""
        ended = ["attestation.ended"] if ref in self.model.held else []
        return ["promotion.withdrawn" for _ in self.model.renewals(ref)] + ended

    def judged(self, detail: RequestDetail, asked: Asked, stage: str, bound: object) -> None:
        """What the registry counted is what the reference model counts; `stage` and `bound` are as before the verb."""
        model, ref = self.model, asked.ref
        enough = model.quorum(asked, stage, bound, self.team.clock.now())
        if detail.summary.state is RequestState.OPEN:
            counted = all(check.passed for check in detail.verdict.checks if check.kind == "approval")
            assert counted == enough or wanted(stage, asked.target) is None, f"{asked} by {detail.verdict}"
            return
        assert detail.summary.state is RequestState.PROMOTED
        assert enough, f"{asked} was promoted without its quorum"
        self.came(ref, asked.id, asked.target, bound, asked.policy)
        if stage_of(asked.target) == PRODUCTION:
            model.versions[ref].approved.add(asked.id)
        status = wanted_status(asked.target)
        if status is not None:
            model.versions[ref].stopped = status in STOPPED
            assert status in STOPPED or not model.withheld(ref, self.team.clock.now()), f"{ref} under a recall"

    def came(self, ref: VersionRef, request: str, target: str, bound: object, policy: int) -> None:
        """A version came to a stage, by whatever way."""
        model = self.model
        stands = model.forbids(ref, target, bound, policy)
        assert stands is None, f"{ref} came to {target} while {stands} stands"
        assert not model.vetoed(ref, target), f"{ref} came to {target} under a veto of {model.vetoed(ref, target)}"
        if stage_of(target) == PRODUCTION:
            own = {ref} if target == PRODUCTION else set()  # one whose approval ended is suspended until it is renewed
            above = {*own, *model.ancestors(ref), *model.trained_on(ref)}
            stopped = [one for one in above if self.is_stopped(one)]
            assert not stopped, f"{ref} came to production with {stopped}"
        if wanted_status(target) is None:
            model.left(ref)
            if stage_of(target) == PRODUCTION:
                (held,) = Reviews(self.team.context("guest")).attestations(ref_of(ref))
                assert held.due_at is not None
                model.held[ref] = held.due_at
        model.requests.pop(request, None)
        model.decided.append(request)
        told = self.team.promotions("guest").explain(request)
        assert told.same, f"{request} was decided by {told.stored} and replays to {told.replayed}"

    def is_stopped(self, ref: VersionRef) -> bool:
        """Suspended or recalled, deleted or not."""
        return self.status(ref) in STOPPED

    def status(self, ref: VersionRef) -> Status | None:
        """The present one, or the one before it was deleted."""
        with self.team.open_uow(actor="root") as uow:
            if ref.kind is AssetKind.DATASETS:
                return found(uow.datasets.version(ref), ref).summary.status
            record = uow.governance.version(ref)
        return record.status if record is not None else self.gone.get(ref)

    def state(self, request: str) -> RequestState | None:
        with self.team.open_uow(actor="root") as uow:
            stored = uow.governance.request(request)
        return stored.summary.state if stored is not None else None

    def add_evidence(self, ref: VersionRef, kind: str, by: str, result: str = "pass") -> None:
        body = {"result": result} if kind == CHECKING else {"note": result}
        done = self.attempt(lambda: self.team.promotions(by).add_evidence(ref_of(ref), kind, body), "evidence.added")
        if done is not None:
            self.model.versions[ref].evidence.append((kind, by))

    # --- what always holds ---------------------------------------------------------------------------------------

    @invariant()
    def nothing_is_in_production_that_nobody_approved(self) -> None:
        Compared.steps += 1
        reviews = Reviews(self.team.context("guest"))
        for ref, made in self.model.versions.items():
            stage = self.stage(ref)
            named = stage is not None and self.team.alias(str(ref.name)) == ref
            if (stage == PRODUCTION or named) and not made.approved:
                declared = [one for one in reviews.emergencies(ref_of(ref)) if one.lapsed_at is None]
                assert declared or self.is_stopped(ref), f"{ref} is in production, and nobody approved it"


def status_word(status: Status) -> str:
    """How the entry of a change to this status ends."""
    return "restored" if status is Status.ACTIVE else status.value


@cache
def team_file() -> Path:
    """A SQLite file with the team and its policy, to be copied."""
    folder = Path(tempfile.mkdtemp(prefix="forebear-team-"))
    atexit.register(shutil.rmtree, folder)
    with open_database(default_url(folder)) as database:
        database.create_or_upgrade()
        team = populate(Team(database.factory(FakeClock()), FakeClock(), folder))
        grant(team, "vera", "risk-owner")
        for handle in MAKERS:
            team.people("root").grant(handle, "developer")
        put_in_force(team, POLICY)
    return folder / "registry.db"
