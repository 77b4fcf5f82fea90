"""An adapter goes nowhere without its parent: into steps, out by pull, and only while the parent has the same bytes."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass, field, replace
from pathlib import Path

import pytest

from lineage import Digest
from registry.domain.names import Name, Reference
from registry.domain.transfers.adapted import BASE, PIN, Pin
from registry.domain.transfers.steps import StepState
from registry.domain.verbs.catalog import ImportModel
from registry.domain.verbs.data import AddDataset
from registry.errors import (
    BadArtifactError,
    ParentChangedError,
    RegistryError,
)
from registry.ports.transfers import Finished, TransferEvent, TransferJob
from registry.services.catalog.verbs import Catalog
from registry.services.context import Context
from registry.services.data.verbs import Datasets
from registry.services.transfers.running import run_step
from registry.services.transfers.verbs import Transfers
from registry.storage.unit_of_work import SqlUnitOfWorkFactory
from tests.adapters.dvc.worlds import draw
from tests.fakes.clock import FakeClock
from tests.fakes.plugins import FakeAdapter, FakeEngine, FakePlugins
from tests.registry.services.registries import open_context
from tests.registry.services.reviews import RECIPE, TABLE

LORA = Reference.parse("models:/text/reviews")


@dataclass
class Adapting(FakeAdapter):
    """Its first output is an adapter on its source; what it makes of an adapter is whole."""

    pinned: dict[str, Digest] = field(default_factory=dict)

    def run(self, job: TransferJob) -> Iterator[TransferEvent]:
        for event in super().run(job):
            if isinstance(event, Finished) and job.sources[0].base is None:
                source = job.sources[0]
                pin = Pin(source.label, self.pinned.get(source.label, source.digest))
                (event.folder / PIN).write_bytes(pin.body)
                yield replace(event, architecture="peft:BertForSequenceClassification")
            else:
                yield event


@pytest.fixture
def hand() -> Adapting:
    return Adapting()


@pytest.fixture
def context(open_uow: SqlUnitOfWorkFactory, clock: FakeClock, tmp_path: Path, hand: Adapting) -> Context:
    """A home with a source model and reviews, whose steps run at once."""
    plugins = FakePlugins(fake_adapter=hand, fake_engine=FakeEngine())
    context = open_context(open_uow, clock, tmp_path / "home", role="admin", plugins=plugins)
    plugins.fake_engine.work = lambda step_id: run_step(context, step_id)
    source = draw(tmp_path / "bert", {"model.safetensors": "weights"})
    Catalog(context).import_model(ImportModel(Name("library", "bert"), str(source)))
    data = draw(tmp_path / "data", {"reviews.csv": TABLE}) / "reviews.csv"
    Datasets(context).add(AddDataset(Name("data", "reviews"), str(data), licence="cc0-1.0"))
    return context


def on_top(source: str) -> str:
    return RECIPE.replace("text/reviews", "text/further").replace("models:/library/bert", source)


def test_a_step_on_an_adapter_gets_the_parent_that_its_lineage_names(context: Context, hand: Adapting) -> None:
    Transfers(context).submit(RECIPE)
    seen: list[bytes] = []
    hand.during = lambda job: seen.extend(
        (one.folder / "model.safetensors").read_bytes() for one in (job.sources[0], job.sources[0].base) if one
    )
    step = Transfers(context).submit(on_top("models:/text/reviews"))
    assert step.summary.state is StepState.SUCCEEDED
    assert seen == [b"head on weights", b"weights"]
    base = hand.jobs[-1].sources[0].base
    assert base is not None
    assert base.digest == Catalog(context).version(Reference.parse("models:/library/bert")).summary.digest
    assert [str(parent) for parent in Catalog(context).version(Reference.parse("models:/text/further")).parents] == [
        "models:/text/reviews/1"
    ]


def test_a_parent_with_other_bytes_is_refused_with_both_digests(
    context: Context, hand: Adapting, tmp_path: Path
) -> None:
    hand.pinned = {"library/bert/1": Digest.of(b"what it was")}
    Transfers(context).submit(RECIPE)
    now = Catalog(context).version(Reference.parse("models:/library/bert")).summary.digest
    for attempt in (
        lambda: Transfers(context).submit(on_top("models:/text/reviews")),
        lambda: Catalog(context).pull(LORA, tmp_path / "out"),
    ):
        with pytest.raises(ParentChangedError) as told:
            attempt()
        assert str(now) in str(told.value)
        assert str(Digest.of(b"what it was")) in str(told.value)
    assert not (tmp_path / "out").exists()


def test_a_pull_brings_the_parent_along_and_says_how_to_load_both(context: Context, tmp_path: Path) -> None:
    Transfers(context).submit(RECIPE)
    report = Catalog(context).pull(LORA, tmp_path / "out")
    assert (report.folder / BASE / "model.safetensors").read_text() == "weights"
    card = (report.folder / "README.md").read_text()
    assert "an adapter for library/bert/1 (sha256:" in card
    assert "PeftModel.from_pretrained(transformers.BertForSequenceClassification.from_pretrained" in card
    assert report.size >= len("head on weights") + len("weights")


def test_a_pin_is_read_as_it_was_written_and_anything_else_is_refused() -> None:
    pin = Pin("text/minilm/3", Digest.of(b"x"))
    assert Pin.read(pin.body) == pin
    for body in (b"{}", b"[]", b"\xff", pin.body.replace(b"v1", b"v9"), pin.body.replace(b"sha256:", b"md5:")):
        with pytest.raises(BadArtifactError, match=PIN):
            Pin.read(body)
    pin.check(Digest.of(b"x"))
    with pytest.raises(RegistryError):
        pin.check(Digest.of(b"y"))
