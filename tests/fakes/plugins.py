"""Plug-ins without a library: an import copies its source, a transfer writes one file, an engine runs steps at once."""

from __future__ import annotations

import shutil
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import Any

import numpy as np
import pyarrow
from pyarrow import parquet

from adapters.transformers.offer import OFFER as TRANSFORMERS
from registry.domain.catalog.models import Modality
from registry.domain.data.datasets import DataFormat, LabelKind
from registry.domain.recipes.recipe import Method, Resources
from registry.plugins import EntryPointPlugins
from registry.ports.importing import ConvertedSource, SourceFacts
from registry.ports.transfers import AdapterOffer, Advanced, Finished, Measured, Started, TransferEvent, TransferJob
from tests.fakes.classical import FakeClassical

FACTS = SourceFacts("huggingface", "transformers:BertModel", Modality.TEXT, "feature-extraction", licence="mit")
OFFER = AdapterOffer(
    "transformers",
    frozenset({Modality.TEXT}),
    frozenset({Method.FEATURE_EXTRACTION}),
    frozenset({"accuracy"}),
    loading_with_parent=TRANSFORMERS.loading_with_parent,
)


@dataclass
class FakeAdapter:
    """A transfer adapter whose output is one file that depends on its inputs only. `during` is called while it runs."""

    offer: AdapterOffer = OFFER
    during: Callable[[TransferJob], object] = lambda job: None
    jobs: list[TransferJob] = field(default_factory=list)

    def run(self, job: TransferJob) -> Iterator[TransferEvent]:
        self.jobs.append(job)
        yield Started("cpu", "fp32", {"cpu": "test"}, {"hand": "1"}, steps=2, epochs=1, trainable=3, parameters=9)
        yield Advanced(1, 0.5, "head", 0.7, 8)
        self.during(job)
        yield Measured("loss", 0.5, "train", 1, 2)
        yield Measured("accuracy", 0.75, "test", 1, 2, final=True)
        output = job.work / "output"
        output.mkdir(exist_ok=True)
        read = b"".join(p.read_bytes() for s in job.sources for p in sorted(s.folder.rglob("*")) if p.is_file())
        (output / "model.safetensors").write_bytes(b"head on " + read)
        yield Finished(
            output, "transformers:BertForSequenceClassification", 1.0, 2.0, "counted by hand", ("bad", "good")
        )


@dataclass
class ExportingAdapter(FakeAdapter):
    """Exports the length and the number of vowels of each text as features, in the format that the recipe names."""

    def run(self, job: TransferJob) -> Iterator[TransferEvent]:
        self.jobs.append(job)
        yield Started("cpu", "fp32", {"cpu": "test"}, {"hand": "1"}, steps=1, epochs=1, trainable=0, parameters=9)
        self.during(job)
        data = job.data["train"]
        texts = [row.text or "" for row in data.rows]
        columns: dict[str, Any] = {
            "x": np.array([[len(text), sum(text.count(v) for v in "aeiou"), 0.5] for text in texts], np.float32),
            "split": [row.split for row in data.rows],
        }
        if data.labels is not LabelKind.NONE:
            columns["label"] = [row.label for row in data.rows]
        output = job.work / "output"
        output.mkdir(exist_ok=True)
        kind = DataFormat(str(job.recipe.params["export"]))
        if kind is DataFormat.NPZ:
            renamed = {"y" if name == "label" else name: np.array(column) for name, column in columns.items()}
            np.savez(output / "features.npz", **renamed)  # type: ignore[arg-type]
        else:
            parquet.write_table(pyarrow.table({**columns, "x": list(columns["x"])}), output / "features.parquet")
        yield Finished(output, "", 1.0, 2.0, "counted by hand", (), {"width": 3}, dataset=kind, labels=data.labels)


@dataclass
class FakeEngine:
    """An engine that calls `work` with the step's id; it reports the workers of the steps in `running` as alive."""

    name: str = "local"
    work: Callable[[str], object] = lambda step_id: None
    started: list[str] = field(default_factory=list)
    stopped: list[str] = field(default_factory=list)
    running: set[str] = field(default_factory=set)
    dead: set[str] = field(default_factory=set)
    """The steps whose worker it reports as ended; for every other step it returns None."""

    def grant(self, needs: Resources) -> Resources:
        return needs if needs.cpus else replace(needs, cpus=2)

    def start(self, step_id: str, home: Path, needs: Resources, *, adapter: str = "") -> None:
        self.started.append(step_id)
        self.work(step_id)

    def wait(self, step_id: str, home: Path) -> None: ...

    def alive(self, step_id: str, home: Path) -> bool | None:
        return True if step_id in self.running else False if step_id in self.dead else None

    def stop(self, step_id: str, home: Path) -> bool:
        self.stopped.append(step_id)
        return step_id in self.running

    def log(self, step_id: str, home: Path) -> str:
        return f"{step_id} was here\n" if step_id in self.started else ""


@dataclass(frozen=True)
class FakePlugins(EntryPointPlugins):
    """Implements `Plugins`: data is read by the real adapters, everything else by the fakes above."""

    memory: int = 0
    seconds: int = 60
    facts: SourceFacts = FACTS
    definitions: Mapping[str, tuple[str, bytes]] = field(default_factory=dict)
    fake_adapter: FakeAdapter = field(default_factory=FakeAdapter)
    fake_engine: FakeEngine = field(default_factory=FakeEngine)
    fake_classical: FakeClassical = field(default_factory=FakeClassical)
    converted: list[tuple[Path, bool]] = field(default_factory=list)

    def import_source(
        self, source: Path, target: Path, *, architecture: str | None, pickles: bool, owned: bool
    ) -> ConvertedSource:
        self.converted.append((source, pickles))
        shutil.copytree(source, target)
        return ConvertedSource(target, self.facts, tensors=2, parameters=9, notes=("copied by hand",))

    def definition(self, architecture: str) -> tuple[str, bytes] | None:
        return self.definitions.get(architecture)

    def offers(self) -> Mapping[str, AdapterOffer]:
        return {self.fake_adapter.offer.name: self.fake_adapter.offer}

    def transfer(self, name: str) -> FakeAdapter:
        assert name == self.fake_adapter.offer.name
        return self.fake_adapter

    def classical(self) -> FakeClassical:
        return self.fake_classical

    def engine(self, name: str) -> FakeEngine:
        return self.fake_engine
