"""Gates read how many test rows were seen in training, or nearly, as somebody had it counted of the data of now."""

from __future__ import annotations

import json
from dataclasses import replace

import pytest

from lineage import Assurance
from registry.domain.catalog.models import Status
from registry.domain.data.leakage import LeakageCount
from registry.domain.names import Reference, VersionRef
from registry.domain.people.people import Actor
from registry.domain.transfers.corrections import CorrectionState, NewCorrection
from registry.errors import ConflictError, NotFoundError, PermissionDeniedError, PolicyRefusedError
from registry.services.audit.verbs import Audit
from registry.services.catalog.verbs import Catalog
from registry.services.governance.corrections.verbs import Corrections
from registry.services.governance.policies.stored import default_policy_text
from registry.services.lineage import counting_leakage, leaking
from registry.services.lineage.verbs import Lineage
from registry.services.unit_of_work import UnitOfWork
from tests.builders import digest
from tests.fakes.plugins import FakePlugins
from tests.registry.services.lineage.leaks import add_texts
from tests.registry.services.teams import Team, put_in_force, ref_of

BOATS = [f"the {word} little boat went over the wide sea and came home again" for word in ("red", "blue", "green")]
OWN = ["nobody knows what the weather brings", "seven cats sat on one chair"]


def gated(condition: str) -> str:
    """The default policy with one more gate before `candidate`."""
    gate = f"      - {{id: leak, require: '{condition}', waivable: false}}\n"
    text = default_policy_text().replace("version: 3", "version: 4", 1)
    return text.replace("    gates:\n", f"    gates:\n{gate}", 1)


def count(team: Team, ref: VersionRef, who: str = "ana") -> LeakageCount:
    return Lineage(team.context(who)).count_leakage(ref_of(ref))


def passes(team: Team, ref: VersionRef) -> bool:
    try:
        return team.promotions("ana").request(ref_of(ref), "candidate").verdict.allowed
    except PolicyRefusedError as refused:
        if not all(reason.startswith("Gate leak:") for reason in refused.reasons):
            raise
        return False


def correct(team: Team, ref: VersionRef, old: VersionRef, new: VersionRef) -> None:
    context = replace(team.context("ana"), plugins=FakePlugins())
    asked = Corrections(context).ask(ref_of(ref), NewCorrection(ref_of(old), "the log says so", becomes=ref_of(new)))
    if asked.state is CorrectionState.ASKED:
        Corrections(replace(context, actor=team.context("root").actor)).decide(asked.id, agree=True)


def sound(team: Team) -> None:
    report = Audit(team.context("root")).verify(state=True)
    assert report.intact
    assert not report.differences


def test_a_gate_on_near_copies_denies_until_they_are_counted_and_where_there_are_some(team: Team) -> None:
    put_in_force(team, gated("lineage.eval_train_near_copies == 0"))
    trained, tested = add_texts(team, "data/boats", "train", BOATS), add_texts(team, "data/own", "test", OWN)
    copied = add_texts(team, "data/copied", "test", [f"{BOATS[0].upper()}!", BOATS[2], OWN[0]])
    clean = team.publish("vision/clean", data={"train": trained, "test": tested})
    leaky = team.publish("vision/leaky", data={"train": trained, "test": copied})
    assert not passes(team, clean)
    done = count(team, clean)
    assert (done.test_rows, done.seen, done.near, done.known, done.by) == (2, 0, 0, True, "ana")
    assert Lineage(team.context("guest")).leakage_count(ref_of(clean)) == done
    assert passes(team, clean)
    found = count(team, leaky)
    assert (found.test_rows, found.seen, found.near) == (3, 1, 1), "the equal row is no near-copy"
    assert not passes(team, leaky)
    with pytest.raises(PermissionDeniedError):
        Lineage(replace(team.context("guest"), actor=Actor("vic", frozenset({"viewer"})))).count_leakage(ref_of(clean))
    sound(team)


def test_what_cannot_be_compared_stays_unknown_to_a_gate(team: Team, monkeypatch: pytest.MonkeyPatch) -> None:
    put_in_force(team, gated("lineage.eval_train_near_copies == 0"))
    trained, tested = add_texts(team, "data/boats", "train", BOATS), add_texts(team, "data/own", "test", OWN)
    ref = team.publish("vision/clean", data={"train": trained, "test": tested})
    Catalog(team.context("root")).set_status(ref_of(trained), Status.SUSPENDED, "looked at")
    assert count(team, ref).near is None
    Catalog(team.context("root")).set_status(ref_of(trained), Status.ACTIVE, "well")
    monkeypatch.setattr(counting_leakage, "TIMES", 0)  # fewer rows than there are
    assert count(team, ref).near is None
    assert not passes(team, ref)
    monkeypatch.undo()
    assert count(team, ref).near == 0
    assert passes(team, ref)
    with pytest.raises(ConflictError, match="was not measured on test data"):
        count(team, team.publish("vision/untested", data={"train": trained}))


def record_seen_rows(team: Team, ref: VersionRef) -> None:
    """As its step does."""
    facts = {"leakage": {"known": True, "seen": 0, "test_rows": 2}}
    with team.open_uow(actor="ana", write=True) as uow:
        version = uow.catalog.version(ref)
        assert version is not None
        uow.steps.set_manifest(version.step, json.dumps({"facts": facts}).encode(), digest(version.step + "seen"))
        uow.commit_unaudited()


def test_a_corrected_version_has_its_seen_rows_counted_again_of_the_data_that_it_has_now(team: Team) -> None:
    put_in_force(team, gated("lineage.eval_train_overlap == 0"))
    trained, tested = add_texts(team, "data/boats", "train", BOATS), add_texts(team, "data/own", "test", OWN)
    more, worse = add_texts(team, "data/more", "train", BOATS[:2]), add_texts(team, "data/worse", "train", OWN)
    data = {"train": trained, "test": tested}
    ref = team.publish("vision/net", data=data, assurance=Assurance.DECLARED)
    record_seen_rows(team, ref)
    count(team, ref)
    correct(team, ref, trained, more)
    with pytest.raises(NotFoundError, match="count of seen test rows"):
        Lineage(team.context("guest")).leakage_count(ref_of(ref))
    assert not passes(team, ref), "what was counted is about other data"
    assert count(team, ref).seen == 0
    assert passes(team, ref)
    again = team.publish("vision/net", data=data, assurance=Assurance.DECLARED)
    record_seen_rows(team, again)
    correct(team, again, trained, worse)
    assert count(team, again).seen == 2
    assert not passes(team, again)
    sound(team)


def test_rows_are_read_before_the_transaction_and_a_correction_meanwhile_is_noticed(
    team: Team, monkeypatch: pytest.MonkeyPatch
) -> None:
    trained, tested = add_texts(team, "data/boats", "train", BOATS), add_texts(team, "data/own", "test", OWN)
    ref = team.publish("vision/net", data={"train": trained, "test": tested}, assurance=Assurance.DECLARED)
    more, plain = add_texts(team, "data/more", "train", BOATS[:2]), leaking.leakage

    def corrected_meanwhile(context: object, reference: Reference) -> object:
        correct(team, ref, trained, more)  # it writes: nobody holds the writer's lock
        return plain(team.context("ana"), reference)

    monkeypatch.setattr(counting_leakage, "leakage", corrected_meanwhile)
    with pytest.raises(ConflictError, match="was corrected while its rows were read"):
        count(team, ref)
    with team.open_uow(actor="ana") as uow:
        assert not counts_of(uow, ref)


def counts_of(uow: UnitOfWork, ref: VersionRef) -> object:
    node = uow.graph.node(str(ref))
    assert node is not None
    return uow.graph.leakage_counts([node.id])
