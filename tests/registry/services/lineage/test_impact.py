"""What a recall would touch: the same versions, effects and distances as the recall itself finds, without a limit."""

from __future__ import annotations

from collections import Counter
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

import registry.services
from registry.domain.catalog.marks import NewMark
from registry.domain.governance.recalls import Effect, Level, NewRecall
from registry.domain.names import Reference, VersionRef
from registry.domain.paging import PageRequest
from registry.domain.people.teams import Level as TeamLevel
from registry.domain.people.teams import Member
from registry.domain.verbs.impact import Affected
from registry.errors import BadCursorError, NotFoundError
from registry.services.catalog.verbs import Catalog
from registry.services.governance.recalls.verbs import Recalls
from registry.services.lineage.verbs import Lineage
from registry.services.unit_of_work import UnitOfWork
from tests.builders import NOW, add_dataset_version, add_version, step, step_input
from tests.registry.services.governance.recalls.worlds import World, build
from tests.registry.services.sight.worlds import registry_of, shut
from tests.registry.services.teams import Team


@pytest.fixture
def world(team: Team) -> World:
    return build(team)


def lineage(team: Team, who: str = "guest") -> Lineage:
    return Lineage(team.context(who))


def all_pages(verbs: Lineage, target: str, limit: int) -> list[Affected]:
    found: list[Affected] = []
    cursor = None
    while True:
        page = verbs.affected(target, ways=True, page=PageRequest(limit, cursor))
        found += page.items
        cursor = page.next_cursor
        if cursor is None:
            return found


def check_as_the_recall(team: Team, target: VersionRef) -> None:
    """The compiled graph and the recall's own walk over the table say the same."""
    hits = Recalls(team.context("guest")).preview(NewRecall(str(target), Level.ADVISORY)).hits
    found = list(lineage(team).every_affected(str(target), ways=True))
    assert {(one.ref, one.effect, len(one.way)) for one in found} == {(h.ref, h.effect, len(h.path)) for h in hits}
    assert [one.effect for one in found] == [hit.effect for hit in hits], "in the same order"
    for one in found:
        assert (one.way[0], one.way[-1]) == (target.label, one.ref.label)
        assert (len(one.way) - 1, one.before) == (2 * one.generations, one.way[-3] if len(one.way) > 1 else "")
    total = lineage(team).impact(str(target))
    assert total.versions == len(found)
    assert total.effects == Counter(one.effect.value for one in found)
    assert total.roles == Counter(one.role for one in found if one.role)
    assert total.teams == Counter(one.ref.name.team for one in found)
    assert total.stages == Counter(one.stage or "data" for one in found)


def test_it_is_what_the_recall_itself_reaches(world: World) -> None:
    for target in (world.photos, world.base, world.child, world.synthetic, world.stranger):
        check_as_the_recall(world.team, target)


def test_versions_are_counted_by_effect_role_stage_owner_and_team(world: World) -> None:
    total = lineage(world.team).impact(str(world.photos))
    assert (total.target, total.versions, total.deleted, total.hidden) == ("data/photos/1", 7, 0, 0)
    assert total.effects == {"target": 1, "tainted": 3, "weakly-tainted": 2, "evidence-invalid": 1}
    assert list(total.effects) == ["target", "tainted", "weakly-tainted", "evidence-invalid"]
    assert total.roles == {"train": 2, "source": 3, "test": 1}
    assert total.stages == {"registered": 5, "data": 2}
    assert total.teams == {"vision": 5, "data": 2}
    assert total.owners == {"ana": 7}


def test_pages_of_any_size_hold_every_version_once_in_one_order(world: World) -> None:
    verbs = lineage(world.team)
    whole = list(verbs.every_affected(str(world.photos), ways=True))
    assert len(whole) == 7
    for limit in range(1, 9):
        assert all_pages(verbs, str(world.photos), limit) == whole
    assert all(not one.way for one in verbs.affected(str(world.photos)).items)
    for cursor in ("x", "1-2", "9" * 40 + "-1-1"):
        with pytest.raises(BadCursorError):
            verbs.affected(str(world.photos), page=PageRequest(5, cursor))


def test_a_page_goes_on_where_the_last_one_ended_while_versions_come(world: World) -> None:
    verbs = lineage(world.team)
    first = verbs.affected(str(world.base), page=PageRequest(2))
    with world.team.open_uow(actor="ana", write=True) as uow:
        late = add_version(uow, "vision/late", parents=[world.base])
        uow.commit_unaudited()
    rest = verbs.affected(str(world.base), page=PageRequest(50, first.next_cursor))
    seen = [one.ref for one in (*first.items, *rest.items)]
    assert len(set(seen)) == len(seen)
    assert late in seen


def test_what_a_step_made_is_the_target_where_a_step_is_asked_about(world: World) -> None:
    with world.team.open_uow(actor="root") as uow:
        detail = uow.catalog.version(world.base)
    assert detail is not None
    verbs = lineage(world.team)
    by_step = list(verbs.every_affected(detail.step))
    assert by_step == list(verbs.every_affected(str(world.base)))
    assert by_step[0].effect is Effect.TARGET
    with world.team.open_uow(actor="ana", write=True) as uow:
        uow.steps.add(unmade := step("vision/unmade", inputs=[step_input(world.base, role="source")]))
        uow.commit_unaudited()
    assert verbs.impact(unmade.id).versions == 0
    assert list(verbs.every_affected(unmade.id)) == []


def test_a_deleted_version_is_counted_apart_and_what_was_made_from_it_still_comes(world: World) -> None:
    with world.team.open_uow(actor="root", write=True) as uow:
        uow.catalog.delete_version(world.child, at=NOW)
        uow.commit_unaudited()
    check_as_the_recall(world.team, world.base)
    verbs = lineage(world.team)
    assert verbs.impact(str(world.base)).deleted == 1
    assert world.grandchild in {one.ref for one in verbs.every_affected(str(world.base))}
    assert len(all_pages(verbs, str(world.base), 1)) == verbs.impact(str(world.base)).versions


def test_as_of_now_the_same_is_reached_and_as_of_earlier_what_was_on_record_then(world: World) -> None:
    """Of a version, of data, and of what a step made; page by page too."""
    verbs, now = lineage(world.team), world.team.clock.now()
    with world.team.open_uow(actor="root") as uow:
        step_id = uow.catalog.version(world.child).step  # type: ignore[union-attr]
    for target in (str(world.base), str(world.photos), step_id):
        then = list(verbs.every_affected(target, ways=True))
        assert list(verbs.every_affected(target, ways=True, as_of=now)) == then
        assert verbs.impact(target, as_of=now) == verbs.impact(target)
    before = list(verbs.every_affected(str(world.photos)))
    later = world.team.clock.forward(hours=1)
    with world.team.open_uow(actor="root", write=True) as uow:
        new = add_version(uow, "vision/later", parents=[world.child], at=later)
        uow.commit_unaudited()
    assert list(verbs.every_affected(str(world.photos), as_of=now)) == before
    assert new in {one.ref for one in verbs.every_affected(str(world.photos), as_of=later)}
    first = verbs.affected(str(world.photos), page=PageRequest(3), as_of=now)
    rest = verbs.affected(str(world.photos), page=PageRequest(50, first.next_cursor), as_of=now)
    assert [*first.items, *rest.items] == before
    with pytest.raises(NotFoundError, match="did not exist yet"):
        verbs.impact(str(new), as_of=now)


def test_no_decision_reads_the_compiled_graph(world: World) -> None:
    team, verbs = world.team, lineage(world.team)
    assert verbs.impact(str(world.photos)).versions == 7
    kept = team.open_uow.generations
    whole = kept._known[0]
    nothing = np.empty(0, np.int32)
    empty = replace(whole.graph, starts=np.zeros_like(whole.graph.starts), targets=nothing, roles=nothing)
    kept._known = [replace(whole, graph=empty)]  # as no process would write it: a graph without edges
    assert verbs.impact(str(world.photos)).versions == 1, "the question about an impact reads it"
    assert len(Recalls(team.context("guest")).preview(NewRecall(str(world.photos), Level.RECALL)).hits) == 7
    reference = Reference.to(world.grandchild)
    assert {one.path[0] for one in verbs.obligations(reference).owed} >= {"data/photos/1"}
    Catalog(team.context("ana")).mark(Reference.to(world.photos), NewMark("personal-data", "faces"))
    assert {one.mark for one in verbs.marks(reference).marks} == {"personal-data"}
    world.open(world.photos)
    assert world.statuses()["grandchild"] == "suspended"
    assert verbs.impact(str(world.photos)).versions == 1


def test_in_the_services_only_the_question_and_the_doctor_know_of_it() -> None:
    services = Path(registry.services.__file__).parent
    knowing = {str(file.relative_to(services)) for file in services.rglob("*.py") if "uow.impact" in file.read_text()}
    assert knowing == {"lineage/impact.py", "doctor.py"}


def test_what_does_not_exist_is_said_before_a_stream_begins(world: World) -> None:
    with pytest.raises(NotFoundError):
        lineage(world.team).every_affected("models:/no/where/1")


def test_of_a_closed_team_the_number_is_told_and_nothing_else(world: World) -> None:
    with world.team.open_uow(actor="root", write=True) as uow:
        hidden = add_version(uow, "secret/own", parents=[world.base])
        add_version(uow, "vision/open", parents=[hidden])
        uow.commit_unaudited()
    shut(world.team, "secret")
    guest = registry_of(world.team, "guest").lineage
    total = guest.impact(str(world.base))
    assert total.hidden == 1
    assert "secret" not in str(total)
    for found in (list(guest.every_affected(str(world.base), ways=True)), guest.affected(str(world.base)).items):
        assert len(found) == total.versions
        assert "secret" not in str(found)
    below = next(one for one in found if str(one.ref.name) == "vision/open")
    assert below.before.startswith("closed-team/")
    with pytest.raises(NotFoundError):
        guest.impact(str(hidden))
    with world.team.open_uow(actor="root", write=True) as uow:
        uow.teams.set_member("secret", Member("guest", TeamLevel.READ, world.team.clock.now(), "root"))
        uow.commit_unaudited()
    assert registry_of(world.team, "guest").lineage.impact(str(world.base)).hidden == 0


Family = list[tuple[str, dict[int, str]]]
FAMILIES: st.SearchStrategy[Family] = st.lists(
    st.tuples(
        st.sampled_from(["model", "model", "data"]),
        st.dictionaries(st.integers(0, 9), st.sampled_from(["source", "teacher", "train", "test"]), max_size=3),
    ),
    min_size=2,
    max_size=10,
)


def grow(uow: UnitOfWork, family: Family, refs: list[VersionRef]) -> None:
    for kind, wanted in family:
        inputs = {refs[i % len(refs)]: role for i, role in wanted.items() if refs}
        if kind == "data":
            refs.append(add_dataset_version(uow, "data/any", parents=list(inputs)))
            continue
        models = [ref for ref, role in inputs.items() if ref.kind == "models" and role in {"source", "teacher"}]
        data = {role: ref for ref, role in inputs.items() if ref.kind == "datasets" and role in {"train", "test"}}
        refs.append(add_version(uow, "vision/any", parents=models, data=data))


@settings(max_examples=6, suppress_health_check=[HealthCheck.function_scoped_fixture], deadline=None)
@given(first=FAMILIES, later=FAMILIES)
def test_any_family_is_reached_as_the_recall_reaches_it_compiled_before_and_grown_since(
    team: Team, first: Family, later: Family
) -> None:
    refs: list[VersionRef] = []
    for family in (first, later):
        with team.open_uow(actor="ana", write=True) as uow:
            grow(uow, family, refs)
            uow.commit_unaudited()
        for ref in (refs[0], refs[len(refs) // 2]):
            check_as_the_recall(team, ref)
