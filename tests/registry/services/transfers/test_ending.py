"""A step that succeeded is a version with its manifest, or nothing is published."""

from __future__ import annotations

from registry.domain.transfers.steps import StepState
from registry.services.catalog.verbs import Catalog
from registry.services.context import Context
from registry.services.transfers.running import run_step, work_folder
from registry.services.transfers.verbs import Transfers
from tests.fakes.clock import FakeClock
from tests.fakes.plugins import FakePlugins
from tests.registry.services.reviews import CHILD, RECIPE


def test_a_step_that_ends_is_a_version_with_its_manifest(
    context: Context, clock: FakeClock, plugins: FakePlugins
) -> None:
    begun = clock.now()
    plugins.fake_adapter.during = lambda job: clock.forward(seconds=50)
    plugins.fake_engine.work = lambda step_id: run_step(context, step_id)
    step = Transfers(context).submit(RECIPE)
    assert step.summary.state is StepState.SUCCEEDED
    assert step.summary.metrics == {"accuracy": 0.75}
    assert step.manifest is not None
    assert step.summary.started_at == begun
    assert (step.manifest["started_at"], step.manifest["ended_at"]) == (
        "2026-11-23T09:30:00+00:00",
        "2026-11-23T09:30:50+00:00",
    )
    made = Catalog(context).version(CHILD)
    assert [str(parent) for parent in made.parents] == ["models:/library/bert/1"]
    assert context.blobs.open(made.files[0].sha256).read() == b"head on weights"
    left = [path.name for path in work_folder(context.home, step.summary.id).iterdir()]
    assert left == [], "inputs, checkpoints and output are gone"
