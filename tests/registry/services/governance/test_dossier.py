"""What is gathered about a version: facts of its whole ancestry, and one digest that any change of it changes."""

from __future__ import annotations

import pytest

from lineage import Assurance, Digest
from registry.domain.audit import Event
from registry.domain.catalog.models import Status
from registry.domain.governance.case import Ancestors, Contribution
from registry.domain.names import Reference, VersionRef
from registry.domain.recipes.recipe import Method
from registry.errors import NotFoundError
from registry.services.governance import dossier as candidate
from registry.services.governance.dossier import Dossier, open_dossier
from tests.builders import model_ref
from tests.registry.services.teams import Team


def dossier(team: Team, ref: VersionRef) -> Dossier:
    with team.open_uow(actor="ana") as uow:
        return open_dossier(uow, ref, requested_by="dora")


def family(team: Team) -> tuple[VersionRef, VersionRef, VersionRef, VersionRef]:
    """A source model, its child and its grandchild, and the data that both were trained on."""
    source = team.publish("library/net", method=Method.IMPORT, accuracy=None)
    data = team.add_data()
    child = team.publish("vision/probe", parents=[source], data={"train": data, "test": data})
    return source, child, team.publish("vision/digits", parents=[child], data={"train": data}), data


def set_status(team: Team, ref: VersionRef, status: Status) -> None:
    with team.open_uow(actor="root", write=True) as uow:
        uow.catalog.set_status(ref, status, "for a reason", at=team.clock.now())
        uow.commit(Event(f"model_version.{status.value}", str(ref), {}))


def test_a_grandchild_has_two_generations_two_models_and_one_dataset_behind_it(team: Team) -> None:
    source, child, grandchild, _ = family(team)
    assert dossier(team, grandchild).candidate.ancestors == Ancestors(depth=2, models=2, datasets=1)
    assert dossier(team, child).candidate.ancestors == Ancestors(depth=1, models=1, datasets=1)
    assert dossier(team, source).candidate.ancestors == Ancestors()


def test_recalled_suspended_and_deleted_ancestors_are_counted_apart(team: Team) -> None:
    source, child, grandchild, _ = family(team)
    set_status(team, source, Status.RECALLED)
    set_status(team, child, Status.SUSPENDED)
    found = dossier(team, grandchild).candidate.ancestors
    assert (found.recalled, found.suspended, found.deleted) == (1, 1, 0)
    with team.open_uow(actor="root", write=True) as uow:
        uow.catalog.delete_version(child, at=team.clock.now())
        uow.commit(Event("model_version.deleted", str(child), {}))
    found = dossier(team, grandchild).candidate.ancestors
    assert (found.recalled, found.suspended, found.deleted) == (1, 1, 1)


def test_a_claimed_input_is_counted_and_a_better_claim_is_another_lineage(team: Team) -> None:
    source, child, grandchild, _ = family(team)
    before = dossier(team, grandchild)
    with team.open_uow(actor="root", write=True) as uow:
        step = uow.catalog.version(child)
        assert step is not None
        uow.graph.set_assurance(step.step, str(source), Assurance.DECLARED, at=team.clock.now())
        uow.commit(Event("edge.corrected", str(child), {}))
    after = dossier(team, grandchild)
    assert (before.candidate.ancestors.declared, after.candidate.ancestors.declared) == (0, 1)
    assert before.lineage != after.lineage
    assert before.artifact == after.artifact


def test_the_lineage_digest_is_the_same_each_time_and_differs_between_versions(team: Team) -> None:
    source, child, grandchild, _ = family(team)
    digests: list[Digest] = [dossier(team, ref).lineage for ref in (source, child, grandchild)]
    assert digests == [dossier(team, ref).lineage for ref in (source, child, grandchild)]
    assert len(set(digests)) == 3


def test_an_ancestry_too_large_to_read_is_unresolved_not_fine(team: Team, monkeypatch: pytest.MonkeyPatch) -> None:
    _, _, grandchild, _ = family(team)
    monkeypatch.setattr(candidate, "MAX_ANCESTORS", 3)
    assert dossier(team, grandchild).candidate.ancestors.unresolved == 1


def test_every_unknown_licence_counts_datasets_included(team: Team) -> None:
    source = team.publish("library/net", licence="other")
    child = team.publish("vision/digits", parents=[source], licence="my own words", data={"train": team.add_data()})
    assert dossier(team, child).candidate.unknown_licences == 2


def test_contributors_come_from_what_is_recorded(team: Team) -> None:
    ref = team.publish()
    team.promotions("vera").add_evidence(Reference(ref.kind, ref.name, ref.number), "validation", {"result": "pass"})
    with team.open_uow(actor="ben", write=True) as uow:
        uow.catalog.add_card(ref, "# Better\n", by="ben", at=team.clock.now())
        uow.commit(Event("card.revised", str(ref), {}))
    assert dossier(team, ref).candidate.contributors == {
        Contribution.UPLOADER: {"ana"},
        Contribution.RUN_SUBMITTER: {"ana"},
        Contribution.REQUESTER: {"dora"},
        Contribution.EVIDENCE_AUTHOR: {"vera"},
        Contribution.LAST_EDITOR: {"ana", "ben"},
    }


def test_tags_of_a_version_override_those_of_its_model(team: Team) -> None:
    ref = team.publish(tags={"tier": "high"})
    with team.open_uow(actor="ana", write=True) as uow:
        uow.catalog.set_tags(ref.name, {"tier": "low", "team": "eu"}, at=team.clock.now())
        uow.commit(Event("tags.set", str(ref.name), {}))
    assert dossier(team, ref).candidate.subject.tags == {"tier": "high", "team": "eu"}


def test_a_metric_that_is_no_number_is_no_fact(team: Team) -> None:
    ref = team.publish(accuracy=float("nan"))
    found = dossier(team, ref)
    assert found.candidate.metrics == {"baseline_accuracy": 0.4}
    assert [item.body for item in found.evidence if item.type == "eval_report"] == [{"baseline_accuracy": 0.4}]


def test_there_is_no_dossier_of_a_missing_version(team: Team) -> None:
    with pytest.raises(NotFoundError):
        dossier(team, model_ref("no/such/1"))
