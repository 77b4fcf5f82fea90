"""Steps of people, of the policy, and of time."""

from __future__ import annotations

from datetime import timedelta

from hypothesis import strategies as st
from hypothesis.stateful import precondition, rule

from registry.domain.governance.promotion import RequestState, VoteValue
from registry.errors import RegistryError
from registry.services.governance.reviews.verbs import Reviews
from tests.registry.services.governance.machine.compared import DECIDERS, PEOPLE, POLICY, WHICH, Compared
from tests.registry.services.governance.machine.model import DECIDES


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
        wrote = self.entries()
        suspended = {one.subject for one in settled if one.message.startswith("Suspended")}
        assert len(wrote) == len(settled) + len(suspended), wrote
        assert set(wrote) <= {"promotion.revoked", "emergency.lapsed", "model_version.suspended"}, wrote
        assert (reviews.tick().settled, self.entries()) == ((), []), "it was done twice"
        assert not [one for one in reviews.emergencies() if one.is_open and one.due_at <= now]
        for ref, made in self.model.versions.items():
            made.stopped = made.stopped or str(ref) in suspended
            made.approved = {one for one in made.approved if self.state(one) is RequestState.PROMOTED}

    @rule()
    def verify(self) -> None:
        self.check_log()
