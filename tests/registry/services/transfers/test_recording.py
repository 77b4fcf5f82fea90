"""A step that a person's own program ran: what it says is declared, and what the registry gave out is observed."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path

import pytest

from lineage import Assurance
from registry.domain.names import AssetKind, Name, Reference
from registry.domain.recipes.recipe import Method
from registry.domain.transfers.recorded import OWN_CODE, Environment, RecordTransfer, UsedInput
from registry.domain.transfers.steps import EpochMetric, StepState
from registry.errors import InvalidError, NotFoundError, StepStateError
from registry.services.context import Context
from registry.services.transfers.verbs import Transfers
from tests.fakes.plugins import FakePlugins

BERT = Reference(AssetKind.MODELS, Name("library", "bert"), 1)
DATA = Reference(AssetKind.DATASETS, Name("data", "reviews"), 1)
READING = "0" * 32
CURVE = (EpochMetric(1, 10, "loss", "train", 0.5), EpochMetric(2, 20, "loss", "train", 0.25))


@pytest.fixture
def wanted(tmp_path: Path) -> RecordTransfer:
    made = tmp_path / "made"
    made.mkdir()
    (made / "model.safetensors").write_bytes(b"learnt")
    return RecordTransfer(
        Name("text", "own"),
        Method.FINE_TUNING,
        (UsedInput(BERT, "source"), UsedInput(DATA, "train", "train")),
        str(made),
        READING,
        {"lr": 0.1},
        {"accuracy": 0.99},
        CURVE,
        Environment("3.99.0", "elsewhere", {"torch": "9.9"}, {"cpu": "abacus"}),
        12.5,
        architecture="test:net",
    )


def read(transfers: Transfers, reference: Reference, reading: str = READING) -> None:
    with transfers.read_input(reference, reading) as stream:
        stream.read()


def test_an_input_is_observed_only_if_the_registry_gave_out_its_bytes(
    transfers: Transfers, wanted: RecordTransfer
) -> None:
    read(transfers, BERT)
    step = transfers.record(wanted)
    assert [(str(one.ref), one.role, one.assurance) for one in step.inputs] == [
        ("models:/library/bert/1", "source", Assurance.OBSERVED),
        ("datasets:/data/reviews/1", "train", Assurance.DECLARED),
    ]
    again = transfers.record(wanted)
    assert {one.assurance for one in again.inputs} == {Assurance.DECLARED}, "a reading counts for one step"


def test_the_record_holds_what_the_program_said_and_where_it_ran(transfers: Transfers, wanted: RecordTransfer) -> None:
    step = transfers.record(wanted)
    assert step.summary.state is StepState.SUCCEEDED
    assert step.summary.adapter == OWN_CODE
    assert (step.summary.output is not None, step.curve) == (True, CURVE)
    assert step.summary.started_at is not None
    assert step.summary.ended_at is not None
    assert (step.summary.ended_at - step.summary.started_at).total_seconds() == 12.5
    manifest = step.manifest
    assert manifest is not None
    assert manifest["environment"]["python"] == "3.99.0"  # type: ignore[index]
    assert manifest["environment"]["libraries"] == {"torch": "9.9"}  # type: ignore[index]
    assert manifest["hardware"]["cpu"] == "abacus"  # type: ignore[index]
    assert manifest["facts"]["declared_metrics"] == {"accuracy": 0.99}  # type: ignore[index]
    assert manifest["recipe"]["parameters"] == {"lr": 0.1}  # type: ignore[index]


def test_what_a_program_says_that_it_measured_counts_for_no_policy(
    context: Context, transfers: Transfers, wanted: RecordTransfer
) -> None:
    step = transfers.record(wanted)
    assert (step.measured, step.summary.metrics) == ((), {})
    assert step.summary.output is not None
    with context.read() as uow:
        version = uow.catalog.version(step.summary.output)
    assert version is not None
    assert version.summary.metrics == {}
    assert version.card is not None
    assert "accuracy: 0.99" in version.card.text


def test_a_program_that_failed_leaves_a_failed_step_and_no_version(
    context: Context, transfers: Transfers, wanted: RecordTransfer
) -> None:
    read(transfers, BERT)
    step = transfers.record(replace(wanted, source="", error="ValueError: no"))
    assert (step.summary.state, step.summary.error, step.summary.output) == (StepState.FAILED, "ValueError: no", None)
    assert step.inputs[0].assurance is Assurance.OBSERVED
    with context.read() as uow:
        assert uow.catalog.model(wanted.output) is None
    with pytest.raises(StepStateError, match="recorded by the program that ran it"):
        transfers.resume(step.summary.id)


def test_pickles_are_read_from_a_folder_here_and_never_from_an_upload(
    transfers: Transfers, wanted: RecordTransfer, plugins: FakePlugins
) -> None:
    transfers.record(wanted)
    transfers.record(replace(wanted, uploaded=True))
    assert [pickles for _, pickles in plugins.converted[-2:]] == [True, False]


@pytest.mark.parametrize(
    ("changes", "error", "message"),
    [
        ({"inputs": (UsedInput(DATA, "train", "nights"),)}, InvalidError, "has no split 'nights'"),
        ({"inputs": (UsedInput(BERT, "source"),) * 2}, InvalidError, "named twice in the same role"),
        ({"inputs": (UsedInput(replace(BERT, number=9), "source"),)}, NotFoundError, "library/bert/9"),
        ({"source": "/no/such/folder"}, NotFoundError, "no file or folder"),
    ],
)
def test_what_cannot_be_recorded_is_refused_and_leaves_nothing(
    transfers: Transfers, wanted: RecordTransfer, changes: dict[str, object], error: type[Exception], message: str
) -> None:
    before = [one.id for one in transfers.search().items]
    with pytest.raises(error, match=message):
        transfers.record(replace(wanted, **changes))  # type: ignore[arg-type]
    assert [one.id for one in transfers.search().items] == before


@pytest.mark.parametrize(
    ("changes", "message"),
    [
        ({"metrics": {"accuracy": float("nan")}}, "is nan"),
        ({"metrics": {"1st": 1.0}}, "no name of a metric"),
        ({"reading": "x"}, "not the id of a reading"),
        ({"seconds": -1.0}, "no number of seconds"),
        ({"method": Method.IMPORT}, "no transfer"),
    ],
)
def test_a_record_refuses_what_it_cannot_hold(wanted: RecordTransfer, changes: dict[str, object], message: str) -> None:
    with pytest.raises(InvalidError, match=message):
        replace(wanted, **changes)  # type: ignore[arg-type]


def test_an_input_has_a_role_that_fits_it() -> None:
    with pytest.raises(InvalidError, match=r"'sourc' is not a role of models"):
        UsedInput(BERT, "sourc")
    with pytest.raises(InvalidError, match="is not a role of data"):
        UsedInput(DATA, "source")
