"""What is asked to be corrected, who makes it alone, and what is refused."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import numpy as np
import pytest
from safetensors.numpy import save_file

from lineage import Assurance
from registry.domain.names import Name, Reference
from registry.domain.transfers.corrections import CorrectionState, NewCorrection
from registry.domain.transfers.steps import StepInput
from registry.domain.verbs.catalog import ImportModel
from registry.errors import ConflictError, InvalidError, NotFoundError, PermissionDeniedError, RefusedError
from registry.services.catalog.verbs import Catalog
from registry.services.governance.corrections.verbs import Corrections
from registry.storage.unit_of_work import SqlUnitOfWorkFactory
from tests.fakes.clock import FakeClock
from tests.fakes.plugins import FakePlugins
from tests.registry.services.governance.corrections.worlds import claims
from tests.registry.services.registries import open_context, with_an_account
from tests.registry.services.teams import Team, ref_of


def test_what_frees_from_nothing_is_corrected_by_one_person_and_the_old_edge_stays_on_record(team: Team) -> None:
    world = claims(team)
    other = team.publish("vision/other", parents=[world.net], assurance=Assurance.DECLARED)
    before = team.clock.now()
    team.clock.forward(hours=1)
    done = world.ask(world.net, of=other, becomes=ref_of(world.newer))
    assert (done.state, done.consequences, done.decided_by) == (CorrectionState.MADE, (), "ana")
    assert world.ancestors(other) == {"library/net/2"}
    assert world.ancestors(other, as_of=before) == {"library/net/1"}
    assert team.actions(str(other))[-2:] == ["lineage.correction_asked", "lineage.corrected"]
    with team.open_uow(actor="ana") as uow:
        version = uow.catalog.version(other)
        assert version is not None
        assert [(one.ref, one.assurance) for one in version_inputs(team, version.step)] == [
            (world.newer, Assurance.DECLARED)
        ]
    assert world.sound()


def version_inputs(team: Team, step_id: str) -> list[StepInput]:
    with team.open_uow(actor="ana") as uow:
        step = uow.steps.get(step_id)
    assert step is not None
    return list(step.inputs)


@pytest.mark.parametrize("wish", ["another", "withdrawn", "teacher"])
def test_nobody_is_freed_of_a_clause_by_one_person(team: Team, wish: str) -> None:
    world = claims(team)
    wishes: dict[str, dict[str, Any]] = {
        "another": {"becomes": ref_of(world.net)},
        "withdrawn": {"withdrawn": True},
        "teacher": {"becomes_role": "teacher"},
    }
    asked = world.ask(world.research, **wishes[wish])
    assert asked.state is CorrectionState.ASKED
    assert "research/net/1" in " ".join(asked.consequences)
    assert "research/net/1" in world.ancestors(), "nothing has changed"
    assert team.actions(str(world.child))[-1] == "lineage.correction_asked"
    with pytest.raises(ConflictError, match="waits to be decided"):
        world.ask(world.research, "dora", withdrawn=True)
    assert world.sound()


def test_nobody_is_freed_of_training_data_by_one_person(team: Team) -> None:
    world = claims(team)
    (line,) = world.ask(world.data, withdrawn=True).consequences
    assert line == "It would not count as trained on datasets:/data/mnist/1 (split train) any more"


def test_what_the_registry_saw_is_not_corrected(team: Team) -> None:
    world = claims(team)
    with pytest.raises(RefusedError, match="The registry itself saw models:/vision/digits/1 as source go into step-"):
        world.ask(world.child, of=world.heir, withdrawn=True)
    seen = team.publish("vision/seen", parents=[world.net])
    with team.open_uow(actor="ana", write=True) as uow:
        version = uow.catalog.version(seen)
        assert version is not None
        uow.graph.set_assurance(version.step, str(world.net), Assurance.VERIFIED, at=team.clock.now())
        uow.commit_unaudited()
    with pytest.raises(RefusedError, match="The registry itself saw"):
        world.ask(world.net, "root", of=seen, withdrawn=True)


def test_a_family_has_no_circles(team: Team) -> None:
    world = claims(team)
    for descendant in (world.child, world.heir):
        with pytest.raises(RefusedError, match=f"{descendant} was made from {world.child}"):
            world.ask(world.research, becomes=ref_of(descendant))


def test_only_what_is_on_record_is_corrected_to_what_is_registered(team: Team) -> None:
    world = claims(team)
    data, gone = ref_of(world.data), Reference.parse("models:/no/where/1")
    bad: tuple[tuple[dict[str, Any], str], ...] = (
        ({"becomes": data}, "cannot take the place of"),
        ({}, "either what took the place"),
        ({"withdrawn": True, "becomes": ref_of(world.net)}, "either what took the place"),
        ({"becomes_role": "decoration"}, "cannot go in as"),
        ({"becomes_role": "train"}, "cannot go in as"),
        ({"becomes_role": "source"}, "is an input of step-"),
    )
    for wish, error in bad:
        with pytest.raises(InvalidError, match=error):
            world.ask(world.research, **wish)
    with pytest.raises(NotFoundError):
        world.ask(world.net, withdrawn=True)
    with pytest.raises(NotFoundError):
        world.ask(world.research, becomes=gone)
    with pytest.raises(NotFoundError, match="as such an input"):
        world.ask(world.research, role="teacher", withdrawn=True)
    with pytest.raises(InvalidError, match="reason"):
        world.verbs().ask(ref_of(world.child), NewCorrection(ref_of(world.data), " ", withdrawn=True))
    with pytest.raises(PermissionDeniedError):
        world.ask(world.research, "guest", withdrawn=True)
    assert world.verbs("guest").of(ref_of(world.child)) == []


def test_the_one_of_two_inputs_that_is_meant_is_named_by_its_role(team: Team) -> None:
    world = claims(team)
    both = {"train": world.data, "validation": world.data}
    child = team.publish("vision/twice", data=both, assurance=Assurance.DECLARED)
    with pytest.raises(InvalidError, match="more than one input"):
        world.ask(world.data, of=child, withdrawn=True)
    done = world.ask(world.data, of=child, role="validation", withdrawn=True)
    assert done.state is CorrectionState.MADE
    assert str(done.before) == "datasets:/data/mnist/1 as validation (split validation)"
    assert world.ancestors(child) == {"data/mnist/1"}


def test_the_weights_are_asked_about_the_new_parent(
    open_uow: SqlUnitOfWorkFactory, clock: FakeClock, tmp_path: Path
) -> None:
    context = with_an_account(open_context(open_uow, clock, tmp_path / "home", role="admin", plugins=FakePlugins()))
    draw = np.random.default_rng(1).standard_normal
    shapes = {"hidden.weight": (64, 30), "next.weight": (64, 64), "head.weight": (5, 64)}
    first, second, third = ({name: draw(shape).astype(np.float32) for name, shape in shapes.items()} for _ in range(3))
    tuned = first | {"head.weight": third["head.weight"]}
    for name, tensors, parents in (("right", first, ()), ("wrong", second, ()), ("child", tuned, ("wrong",))):
        (tmp_path / name).mkdir()
        save_file(tensors, tmp_path / name / "model.safetensors")
        claimed = tuple(Reference.parse(f"models:/vision/{one}/1") for one in parents)
        Catalog(context).import_model(ImportModel(Name("vision", name), str(tmp_path / name), parents=claimed))
    right, wrong, child = (Reference.parse(f"models:/vision/{name}/1") for name in ("right", "wrong", "child"))
    asked = Corrections(context).ask(child, NewCorrection(wrong, "a slip of the pen", becomes=right))
    assert asked.before.assurance is Assurance.CONTRADICTED
    assert asked.weights.startswith("frozen_plus_head: ")
    assert asked.state is CorrectionState.ASKED, "a claim that the weights speak against is not taken back in silence"
