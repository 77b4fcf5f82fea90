"""Steps of recalls, and readers who try to get the bytes."""

from __future__ import annotations

from datetime import timedelta

from hypothesis import strategies as st
from hypothesis.stateful import precondition, rule

from registry.domain.governance.recalls import Disposition, Level, NewDisposition, NewRecall
from registry.domain.names import VersionRef
from registry.domain.people.people import Actor
from registry.errors import RegistryError
from registry.services.catalog.verbs import Catalog
from registry.services.data.verbs import Datasets
from registry.services.governance.recalls.verbs import Recalls
from tests.registry.services.governance.machine.compared import DECIDERS, PEOPLE, WHICH, Compared
from tests.registry.services.governance.machine.model import TakenBack
from tests.registry.services.teams import ref_of

WEIGHTS = "weights/model.safetensors"


class Recalling(Compared):
    """These steps."""

    @rule(which=WHICH, by=DECIDERS, level=st.sampled_from(Level))
    def recall(self, which: int, by: str, level: Level) -> None:
        ref = self.one(which)
        if self.stage(ref) is not None:
            self._take_back(by, ref, level)

    @rule(which=WHICH, by=DECIDERS, level=st.sampled_from(Level))
    def recall_data(self, which: int, by: str, level: Level) -> None:
        self._take_back(by, self.data[which % len(self.data)], level)

    def _take_back(self, by: str, ref: VersionRef, level: Level) -> None:
        wish = NewRecall(str(ref), level, "no consent")
        moved = sum(one.to is not None for one in Recalls(self.team.context("root")).preview(wish).aliases)
        now, held = self.team.clock.now(), self.model.held
        below = {ref, *(one for one in self.model.descendants(ref) if self.stage(one) is not None)}
        called = {one for one in below & held.keys() - self.model.lapsed if held[one] > now}
        wrote = ["recall.opened", *["alias.moved"] * moved, *["attestation.called"] * len(called)]
        done = self.attempt(lambda: Recalls(self.team.context(by)).open(wish), *wrote)
        if done is not None:
            held |= dict.fromkeys(called, now)
        if done is not None and level is not Level.ADVISORY:
            self.model.recalls[done.recall.id] = TakenBack(done.recall.id, below)

    @precondition(lambda self: self.model.recalls)
    @rule(which=WHICH, by=DECIDERS)
    def reverse(self, which: int, by: str) -> None:
        one = self._recall(which)
        done = self.attempt(
            lambda: Recalls(self.team.context(by)).reverse(one.id, reason="a mistake"),
            "recall.reversed",
            more=lambda reversal: ["alias.moved"] * len(reversal.aliases),
        )
        if done is not None:
            del self.model.recalls[one.id]

    @precondition(lambda self: self.model.recalls)
    @rule(which=WHICH, other=WHICH, by=DECIDERS, kind=st.sampled_from([Disposition.ACCEPT, Disposition.DISPUTE]))
    def dispose(self, which: int, other: int, by: str, kind: Disposition) -> None:
        one, now = self._recall(which), self.team.clock.now()
        reached = sorted(one.reached & self.model.versions.keys())
        if not reached:
            return
        ref = reached[other % len(reached)]
        day = now.date() + timedelta(days=2)
        wish = NewDisposition(kind, "we looked", until=f"{day:%Y-%m-%d}" if kind is Disposition.ACCEPT else None)
        before = one.proposed.get(ref)
        try:
            task = Recalls(self.team.context(by)).dispose(one.id, ref_of(ref), wish)
        except RegistryError:
            assert self.entries() == []
            return
        assert self.entries() in (["recall.disposed"], ["recall.disposed", "recall.closed"])
        assert before is None or before[0] != Disposition.DISPUTE or ref not in one.released
        one.proposed[ref] = (kind, by, task.until)
        one.accepted.pop(ref, None)

    @precondition(lambda self: any(one.proposed for one in self.model.recalls.values()))
    @rule(which=WHICH, other=WHICH, by=DECIDERS)
    def confirm(self, which: int, other: int, by: str) -> None:
        proposed = [(one, ref) for one in self.model.recalls.values() for ref in sorted(one.proposed)]
        one, ref = proposed[which % len(proposed)]
        kind, first, until = one.proposed[ref]
        try:
            Recalls(self.team.context(by)).confirm(one.id, ref_of(ref))
        except RegistryError:
            assert self.entries() == []
            return
        assert self.entries() in (["recall.confirmed"], ["recall.confirmed", "recall.closed"])
        assert not self.model.same(by, [first]) and not self.model.made(by, ref), f"{by} confirmed"  # noqa: PT018
        del one.proposed[ref]
        if kind is Disposition.DISPUTE:
            one.released.add(ref)
        elif until is not None:
            one.accepted[ref] = until

    @rule(which=WHICH, by=PEOPLE)
    def read_bytes(self, which: int, by: str) -> None:
        """No file of what is withheld is given to anybody, and none of what is clean is refused to a reader."""
        ref, now = self.one(which), self.team.clock.now()
        context = self.team.context(by)
        if self.stage(ref) is None or not self.model.people[by].roles:
            return
        try:
            Catalog(context).open_file(ref_of(ref), WEIGHTS).close()
        except RegistryError:
            assert self.model.withheld(ref, now), f"{ref} is refused to {by}"
        else:
            assert not self.model.withheld(ref, now), f"{by} got bytes of {ref}"
        self._read_data(which, by)
        forensics = self.team.context_of(Actor("eve", frozenset({"forensics"})))
        Catalog(forensics).open_file(ref_of(ref), WEIGHTS).close()

    def _read_data(self, which: int, by: str) -> None:
        ref, now, context = self.data[which % len(self.data)], self.team.clock.now(), self.team.context(by)
        file = Datasets(self.team.context("root")).version(ref_of(ref)).files[0].path
        try:
            Catalog(context).open_file(ref_of(ref), file).close()
        except RegistryError:
            assert self.model.withheld(ref, now), f"{ref} is refused to {by}"
        else:
            assert not self.model.withheld(ref, now), f"{by} got rows of {ref}"

    def _recall(self, which: int) -> TakenBack:
        recalls = sorted(self.model.recalls)
        return self.model.recalls[recalls[which % len(recalls)]]
