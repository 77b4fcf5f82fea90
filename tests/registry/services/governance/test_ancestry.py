"""What a policy reads of each ancestor: it is on record, and what is not on record is denied, never assumed."""

from __future__ import annotations

from registry.domain.catalog.models import Status
from registry.domain.governance.ancestry import BASE_MODEL, EVAL_DATASET, Ancestry
from registry.domain.governance.conditions.expressions import Expression
from registry.domain.governance.policies.policy import Policy
from registry.domain.governance.reviews.findings import NewFinding, Severity
from registry.domain.names import VersionRef
from registry.domain.recipes.recipe import Method
from registry.services.governance import ancestry
from registry.services.governance.dossier import case_for, open_dossier
from registry.services.governance.reviews.verbs import Reviews
from tests.registry.policy_cases import policy
from tests.registry.services.governance.insider import set_status
from tests.registry.services.teams import Team, ref_of

GATE = "require: lineage.recalled == 0"


def rules(condition: str) -> Policy:
    return policy((GATE, f"require: '{condition}'"))


def read(team: Team, ref: VersionRef, condition: str) -> Ancestry:
    with team.open_uow(actor="ana") as uow:
        dossier = open_dossier(uow, ref, requested_by="ana")
    found = case_for(dossier, rules(condition), target="production", now=team.clock.now()).candidate.ancestry
    assert found is not None
    return found


def holds(team: Team, ref: VersionRef, condition: str) -> bool:
    with team.open_uow(actor="ana") as uow:
        dossier = open_dossier(uow, ref, requested_by="ana")
    judge = rules(condition)
    return Expression(condition).holds(judge.scope(case_for(dossier, judge, target="production", now=team.clock.now())))


def family(team: Team) -> tuple[VersionRef, VersionRef]:
    source = team.publish("library/net", method=Method.IMPORT, licence="CC-BY-NC-4.0", accuracy=None)
    data = team.add_data()
    return source, team.publish("vision/digits", parents=[source], data={"test": data, "train": data}, licence="MIT")


def test_a_gate_looks_at_each_ancestor(team: Team) -> None:
    source, child = family(team)
    assert holds(team, child, 'ancestors.all(a, a.status == "active" && a.stage == "registered")')
    assert holds(team, child, 'ancestors.exists(a, a.ref == "library/net/1" && "no-commercial-use" in a.clauses)')
    assert holds(team, child, 'size(datasets) == 1 && datasets.all(d, !d.deleted && d.assurance == "observed")')
    set_status(team, source, Status.RECALLED)
    assert holds(team, child, 'ancestors.exists(a, a.status == "recalled")')


def test_a_licence_that_was_washed_away_still_restricts(team: Team) -> None:
    """An insider publishes the child of a model for research as MIT."""
    source, child = family(team)
    assert holds(team, child, 'subject.restrictions.exists(r, r.class == "no-commercial-use")')
    assert holds(team, child, "licence.conflicts.commercial == 1 && licence.conflicts.derivatives == 0")
    assert holds(team, source, "licence.conflicts.commercial == 1")


def test_a_gate_counts_the_open_findings_of_each_ancestor(team: Team) -> None:
    source, child = family(team)
    none = "ancestors.all(a, a.findings == 0)"
    assert holds(team, child, none)
    reviews = Reviews(team.context("ben"))
    found = reviews.add_finding(ref_of(source), NewFinding("leaks", Severity.HIGH, "ana", "2027-01-31"))
    assert not holds(team, child, none)
    assert holds(team, child, 'ancestors.exists(a, a.findings == 1 && a.ref == "library/net/1")')
    assert holds(team, child, "datasets.all(d, d.findings == 0)")
    reviews.resolve_finding(found.id, comment="mended")
    assert holds(team, child, none)


def test_facts_that_no_condition_reads_are_not_looked_for(team: Team) -> None:
    _, child = family(team)
    assert read(team, child, "licence.unknown == 0").listed is None
    assert read(team, child, "licence.unknown == 0").restrictions is None
    assert read(team, child, "size(datasets) > 0").listed is not None


def test_evidence_can_be_bound_to_the_data_and_the_model_that_a_version_comes_from(team: Team) -> None:
    source, child = family(team)
    bases = read(team, child, "licence.unknown == 0").bases
    with team.open_uow(actor="ana") as uow:
        record = uow.governance.version(source)
    assert record is not None
    assert bases[BASE_MODEL] == (record.digest,)
    assert len(bases[EVAL_DATASET]) == 1
    assert read(team, source, "licence.unknown == 0").bases == {BASE_MODEL: (), EVAL_DATASET: ()}


def test_more_ancestors_than_can_be_listed_are_not_taken_for_none(team: Team) -> None:
    _, child = family(team)
    most, ancestry.MOST_LISTED = ancestry.MOST_LISTED, 1
    try:
        found = read(team, child, "size(ancestors) > 0")
        assert (found.listed, found.too_many) == (None, True)
    finally:
        ancestry.MOST_LISTED = most
