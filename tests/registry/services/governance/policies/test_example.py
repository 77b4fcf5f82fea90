"""The example of a policy that uses the whole language, as it is: published, and a version driven through it."""

from __future__ import annotations

import json
from datetime import timedelta
from pathlib import Path
from typing import NamedTuple

import pytest

from registry.domain.audit import Event
from registry.domain.catalog.compute import NewCompute
from registry.domain.governance.promotion import CheckResult, RequestDetail, RequestState
from registry.domain.governance.reviews.findings import NewFinding, Severity
from registry.domain.governance.reviews.waivers import NewWaiver
from registry.domain.names import VersionRef
from registry.domain.people.people import Person
from registry.errors import PolicyRefusedError
from registry.services.audit.verbs import Audit
from registry.services.governance.reviews.verbs import Reviews
from registry.services.lineage.verbs import Lineage
from registry.storage.audit.checkpoints import Rule
from registry.storage.database import Database
from tests.builders import digest, metric
from tests.registry.services.governance.signers import approve, change, key_of, signature
from tests.registry.services.teams import Team, put_in_force, ref_of

EXAMPLE = Path(__file__).with_name("whole_language.yaml").read_text(encoding="utf-8")
PUBLISHED = EXAMPLE + 'params: {"min_f1": 0.8, "max_drop": 0.02}\n'
"""As `forebear policy publish FILE --param min_f1=0.8 --param max_drop=0.02` has it."""
PEOPLE = {
    **dict.fromkeys(("max", "mia"), "ml-dev"),
    **dict.fromkeys(("vic", "val"), "ml-validation"),
    **dict.fromkeys(("rio", "rea"), "model-risk"),
}
LEAKAGE = {"leakage": {"seen": 0, "known": True, "test_rows": 9}}
MANIFEST = json.dumps({"schema": "forebear/provenance/v1", "facts": LEAKAGE})
NAME = "texts/answers"


def weights(number: int) -> str:
    """A safetensors file without tensors, as text."""
    header = json.dumps({"__metadata__": {"number": str(number)}})
    return len(header).to_bytes(8, "little").decode() + header


class World(NamedTuple):
    """A registry under the example, with the model that others start from and the data that they are tested on."""

    team: Team
    base: VersionRef
    data: VersionRef
    keys: dict[str, bytes]

    def publish(self, number: int, *, f1: float = 0.9, gap: float = 0.03, content: str | None = None) -> VersionRef:
        """A version that max made: ana owns the model."""
        measured = [metric(f1, name="macro_f1"), metric(gap, name="worst_group_gap")]
        ref = self.team.publish(
            NAME,
            parents=[self.base],
            data={"test": self.data},
            measured=measured,
            by="max",
            manifest=False,
            content=content or weights(number),
        )
        with self.team.open_uow(actor="max", write=True) as uow:
            version = uow.catalog.version(ref)
            assert version is not None
            uow.steps.set_manifest(version.step, MANIFEST.encode(), digest(f"manifest {number}"))
            uow.commit_unaudited()
        return ref

    def ask(self, ref: VersionRef, stage: str) -> RequestDetail:
        self.team.clock.forward(minutes=1)
        return self.team.promotions("mia").request(ref_of(ref), stage)

    def vote(self, request: str, *people: str) -> RequestDetail:
        """Signed approvals of these people, one after another."""
        for who in people:
            done = approve(self.team, who, request, self.key(who))
        return done

    def key(self, who: str) -> bytes:
        """The key of somebody, made when it is used first."""
        if who not in self.keys:
            self.keys[who] = key_of(self.team, who)
        return self.keys[who]


@pytest.fixture
def world(team: Team, sqlite_database: Database, tmp_path: Path) -> World:
    team = Team(sqlite_database.factory(team.clock, tmp_path, Rule(0, 0)), team.clock, tmp_path)
    with team.open_uow(actor="root", write=True) as uow:
        for handle, role in PEOPLE.items():
            uow.people.add(Person(handle, handle.title(), (role,), team.clock.now()))
        uow.commit(*(Event("person.added", f"person:{who}", {"roles": [role]}) for who, role in PEOPLE.items()))
        assert uow.audit.checkpoints is not None
        uow.audit.checkpoints.prepare()
    base = team.publish("library/base", by="max", content=weights(0))
    Lineage(team.context("rio")).declare_compute(ref_of(base), NewCompute("model card", 1e20, False))
    put_in_force(team, PUBLISHED)
    return World(team, base, team.add_data(), {})


def gates(detail: RequestDetail) -> dict[str, CheckResult]:
    return {check.id: check for check in detail.verdict.checks if check.kind in {"gate", "evidence", "tier"}}


def failing(detail: RequestDetail) -> set[str]:
    return {check.id for check in detail.verdict.checks if not check.passed and check.kind != "approval"}


def described(world: World, ref: VersionRef, *, exposure: str = "internal") -> None:
    """What developers and validators write about a version."""
    use = {"decides_about_people": False, "exposure": exposure}
    world.team.promotions("max").add_evidence(ref_of(ref), "intended_use", use)
    world.team.promotions("vic").add_evidence(ref_of(ref), "validation", {"report": "read 200 answers"})


def waived(world: World, ref: VersionRef, gate: str) -> None:
    """Two risk owners except the version from a gate."""
    until = f"{world.team.clock.now() + timedelta(days=20):%Y-%m-%d}"
    wish = NewWaiver(gate, "it is the first", until)
    waiver = Reviews(world.team.context("mia")).ask_for_waiver(ref_of(ref), wish)
    for who in ("rio", "rea"):
        Reviews(world.team.context(who)).approve_waiver(waiver.id)


def test_the_example_is_published_as_it_is_and_what_it_leaves_open_is_said(world: World) -> None:
    told = world.team.promotions("guest").check_policy(EXAMPLE).warnings
    assert [one for one in told if "No version passes" in one and "params." not in one] == []
    assert sum("params." in one and "--param NAME=VALUE" in one for one in told) == 2
    assert sum("The standard type" in one for one in told) == 2
    given = world.team.promotions("guest").check_policy(PUBLISHED).warnings
    assert not any("No version passes" in one or "params." in one for one in given)


def test_a_version_goes_from_registered_to_production_under_the_example_as_it_is(world: World) -> None:
    team, ref = world.team, world.publish(1)
    described(world, ref)
    first = world.ask(ref, "candidate")
    assert failing(first) == set()
    found = gates(first)
    assert found["safe-formats"].values == "evidence.scan.executable_files = 0"
    assert found["lineage-complete"].values == "lineage.unresolved = 0"
    assert found["licence-known"].values == "licence.unknown = 0"
    assert found["tier"].message.startswith("Risk tier low")
    with pytest.raises(PolicyRefusedError, match="nobody approves their own work"):
        world.vote(first.summary.id, "max")
    done = world.vote(first.summary.id, "mia")
    assert (done.summary.state, team.stage(ref)) == (RequestState.PROMOTED, "candidate")
    own = {one.type: one for one in done.evidence if one.added_by == "system"}
    assert own["scan"].body["formats"] == "json, safetensors"
    assert own["mlbom"].body == {**own["mlbom"].body, "models": 2, "datasets": 1, "without_digest": 0}
    assert own.keys() >= {"provenance", "signature"}

    second = world.ask(ref, "validated")
    assert failing(second) == {"regression"}, "nothing is in production yet, so two risk owners waive it"
    waived(world, ref, "regression")
    found = gates(team.promotions("mia").request_detail(second.summary.id))
    assert found["quality"].values == "0.9 ≥ 0.8"
    assert found["leak"].values == "lineage.eval_train_overlap = 0"
    assert {one for one, check in found.items() if not check.passed} == set()
    with pytest.raises(PolicyRefusedError, match="wrote evidence about it"):
        world.vote(second.summary.id, "vic")
    assert world.vote(second.summary.id, "val").summary.state is RequestState.PROMOTED

    last = world.ask(ref, "production")
    found = gates(last)
    assert found["findings"].values == "findings.open.critical = 0, findings.open.high = 0"
    assert found["licence-fit"].passed
    assert "gpai-share" not in found
    world.vote(last.summary.id, "rio")
    condition = [NewFinding("measure it on letters", Severity.LOW, "max", "2026-12-01")]
    ana, detail = team.promotions("ana"), team.promotions("ana").request_detail(last.summary.id)
    signed = signature(detail, world.key("ana"), condition)
    waiting = ana.approve(last.summary.id, comment="soon", conditions=condition, signature=signed)
    assert failing(waiting) == {"wait"}
    team.clock.forward(hours=1, minutes=1)
    assert team.promotions("mia").complete(last.summary.id).summary.state is RequestState.PROMOTED
    assert team.stage(ref) == "production"
    for request in (first, second, last):
        assert team.promotions("guest").explain(request.summary.id).same
    assert Audit(team.context("root")).verify(state=True).differences == ()


def test_nobody_adds_by_hand_what_the_registry_records(world: World) -> None:
    ref = world.publish(1)
    for kind in ("scan", "mlbom", "signature", "eval_report", "provenance"):
        with pytest.raises(PolicyRefusedError, match=f"Evidence {kind} is recorded by the registry itself"):
            world.team.promotions("max").add_evidence(ref_of(ref), kind, {"executable_files": 0})


def test_files_that_can_run_code_and_scans_that_are_too_old_do_not_pass(world: World) -> None:
    team, ref = world.team, world.publish(1, content="no weights")
    request = world.ask(ref, "candidate")
    assert gates(request)["safe-formats"].values == "evidence.scan.executable_files = 1"
    (scan,) = [one for one in request.evidence if one.type == "scan"]
    assert scan.body["named"] == "weights/model.safetensors (unknown)"
    with pytest.raises(PolicyRefusedError, match="safe-formats"):
        waived(world, ref, "safe-formats")
    good = world.ask(world.publish(2), "candidate").summary.id
    team.clock.forward(days=8)
    shown = team.promotions("mia").request_detail(good)
    assert gates(shown)["scan"].message == "Evidence scan is 8 days old; at most 7 days are allowed"
    done = world.vote(good, "mia")
    assert done.summary.state is RequestState.PROMOTED, "the files are read again when somebody votes"


def test_a_signature_of_another_version_or_on_something_else_does_not_count(world: World) -> None:
    team, one, two = world.team, world.publish(1), world.publish(2)
    request = world.ask(one, "candidate").summary.id
    world.ask(two, "candidate")

    def said() -> str:
        shown = gates(team.promotions("mia").request_detail(request))
        return shown["provenance"].message

    assert said() == "Evidence provenance provided"
    change(team, "UPDATE step SET manifest_digest = (SELECT digest FROM node LIMIT 1)")
    assert "Evidence provenance is not what the registry signed" in said()
    assert world.vote(request, "mia").summary.state is RequestState.OPEN
    team.promotions("mia").withdraw(request)
    with pytest.raises(PolicyRefusedError, match="Its provenance is not what the registry signed on 2026-11-23"):
        world.ask(one, "candidate")
    both = "SELECT body FROM evidence WHERE type = 'signature' ORDER BY id DESC LIMIT 1"
    change(team, f"UPDATE evidence SET body = ({both}) WHERE type = 'signature'")
    with pytest.raises(PolicyRefusedError, match=f"the signature is about {two} with other files or another name"):
        world.ask(one, "candidate")


def test_a_version_is_compared_with_the_one_in_production_where_no_alias_names_it(world: World) -> None:
    team, one, two = world.team, world.publish(1, f1=0.9), world.publish(2, f1=0.87)
    with team.open_uow(actor="root", write=True) as uow:
        uow.catalog.set_stage(one, "production", at=team.clock.now())
        uow.catalog.set_stage(two, "candidate", at=team.clock.now())
        uow.commit_unaudited()
    request = world.ask(two, "validated")
    regression = gates(request)["regression"]
    assert (regression.passed, regression.values) == (False, "0.87 < 0.88")
    assert gates(request)["quality"].values == "0.87 ≥ 0.8"
