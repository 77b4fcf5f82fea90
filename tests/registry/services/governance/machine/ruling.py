"""Steps of people, of the policy, and of time."""

from __future__ import annotations

from collections import Counter
from datetime import timedelta

from hypothesis import strategies as st
from hypothesis.stateful import precondition, rule

from registry.domain.governance.promotion import RequestState, VoteValue
from registry.domain.names import VersionRef
from registry.domain.people.people import SYSTEM
from registry.errors import RegistryError
from registry.services.governance.requests import open_requests
from registry.services.governance.reviews.verbs import Reviews
from tests.registry.services.governance.machine.compared import DECIDERS, PEOPLE, POLICY, WHICH, Compared
from tests.registry.services.governance.machine.model import ATTEST, DECIDES, GRACE
from tests.registry.services.teams import ref_of


class Ruling(Compared):
    """These steps."""

    @rule(handle=PEOPLE, role=st.sampled_from([*DECIDES, *DECIDES, "developer"]), by=st.sampled_from(["root", "ana"]))
    def offer_role(self, handle: str, role: str, by: str) -> None:
        person = self.model.people[handle]
        try:
            offered = self.team.people(by).grant(handle, role).offered
        except RegistryError:
            assert self.entries() == []
            return
        wrote = self.entries()
        if role in person.roles:
            assert wrote == []
        elif role in DECIDES:
            if wrote == ["role.granted"]:
                assert not self.model.could_confirm(handle, by), f"{by} alone gave {role} to {handle}"
                person.roles.add(role)
                return
            assert offered == (role,)
            assert wrote == ([] if (handle, role) in self.model.offers else ["role.offered"])
            self.model.offers.setdefault((handle, role), by)
        else:
            assert wrote == ["role.granted"]
            person.roles.add(role)

    @precondition(lambda self: self.model.offers)
    @rule(which=WHICH, by=DECIDERS)
    def confirm_role(self, which: int, by: str) -> None:
        offers = sorted(self.model.offers)
        handle, role = offers[which % len(offers)]
        offered_by = self.model.offers[handle, role]
        if self.attempt(lambda: self.team.people(by).confirm(handle, role), "role.granted") is not None:
            assert not self.model.same(by, [handle, offered_by]), f"{by} confirmed a role of {handle}"
            self.model.people[handle].roles.add(role)
            del self.model.offers[handle, role]

    @rule(handle=st.sampled_from(["ben", "vera", "carla", "dora"]), role=st.sampled_from(DECIDES))
    def revoke_role(self, handle: str, role: str) -> None:
        word = "role.revoked" if role in self.model.people[handle].roles else "role.offer_withdrawn"
        if self.attempt(lambda: self.team.people("root").revoke(handle, role), word) is not None:
            self.model.people[handle].roles.discard(role)
            self.model.offers.pop((handle, role), None)

    @rule(pair=st.sampled_from([("dora", "carla"), ("ana", "ben"), ("dora", "vera")]))
    def link(self, pair: tuple[str, str]) -> None:
        people = self.model.people
        first, second = (people[one].who for one in pair)
        if first == second:
            return
        assert self.attempt(lambda: self.team.people("root").link(*pair), "person.linked") is not None
        for one in people.values():
            one.who = second if one.who == first else one.who

    @rule(by=DECIDERS, same=st.booleans())
    def change_policy(self, by: str, same: bool) -> None:
        """An admin proposes another version, and it is in force when a risk owner who is somebody else agrees."""
        number = self.model.policy + 1
        text = POLICY.replace("version: 4", f"version: {number}", 1)
        proposal = self.attempt(lambda: self.team.promotions("root").publish_policy(text), "policy.proposed")
        if proposal is None:
            return
        vote = self.team.promotions("root" if same else by)
        done = self.attempt(
            lambda: vote.vote_on_policy(proposal.id, VoteValue.APPROVE), "policy.approved", "policy.published"
        )
        if done is not None:
            assert not same and "risk-owner" in self.model.people[by].roles, by  # noqa: PT018
            self.model.policy = number
        else:
            withdrawn = self.team.promotions("root").vote_on_policy(proposal.id, VoteValue.REJECT)
            assert (withdrawn.state, self.entries()) == ("withdrawn", ["policy.withdrawn"])

    @rule(hours=st.sampled_from([1, 1, 6, 30, 24 * 4, 24 * 40]))
    def time_passes(self, hours: int) -> None:
        self.team.clock.forward(hours=hours)

    @rule()
    def clock_is_set_back(self) -> None:
        self.team.clock.set_by(timedelta(hours=-1))

    @rule()
    def tick(self) -> None:
        """What is due by now is done, once."""
        reviews, now = Reviews(self.team.context("ana")), self.team.clock.now()
        settled = reviews.tick().settled
        wrote = Counter(self.entries())
        suspended = {one.subject for one in settled if one.message.startswith("Suspended")}
        assert wrote.pop("model_version.suspended", 0) == len(suspended)
        assert wrote.pop("promotion.requested", 0) == len(self.renewals_opened())
        assert sum(wrote.values()) == len(settled), wrote
        assert wrote.keys() <= {"promotion.revoked", "emergency.lapsed", "attestation.due", "attestation.lapsed"}, wrote
        ended = {ref for ref, due in self.model.held.items() if due + GRACE <= now}
        assert wrote["attestation.lapsed"] == len(ended - self.model.lapsed), ended
        used = [ref for ref in ended - self.model.lapsed if not self.is_stopped(ref)]
        assert not used, f"the approval of {used} ended, and they are used"
        self.model.lapsed |= ended
        assert (reviews.tick().settled, self.entries()) == ((), []), "it was done twice"
        assert not [one for one in reviews.emergencies() if one.is_open and one.due_at <= now]
        for ref, made in self.model.versions.items():
            made.stopped = made.stopped or str(ref) in suspended
            made.approved = {one for one in made.approved if self.state(one) is RequestState.PROMOTED}

    def renewals_opened(self) -> list[str]:
        """The requests that the registry itself opened since the last look, to approve versions again."""
        found = []
        for ref in self.model.held:
            with self.team.open_uow(actor="root") as uow:
                opened = open_requests(uow, ref)
            new = [one.id for one in opened if one.to_stage == ATTEST and one.id not in self.model.requests]
            found += [self.asked(one, ref, ATTEST, SYSTEM.handle).id for one in new]
        return found

    @precondition(lambda self: self.model.held)
    @rule(which=WHICH, people=st.lists(DECIDERS, min_size=1, max_size=3))
    def attest(self, which: int, people: list[str]) -> None:
        """Approve a version in production again, before the registry asks for that or after."""
        refs = sorted(self.model.held)
        for by in people:
            self.attest_one(refs[which % len(refs)], by)

    def attest_one(self, ref: VersionRef, by: str) -> None:
        stage, bound, opened = self.stage(ref) or "", self.bound(ref, ATTEST), self.model.renewals(ref)
        detail = self.attempt(
            lambda: Reviews(self.team.context(by)).attest(ref_of(ref)),
            *([] if opened else ["promotion.requested"]),
            "promotion.approved",
            more=self.moves(ref),
        )
        if detail is not None:
            asked = self.model.requests.get(detail.summary.id)
            asked = asked or self.asked(detail.summary.id, ref, ATTEST, SYSTEM.handle)
            self.voted(detail, asked, by, stage, bound)

    @rule()
    def verify(self) -> None:
        self.check_log()
