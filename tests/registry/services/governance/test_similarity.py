"""A gate that reads how like the data of a version is to what its source learnt from, and an insider who tries it."""

from __future__ import annotations

from dataclasses import dataclass, replace
from itertools import count
from typing import Any

import pytest

from lineage import Assurance, Digest
from registry.domain.comparison.verdict import Interval
from registry.domain.data.datasets import LabelKind
from registry.domain.governance.promotion import CheckResult
from registry.domain.names import VersionRef
from registry.domain.selection.likeness import judged
from registry.domain.selection.report import RankedModel, SelectionReport
from registry.domain.selection.similarity import Against, Similarity
from registry.errors import PolicyRefusedError
from registry.services.governance.similarity import similarity_of
from registry.services.lineage.obligations import MAX_ANCESTORS
from tests.builders import NOW, add_dataset_version, add_version, event
from tests.registry.services.governance.insider import to_validated
from tests.registry.services.governance.test_insider_gates import with_gate
from tests.registry.services.teams import Team, bring_to, put_in_force, ref_of

NUMBERS = count(100)
GATE = '{id: not-far, require: \'similarity.verdict != "far" && similarity.assurance != "declared"\'}'


@dataclass
class World:
    """`version` was made from `source`, which learnt from `old`, with the rows of `new`."""

    team: Team
    old: VersionRef
    new: VersionRef
    source: VersionRef
    version: VersionRef

    def facts(self, version: VersionRef | None = None) -> dict[str, object]:
        with self.team.open_uow(actor="root") as uow:
            record = uow.graph.ancestry(version or self.version, limit=MAX_ANCESTORS)
            assert record is not None
            return similarity_of(uow, record)

    def digest(self, ref: VersionRef) -> Digest:
        with self.team.open_uow(actor="root") as uow:
            detail = uow.datasets.version(ref) if ref in {self.old, self.new} else uow.catalog.version(ref)
            assert detail is not None
            return detail.summary.digest

    def keep(
        self,
        auc: float,
        *,
        rows: int = 500,
        split: str = "train",
        source: Digest | None = None,
        data: Digest | None = None,
        **changed: Any,
    ) -> None:
        """A ranking that found this, as the registry keeps it."""
        interval = Interval(auc, auc - 0.05, auc + 0.05)
        like = Similarity(
            Against.ROWS,
            self.old,
            self.digest(self.old),
            "train",
            assurance=Assurance.OBSERVED,
            rows=rows,
            target=rows,
            verdict=judged(interval),
            auc=interval,
        )
        score, like = Interval(0.5, 0.4, 0.6), replace(like, **changed)
        source, data = source or self.digest(self.source), data or self.digest(self.new)
        ranked = RankedModel(self.source, source, "a", "mit", (), score, {}, 1.0, None, 1, 1, 1.0, False)
        ranked = replace(ranked, similarity=like)
        public = f"sel-01m8hjx51z8wa8pzh11majg{next(NUMBERS)}"
        report = SelectionReport(
            public,
            self.new,
            data,
            split,
            9,
            9,
            LabelKind.CLASS,
            "",
            (ranked,),
            (),
            None,
            (),
            NOW,
            "eve",
        )
        with self.team.open_uow(actor="eve", write=True) as uow:
            uow.selections.add(report)
            uow.commit(event())


@pytest.fixture
def world(team: Team) -> World:
    with team.open_uow(actor="ana", write=True) as uow:
        old, new = (add_dataset_version(uow, f"data/{name}") for name in ("old", "new"))
        uow.commit(event())
    source = team.publish("library/source", data={"train": old})
    return World(team, old, new, source, team.publish(parents=[source], data={"train": new}))


def test_what_a_kept_ranking_measured_is_read_and_without_one_nothing_is(world: World) -> None:
    assert world.facts() == {}
    world.keep(0.7)
    found = world.facts()
    assert (found["verdict"], found["auc"], found["auc_high"]) == ("near", 0.7, pytest.approx(0.75))
    assert (found["data"], found["source"], found["rows"]) == (
        "datasets:/data/old/1",
        "models:/library/source/1",
        500.0,
    )
    assert (found["assurance"], found["against"]) == ("observed", "rows")


def test_a_ranking_of_other_bytes_other_rows_or_against_other_data_counts_for_nothing(world: World) -> None:
    other = Digest.of(b"other")
    world.keep(0.55, source=other)
    world.keep(0.55, data=other)
    world.keep(0.55, split="test")
    world.keep(0.55, digest=other)
    world.keep(0.55, against=Against.NOTHING)
    assert world.facts() == {}


def test_repeating_a_ranking_makes_nothing_nearer_but_more_rows_do_count(world: World) -> None:
    for auc in (0.7, 0.95, 0.55):
        world.keep(auc)
    world.keep(0.5, rows=40)
    assert world.facts()["verdict"] == "far"
    world.keep(0.8, rows=501)
    assert world.facts()["verdict"] == "near"


def test_a_version_of_newer_data_is_not_covered_by_what_was_measured_on_the_old_one(world: World) -> None:
    world.keep(0.55)
    with world.team.open_uow(actor="ana", write=True) as uow:
        newer = add_dataset_version(uow, "data/new")
        uow.commit(event())
    again = world.team.publish(parents=[world.source], data={"train": newer})
    assert world.facts()["verdict"] == "same"
    assert world.facts(again) == {}


def test_of_two_sources_both_have_to_be_known_and_the_farther_one_counts(world: World) -> None:
    with world.team.open_uow(actor="ana", write=True) as uow:
        both = add_version(uow, "vision/both", parents=[world.source, world.version], data={"train": world.new})
        uow.commit(event())
    assert world.facts(both) == {}
    world.keep(0.95)
    assert world.facts(both)["verdict"] == "far", "the other source learnt from this very data"


def test_a_source_that_learnt_from_this_very_data_is_the_same_without_a_measurement(world: World) -> None:
    again = world.team.publish(parents=[world.version], data={"train": world.new})
    found = world.facts(again)
    assert (found["verdict"], found["against"]) == ("same", "itself")
    assert "auc" not in found


def gate(team: Team, request: str) -> CheckResult:
    return next(c for c in team.promotions("ana").request_detail(request).verdict.checks if c.id == "not-far")


def test_a_gate_denies_what_nobody_measured_and_evidence_by_hand_does_not_count_as_it(world: World) -> None:
    team = world.team
    put_in_force(team, with_gate(GATE))
    bring_to(team, world.version, "candidate")
    request = to_validated(team, world.version).summary.id
    found = gate(team, request)
    assert not found.passed
    assert "'verdict' is missing" in found.message
    facts = {"verdict": "same", "auc": 0.5, "assurance": "verified"}
    with pytest.raises(PolicyRefusedError, match="no evidence type 'similarity'"):
        team.promotions("ana").add_evidence(ref_of(world.version), "similarity", facts)
    team.promotions("ana").add_evidence(ref_of(world.version), "other", facts)
    assert not gate(team, request).passed
    world.keep(0.95)
    assert not gate(team, request).passed
    world.keep(0.8, rows=999, assurance=Assurance.DECLARED)
    assert not gate(team, request).passed
    world.keep(0.8, rows=1_000)
    assert gate(team, request).passed
