"""A registry under its policy, in any order: publishing, requests, votes, roles, waivers, recalls, deletion and time.

Everybody tries everything, those who may not too.
"""

from __future__ import annotations

from datetime import timedelta

from hypothesis import strategies as st
from hypothesis.stateful import precondition, rule

from registry.domain.catalog.models import Status
from registry.domain.catalog.statuses import STOPPED
from registry.domain.governance.recalls import RecallState
from registry.domain.governance.reviews.findings import NewFinding, Severity
from registry.domain.governance.status_changes import status_target
from registry.domain.names import VersionRef
from registry.domain.paging import PageRequest
from registry.services.catalog.verbs import Catalog
from registry.services.governance.recalls.verbs import Recalls
from tests.registry.services.governance.machine.bypassing import Bypassing
from tests.registry.services.governance.machine.compared import (
    MAKERS,
    PEOPLE,
    PRODUCTION,
    VOTERS,
    WHICH,
    status_word,
)
from tests.registry.services.governance.machine.model import ATTEST, Asked, Refusal, Vote
from tests.registry.services.governance.machine.recalling import Recalling
from tests.registry.services.governance.machine.ruling import Ruling
from tests.registry.services.teams import ref_of

NAMES = st.sampled_from(["vision/digits", "vision/digits", "vision/letters"])
TARGETS = st.sampled_from([PRODUCTION, PRODUCTION, PRODUCTION, "validated", "candidate", "retired", ATTEST])


class GovernanceMachine(Bypassing, Recalling, Ruling):
    """All steps. `steps` counts them over all runs."""

    # --- versions ----------------------------------------------------------------------------------------------

    @rule(
        name=NAMES,
        by=st.sampled_from(MAKERS),
        which=WHICH,
        accuracy=st.sampled_from([0.9, 0.91, 0.42]),
        brought=st.booleans(),
        learnt=st.sampled_from([None, 0, 1]),
    )
    def publish_one(self, name: str, by: str, which: int, accuracy: float, brought: bool, learnt: int | None) -> None:
        parent = self.one(which)
        usable = self.stage(parent) is not None and not self.is_stopped(parent)
        data = [self.data[learnt]] if learnt is not None and not self.is_stopped(self.data[learnt]) else []
        ref = self.publish(name, by, (parent,) if usable else (), accuracy, data)
        if brought:
            self.bring(ref)

    @rule(which=WHICH, by=PEOPLE)
    def revise_card(self, which: int, by: str) -> None:
        ref = self.one(which)
        text = f"---\nlicense: apache-2.0\n---\n# Card {len(self.model.versions[ref].writers)}\n"
        done = self.attempt(lambda: Catalog(self.team.context(by)).revise_card(ref_of(ref), text), "card.revised")
        if done is not None:
            self.model.versions[ref].writers.append(by)

    @rule(which=WHICH, by=PEOPLE, kind=st.sampled_from(["validation", "validation", "other"]), bad=st.booleans())
    def evidence(self, which: int, by: str, kind: str, bad: bool) -> None:
        self.add_evidence(self.one(which), kind, by, "fail" if bad else "pass")

    @rule(which=WHICH, by=st.sampled_from(["root", "root", "ana"]))
    def delete(self, which: int, by: str) -> None:
        ref = self.one(which)
        used = [one for one in self.model.descendants(ref) if self.stage(one) not in {None, "registered", "retired"}]
        stage, status, recalls = self.stage(ref), self.status(ref), self._open_recalls()

        def closed(_: bool) -> list[str]:
            return ["recall.closed"] * len(recalls - self._open_recalls())  # it was the last without a disposition

        if self.attempt(lambda: self._delete(ref, by), "model_version.deleted", more=closed):
            self.gone[ref] = status
            assert (by, stage, used) == ("root", "registered", []), f"{ref} in {stage} was deleted under {used}"

    @rule(which=WHICH, by=PEOPLE, status=st.sampled_from(Status))
    def set_status(self, which: int, by: str, status: Status) -> None:
        ref, team = self.one(which), self.team
        in_use = self.stage(ref) == PRODUCTION or (self.stage(ref) and team.alias(str(ref.name)) == ref)
        withheld = any(one.withholds(ref, team.clock.now()) for one in self.model.recalls.values())
        done = self.attempt(
            lambda: Catalog(team.context(by)).set_status(ref_of(ref), status, "a reason"),
            f"model_version.{status_word(status)}",
        )
        if done is None:
            return
        stops = status in {Status.SUSPENDED, Status.RECALLED}
        person = self.model.people[by]
        may = "risk-owner" in person.roles and not person.service
        assert not in_use or (status is Status.SUSPENDED and may), (by, status)
        assert stops or not withheld, f"{by} made {ref} {status} under a recall"
        assert not stops or self.model.people[by].roles & {"admin", "risk-owner"}, by
        self.model.versions[ref].stopped = stops

    @rule(which=WHICH, by=PEOPLE, status=st.sampled_from(Status))
    def set_status_of_data(self, which: int, by: str, status: Status) -> None:
        ref, model = self.data[which % len(self.data)], self.model
        held = any(one.withholds(ref, self.team.clock.now()) for one in model.recalls.values())
        done = self.attempt(
            lambda: Catalog(self.team.context(by)).set_status(ref_of(ref), status, "a reason"),
            f"dataset_version.{status_word(status)}",
        )
        if done is None:
            return
        stops = status in STOPPED
        assert stops or not held, f"{by} made {ref} {status} under a recall"
        assert not (stops or ref in model.stopped_data) or model.people[by].roles & {"admin", "risk-owner"}, by
        model.stopped_data = {*model.stopped_data, ref} if stops else model.stopped_data - {ref}

    # --- requests ----------------------------------------------------------------------------------------------

    @rule(which=WHICH, by=PEOPLE, stage=TARGETS)
    def request(self, which: int, by: str, stage: str) -> None:
        self.ask(self.one(which), stage, by)

    @rule(which=WHICH, by=PEOPLE, status=st.sampled_from(Status), voter=VOTERS)
    def request_status(self, which: int, by: str, status: Status, voter: str) -> None:
        """Of a version in production first: there a status takes a decision."""
        used = [ref for ref in sorted(self.model.versions) if self.stage(ref) == PRODUCTION]
        ref = used[which % len(used)] if used and which % 4 else self.one(which)
        asked = self.ask(ref, status_target(status), by, comment="a reason")
        if asked is not None and asked.id in self.model.requests:
            self.vote(asked, voter)

    @precondition(lambda self: self.model.requests)
    @rule(which=WHICH, by=VOTERS)
    def approve(self, which: int, by: str) -> None:
        self.vote(self._open(which), by)

    @precondition(lambda self: self.model.requests)
    @rule(which=WHICH, by=VOTERS, days=st.integers(1, 5))
    def approve_with_condition(self, which: int, by: str, days: int) -> None:
        due = self.team.clock.now() + timedelta(days=days)
        self.vote(self._open(which), by, [NewFinding("mend it", Severity.LOW, "ana", f"{due:%Y-%m-%d}")])

    @precondition(lambda self: self.model.requests)
    @rule(which=WHICH, by=VOTERS)
    def reject(self, which: int, by: str) -> None:
        asked = self._open(which)
        bound = self.bound(asked.ref, asked.target)
        done = self.attempt(
            lambda: self.team.promotions(by).reject(asked.id, comment="no"), "promotion.rejected", "promotion.decided"
        )
        if done is not None:
            assert self.model.may_vote(by, asked), f"{by} rejected {asked}"
            refusal = Refusal(asked.id, asked.ref, asked.target, bound, asked.policy, by)
            self.model.refusals.append(refusal)
            del self.model.requests[asked.id]
            self.model.decided.append(asked.id)

    @precondition(lambda self: self.model.requests)
    @rule(which=WHICH, by=VOTERS)
    def veto(self, which: int, by: str) -> None:
        asked = self._open(which)
        done = self.attempt(lambda: self.team.promotions(by).veto(asked.id, comment="wait"), "promotion.vetoed")
        if done is not None:
            assert self.model.may_vote(by, asked), f"{by} vetoed {asked}"
            asked.votes.append(Vote(by, frozenset(), None))
            self.model.vetoes[asked.id, by] = asked

    @precondition(lambda self: self.model.refusals)
    @rule(which=WHICH, by=VOTERS)
    def overrule(self, which: int, by: str) -> None:
        refusal = self.model.refusals[which % len(self.model.refusals)]
        done = self.attempt(
            lambda: self.team.promotions(by).overrule(refusal.request, comment="it is mended"), "promotion.overruled"
        )
        if done is None:
            return
        refusal.overruled_by.add(by)
        enough = {self.model.who(one) for one in refusal.overruled_by if "risk-owner" in self.model.people[one].roles}
        refusal.done = done.summary.overruled_at is not None
        assert not refusal.done or by == refusal.by or len(enough) > 1, f"{refusal} was overruled"

    @precondition(lambda self: self.model.requests)
    @rule(which=WHICH, by=PEOPLE)
    def complete(self, which: int, by: str) -> None:
        asked = self._open(which)
        stage, bound = self.stage(asked.ref) or "", self.bound(asked.ref, asked.target)
        detail = self.attempt(
            lambda: self.team.promotions(by).complete(asked.id), "promotion.completed", more=self.moves(asked.ref)
        )
        if detail is not None:
            self.judged(detail, asked, stage, bound)

    @precondition(lambda self: self.model.requests)
    @rule(which=WHICH, by=PEOPLE)
    def withdraw(self, which: int, by: str) -> None:
        asked = self._open(which)
        if self.attempt(lambda: self.team.promotions(by).withdraw(asked.id), "promotion.withdrawn") is not None:
            assert by in {asked.by, "root"}, by
            del self.model.requests[asked.id]

    @precondition(lambda self: self.model.requests)
    @rule(which=WHICH)
    def look(self, which: int) -> None:
        """What is shown of an open request counts the votes as the reference model does."""
        asked = self._open(which)
        if stage := self.stage(asked.ref):
            self.judged(
                self.team.promotions("guest").request_detail(asked.id),
                asked,
                stage,
                self.bound(asked.ref, asked.target),
            )

    def _open_recalls(self) -> set[str]:
        found = Recalls(self.team.context("root")).list(state=RecallState.OPEN, page=PageRequest(500))
        return {one.id for one in found.items}

    def _delete(self, ref: VersionRef, by: str) -> bool:
        Catalog(self.team.context(by)).delete(ref_of(ref), reason="gone")
        return True

    def _open(self, which: int) -> Asked:
        requests = sorted(self.model.requests)
        return self.model.requests[requests[which % len(requests)]]
