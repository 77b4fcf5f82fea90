"""Marks hold for all that is made from a version, each with its way, and policies read them."""

from __future__ import annotations

import json
from pathlib import Path

import yaml

from lineage import Digest
from registry.domain.catalog.marks import Marks, NewMark
from registry.domain.names import Reference, VersionRef
from registry.domain.recipes.recipe import Method
from registry.services.catalog.marks import mark
from registry.services.governance.dossier import case_for, open_dossier
from registry.services.lineage.verbs import Lineage
from tests.builders import add_dataset_version
from tests.registry.policy_cases import policy
from tests.registry.services.teams import Team, ref_of

PAGE = Path(__file__).parents[4] / "docs" / "policies.md"
"""Its gate is judged here."""


def documented_gate() -> dict[str, object]:
    block = PAGE.read_text(encoding="utf-8").partition("### Marks")[2].partition("```yaml\n")[2].partition("```")[0]
    (gate,) = yaml.safe_load(block)
    assert isinstance(gate, dict)
    return gate


def put(team: Team, ref: VersionRef, name: str, who: str = "ana") -> Marks:
    return mark(team.context(who), ref_of(ref), NewMark(name, "letters of customers"))


def held(team: Team, ref: VersionRef) -> dict[str, tuple[str, ...]]:
    """By mark, the models and data on its way."""
    found = Lineage(team.context("guest")).marks(Reference.to(ref))
    return {one.mark: tuple(label for label in one.path if not label.startswith("step-")) for one in found.marks}


def written_by(team: Team, *parents: VersionRef) -> VersionRef:
    """Data that a step made from these."""
    with team.open_uow(actor="ana", write=True) as uow:
        ref = add_dataset_version(uow, "data/written", parents=parents)
        uow.commit_unaudited()
    return ref


def judged(team: Team, ref: VersionRef) -> tuple[bool, Digest | None]:
    """Whether the gate of the documentation lets it through, and the digest of what was seen."""
    rules = policy(("gates: [{id: licence-known", f"gates: [{json.dumps(documented_gate())}, {{id: licence-known"))
    with team.open_uow(actor="ana") as uow:
        dossier = open_dossier(uow, ref, requested_by="dora")
        case = case_for(dossier, rules, target="candidate", now=team.clock.now())
    return all(one.passed for one in rules.judge(case).checks if one.id == "privacy"), case.bound.seen


def test_a_mark_comes_to_all_that_learnt_from_a_version_and_not_to_what_was_measured_on_it(team: Team) -> None:
    data, net = team.add_data(), team.publish("library/net", method=Method.IMPORT, accuracy=None)
    learnt = team.publish("vision/learnt", parents=[net], data={"train": data})
    merged = team.publish("vision/merged", parents=[learnt, net])
    measured = team.publish("vision/measured", parents=[net], data={"test": data})
    put(team, data, "personal-data:health")
    put(team, net, "export:EAR99")
    put(team, learnt, "risk:high", "dora")
    assert held(team, merged) == {
        "export:EAR99": ("library/net/1", "vision/merged/1"),
        "personal-data:health": ("data/mnist/1", "vision/learnt/1", "vision/merged/1"),
        "risk:high": ("vision/learnt/1", "vision/merged/1"),
    }
    assert held(team, measured).keys() == {"export:EAR99"}
    assert held(team, data).keys() == {"personal-data:health"}
    found = Lineage(team.context("guest")).marks(Reference.to(learnt))
    assert [(one.by, one.reason) for one in found.marks if one.mark == "risk:high"] == [
        ("dora", "letters of customers")
    ]


def test_data_that_a_model_wrote_is_synthetic_and_so_is_what_learnt_from_it(team: Team) -> None:
    net, photos = team.publish("library/net", method=Method.IMPORT, accuracy=None), team.add_data()
    written = written_by(team, net, photos)
    child = team.publish("vision/digits", data={"train": written})
    assert held(team, written)["synthetic-from:library/net/1"][-1] == "data/written/1"
    assert "synthetic-from:library/net/1" in held(team, child)
    assert held(team, photos) == held(team, net) == {}


def test_what_was_known_of_a_deleted_ancestor_stays(team: Team) -> None:
    data = team.add_data()
    child = team.publish("vision/digits", data={"train": data})
    put(team, data, "personal-data")
    with team.open_uow(actor="root", write=True) as uow:
        uow.catalog.delete_version(data, at=team.clock.now())
        uow.commit_unaudited()
    assert held(team, child).keys() == {"personal-data"}


def test_a_policy_asks_for_more_where_a_mark_holds(team: Team) -> None:
    data = team.add_data()
    child = team.publish("vision/digits", data={"train": data})
    before, seen_before = judged(team, child)
    put(team, data, "personal-data")
    after, seen_after = judged(team, child)
    assert (before, after) == (True, False)
    assert seen_after != seen_before, "approvals go stale"
