"""The inventory says of every version in use who answers for it; an alias is followed over all models to a day."""

from __future__ import annotations

import csv
import io
from dataclasses import replace
from datetime import datetime, timedelta

import pytest

from registry.domain.audit import Event
from registry.domain.catalog.models import Status
from registry.domain.governance.reports.inventory import InventoryLine, as_csv
from registry.domain.governance.reviews.attestations import Attestation
from registry.domain.names import VersionRef
from registry.domain.paging import PageRequest, every
from registry.errors import BadCursorError
from registry.services.catalog.verbs import Catalog
from registry.services.governance.reports.verbs import Reports
from tests.house.tree import ROOT
from tests.registry.services.teams import Team, bring_to, put_in_force, ref_of


def lines(team: Team, **given: str) -> list[InventoryLine]:
    return list(every(lambda page: Reports(team.context("guest")).inventory(page=page, **given)))


def test_the_inventory_has_every_version_in_an_approved_stage_and_says_what_is_not_on_record(team: Team) -> None:
    base, spare = team.publish("vision/base"), team.publish("vision/spare")
    child = team.publish("vision/digits", parents=[base])
    bring_to(team, child, "production")
    promoted = team.clock.now()
    bring_to(team, spare, "candidate")
    found = {one.ref: one for one in lines(team)}
    assert set(found) == {child, spare}
    one = found[child]
    assert (one.stage, one.status, one.owner, one.aliases) == ("production", Status.ACTIVE, "ana", ("production",))
    assert (one.approvers, one.policy, one.licence) == (("ben", "carla"), "default/3", "Apache-2.0")
    assert one.roots == (str(base),)
    assert one.since == promoted
    assert (one.tier, one.attest_by) == ("unknown", None)
    assert one.gaps == (
        "Its policy has no risk tiers",
        f"No use is declared: forebear evidence add {child} intended_use",
    )
    assert found[spare].roots == (str(spare),)
    assert "Its policy asked for no approval" in found[spare].gaps
    assert [one.ref for one in lines(team, stage="candidate")] == [spare]
    assert lines(team, tier="high") == []


def test_a_retired_version_is_in_no_inventory(team: Team) -> None:
    ref = team.publish()
    bring_to(team, ref, "candidate")
    assert len(lines(team)) == 1
    with team.open_uow(actor="ana", write=True) as uow:
        uow.catalog.set_stage(ref, "retired", at=team.clock.now())
        uow.commit(Event("model_version.promoted", str(ref), {"to": "retired", "request": "req-0"}))
    assert lines(team) == []


def test_tier_and_use_are_those_of_the_decision(team: Team) -> None:
    put_in_force(team, (ROOT / "examples" / "policies" / "regulated.yaml").read_text("utf-8"))
    ref = team.publish()
    use = {"decides_about_people": "yes", "exposure": "external", "purpose": "Sorting letters"}
    team.promotions("ana").add_evidence(ref_of(ref), "intended_use", use)
    bring_to(team, ref, "candidate")
    (line,) = lines(team, tier="high")
    assert (line.tier, line.use, line.ref) == ("high", use, ref)
    assert lines(team, tier="low") == []


def test_the_next_attestation_is_the_one_that_is_due_in_its_stage(team: Team) -> None:
    ref = team.publish()
    bring_to(team, ref, "candidate")
    now = team.clock.now()
    for stage, due in (("production", None), ("candidate", now + timedelta(days=90))):
        with team.open_uow(actor="system", write=True) as uow:
            value = Attestation(ref, stage, "req-0", "default/3", now, now + timedelta(days=90), 0)
            uow.reviews.save_attestation(value)
            uow.commit(Event("attestation.set", str(ref)))
        assert [one.attest_by for one in lines(team)] == [due]


def test_the_inventory_is_paged(team: Team) -> None:
    for name in ("one", "two", "three"):
        bring_to(team, team.publish(f"vision/{name}"), "candidate")
    reports = Reports(team.context("guest"))
    first = reports.inventory(page=PageRequest(2))
    second = reports.inventory(page=PageRequest(2, first.next_cursor))
    assert (len(first.items), len(second.items), second.next_cursor) == (2, 1, None)
    with pytest.raises(BadCursorError):
        reports.inventory(stage="candidate", page=PageRequest(2, first.next_cursor))


def test_no_cell_of_the_csv_is_a_formula(team: Team) -> None:
    ref = team.publish()
    bring_to(team, ref, "candidate")
    (line,) = lines(team)
    harmful = replace(line, owner="=HYPERLINK(1)", use={"purpose": 'to "read", mostly'}, licence="-1+1")
    (row,) = csv.DictReader(io.StringIO("".join(as_csv([harmful]))))
    assert (row["owner"], row["licence"]) == ("'=HYPERLINK(1)", "'-1+1")
    wide = replace(line, owner="\uff1dHYPERLINK(1)", licence="\n=1")
    (other,) = csv.DictReader(io.StringIO("".join(as_csv([wide])), newline=""))
    assert (other["owner"], other["licence"]) == ("'\uff1dHYPERLINK(1)", "'\n=1")
    assert row["use"] == 'purpose: to "read", mostly'
    assert row["ref"] == str(ref)


def test_an_alias_is_followed_over_all_models_to_a_day(team: Team) -> None:
    one, newer, two = team.publish("vision/one"), team.publish("vision/one"), team.publish("vision/two")
    before = team.clock.now()
    catalog = Catalog(team.context("ana"))
    catalog.set_alias(ref_of(one), "best")
    team.clock.forward(days=1)
    first = team.clock.now()
    catalog.set_alias(ref_of(newer), "best")
    catalog.set_alias(ref_of(two), "best")
    team.clock.forward(days=1)
    second = team.clock.now()
    catalog.drop_alias(two.name, "best")
    team.clock.forward(days=1)
    reports = Reports(team.context("guest"))

    def named(at: datetime, page: PageRequest = PageRequest()) -> list[VersionRef]:
        return [item.ref for item in reports.named_then("best", at, page).items]

    assert named(before) == []
    assert named(first) == [one]
    assert named(second) == [newer, two]
    assert named(team.clock.now()) == [newer]
    assert named(team.clock.now() + timedelta(days=999)) == [newer]
    page = reports.named_then("best", second, PageRequest(1))
    assert (len(page.items), page.items[0].allowed, page.items[0].moved_by) == (1, False, "ana")
    assert page.items[0].reasons == (f"No promotion of {newer} had been approved",)
    assert named(second, PageRequest(1, page.next_cursor)) == [two]
    with pytest.raises(BadCursorError):
        named(first, PageRequest(1, page.next_cursor))
    assert reports.named_then("none-such", second).items == []
