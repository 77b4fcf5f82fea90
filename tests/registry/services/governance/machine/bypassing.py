"""Steps past the votes: emergencies, rollbacks, waivers, and conditions that are met."""

from __future__ import annotations

from datetime import timedelta

from hypothesis import strategies as st
from hypothesis.stateful import precondition, rule

from registry.domain.governance.reviews.waivers import NewWaiver
from registry.services.governance.reviews.verbs import Reviews
from tests.registry.services.governance.machine.compared import DECIDERS, PRODUCTION, WHICH, Compared
from tests.registry.services.teams import ref_of


class Bypassing(Compared):
    """These steps."""

    @rule(which=WHICH, by=DECIDERS)
    def declare_emergency(self, which: int, by: str) -> None:
        ref, team = self.one(which), self.team
        bound, reviews = self.bound(ref, PRODUCTION), Reviews(team.context(by))
        token = self.attempt(lambda: team.people(by).create_token(by, label="anew"), "token.created")
        secret = token.secret if token is not None else ""
        wrote = ("promotion.requested", "emergency.declared", "model_version.promoted", *self.leaving(ref))
        detail = self.attempt(
            lambda: reviews.promote_in_emergency(ref_of(ref), PRODUCTION, incident="I", reason="down", token=secret),
            *(*wrote, "alias.moved", "attestation.scheduled", "promotion.decided"),
        )
        if detail is not None:
            assert "risk-owner" in self.model.people[by].roles
            assert not self.model.made(by, ref), f"{by} made {ref}"
            self.came(ref, detail.summary.id, PRODUCTION, bound, self.model.policy)
            self.model.requesters.setdefault((ref, PRODUCTION), set()).add(by)

    @rule(which=WHICH, by=DECIDERS)
    def review_emergency(self, which: int, by: str) -> None:
        reviews = Reviews(self.team.context(by))
        emergencies = Reviews(self.team.context("root")).emergencies()
        if emergencies:
            one = emergencies[which % len(emergencies)]
            done = self.attempt(lambda: reviews.review_emergency(one.id, comment="right"), "emergency.reviewed")
            if done is not None and done.reviewed_at is not None:
                people = {self.model.who(review.person) for review in done.reviews}
                assert len(people) > 1 and self.model.who(done.by) not in people, done  # noqa: PT018
                self.model.versions[one.ref].approved.add(one.request)

    @rule(which=WHICH, by=DECIDERS)
    def roll_back(self, which: int, by: str) -> None:
        ref = self.one(which)
        bound = self.bound(ref, PRODUCTION)
        wrote = ("promotion.requested", "promotion.rolled_back", "model_version.promoted", *self.leaving(ref))
        detail = self.attempt(
            lambda: Reviews(self.team.context(by)).roll_back(ref_of(ref), comment="back"),
            *(*wrote, "alias.moved", "attestation.scheduled", "promotion.decided"),
        )
        if detail is not None:
            assert self.model.versions[ref].approved, f"{ref}, which was never approved, came back"
            self.came(ref, detail.summary.id, PRODUCTION, bound, self.model.policy)
            self.model.requesters.setdefault((ref, PRODUCTION), set()).add(by)

    @rule(which=WHICH, by=DECIDERS, gate=st.sampled_from(["better-than-guessing", "no-worse", "no-recall"]))
    def ask_for_waiver(self, which: int, by: str, gate: str) -> None:
        until = f"{self.team.clock.now() + timedelta(days=9):%Y-%m-%d}"
        wish, ref = NewWaiver(gate, "it is being mended", until), self.one(which)
        done = self.attempt(
            lambda: Reviews(self.team.context(by)).ask_for_waiver(ref_of(ref), wish), "waiver.requested"
        )
        assert done is None or gate != "no-recall", "a gate that is not waivable was waived"

    @rule(which=WHICH, by=DECIDERS, end=st.sampled_from([False, False, True]))
    def decide_on_waiver(self, which: int, by: str, end: bool) -> None:
        reviews = Reviews(self.team.context(by))
        waivers = Reviews(self.team.context("root")).waivers().own
        if not waivers:
            return
        one = waivers[which % len(waivers)]
        if end:
            self.attempt(lambda: reviews.end_waiver(one.id, comment="enough"), "waiver.ended")
            return
        done = self.attempt(lambda: reviews.approve_waiver(one.id, comment="yes"), "waiver.approved")
        if done is not None:
            model = self.model
            people = {model.who(a.person) for a in done.approvals}
            assert len(people) == len(done.approvals) and model.who(done.asked_by) not in people, done  # noqa: PT018
            assert not model.made(by, one.ref), f"{by} made {one.ref}"
            assert "risk-owner" in model.people[by].roles, by

    @precondition(lambda self: self.model.due)
    @rule(which=WHICH, by=DECIDERS)
    def resolve_condition(self, which: int, by: str) -> None:
        one = sorted(self.model.due)[which % len(self.model.due)]
        if self.model.due[one] > self.team.clock.now():  # else what it was the condition of is revoked first
            done = self.attempt(
                lambda: Reviews(self.team.context(by)).resolve_finding(one, comment="mended"), "finding.resolved"
            )
            if done is not None:
                del self.model.due[one]
