"""A family whose edges were declared by people, and so can be wrong."""

from __future__ import annotations

from dataclasses import dataclass, replace
from typing import Any

from lineage import Assurance
from registry.domain.names import Reference, VersionRef
from registry.domain.recipes.recipe import Method
from registry.domain.transfers.corrections import Correction, NewCorrection
from registry.services.audit.verbs import Audit
from registry.services.governance.corrections.verbs import Corrections
from registry.services.lineage.verbs import Lineage
from tests.fakes.plugins import FakePlugins
from tests.registry.services.teams import Team


@dataclass
class Claims:
    """`child` was declared to come from `research` (for no commerce) and to have learnt from `data`; `heir` came from
    `child`. `net` has two versions that anyone may use.
    """

    team: Team
    research: VersionRef
    net: VersionRef
    newer: VersionRef
    data: VersionRef
    child: VersionRef
    heir: VersionRef
    said: Assurance = Assurance.DECLARED

    def verbs(self, who: str = "ana") -> Corrections:
        return Corrections(replace(self.team.context(who), plugins=FakePlugins()))

    def ask(self, given: VersionRef, who: str = "ana", of: VersionRef | None = None, **wish: Any) -> Correction:
        wanted = NewCorrection(Reference.to(given), "the log says so", **wish)
        return self.verbs(who).ask(Reference.to(of or self.child), wanted)

    def ancestors(self, ref: VersionRef | None = None, **when: Any) -> set[str]:
        found = Lineage(self.team.context("guest")).show(str(ref or self.child), **when)
        return {one.label for one in found.nodes if not one.label.startswith("step-")} - {(ref or self.child).label}

    def sound(self) -> bool:
        """The log gives the same state as the database."""
        report = Audit(self.team.context("root")).verify(state=True)
        assert not report.differences, report.differences
        return report.intact


def claims(team: Team) -> Claims:
    """The family, with the declared edges."""
    research = team.publish("research/net", method=Method.IMPORT, accuracy=None, licence="CC-BY-NC-4.0")
    net, newer = (team.publish("library/net", method=Method.IMPORT, accuracy=None) for _ in range(2))
    data = team.add_data()
    said = Assurance.DECLARED
    child = team.publish("vision/digits", parents=[research], data={"train": data}, assurance=said, by="dora")
    return Claims(team, research, net, newer, data, child, team.publish("vision/heir", parents=[child]))
