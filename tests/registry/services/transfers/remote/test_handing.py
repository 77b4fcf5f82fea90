"""What a worker hands over is published as if its step had run here, and nothing that a local step would not give."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace
from pathlib import Path

import pytest

from registry.domain.names import Reference
from registry.domain.transfers.steps import EpochMetric, StepState
from registry.errors import InvalidError, StepStateError, UnsafeArtifactError
from registry.services.catalog.verbs import Catalog
from registry.services.context import Context
from registry.services.transfers.remote.verbs import Work
from registry.services.transfers.verbs import Transfers
from tests.registry.services.transfers.remote.conftest import ABLE, DONE

Opened = Callable[[str], Work]


@pytest.fixture
def held(waiting: str, work: Opened) -> tuple[str, str]:
    given = work("box").take(ABLE)
    assert given is not None
    return waiting, given.worker


def test_the_output_belongs_to_whoever_submitted_the_step(
    context: Context, work: Opened, held: tuple[str, str], made: Path
) -> None:
    step = work("box").hand_over(*held, DONE, made)
    assert step.summary.state is StepState.SUCCEEDED
    assert step.summary.output is not None
    version = Catalog(context).version(Reference.to(step.summary.output))
    assert version.summary.created_by == context.actor.handle
    assert version.summary.metrics == {"accuracy": 0.75}
    manifest = step.manifest
    assert manifest is not None
    assert (manifest["wall_seconds"], manifest["hardware"]["device"]) == (7.0, "cuda:0")  # type: ignore[index]
    with pytest.raises(StepStateError):
        work("box").hand_over(*held, DONE, made)


def test_a_metric_on_data_that_the_step_does_not_have_is_refused(
    work: Opened, held: tuple[str, str], made: Path
) -> None:
    wrong = replace(DONE, measured=(EpochMetric(1, 2, "accuracy", "validation", 1.0),))
    with pytest.raises(InvalidError, match="no data in the role 'validation'"):
        work("box").hand_over(*held, wrong, made)


@pytest.mark.parametrize("name", ["model.bin", "model.safetensors"])
def test_a_pickle_is_refused_whatever_it_is_called(
    context: Context, work: Opened, held: tuple[str, str], made: Path, name: str
) -> None:
    (made / name).write_bytes(b"\x80\x04K\x01.")
    with pytest.raises(UnsafeArtifactError, match="is a pickle"):
        work("box").hand_over(*held, DONE, made)
    assert Transfers(context).step(held[0]).summary.state is StepState.RUNNING


def test_safetensors_whose_header_begins_like_a_pickle_are_none(
    work: Opened, held: tuple[str, str], made: Path
) -> None:
    header = b'{"a": {"dtype": "F32", "shape": [1], "data_offsets": [0, 4]}}'.ljust(640)
    (made / "more.safetensors").write_bytes((640).to_bytes(8, "little") + header + bytes(4))
    assert work("box").hand_over(*held, DONE, made).summary.state is StepState.SUCCEEDED


def test_a_step_that_was_cancelled_takes_no_output(
    context: Context, work: Opened, held: tuple[str, str], made: Path
) -> None:
    Transfers(context).cancel(held[0])
    with pytest.raises(StepStateError):
        work("box").hand_over(*held, DONE, made)
