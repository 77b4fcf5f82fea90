"""A registry with an adapter whose features follow the labels as closely as the name of the model says."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path

import numpy as np
from safetensors.numpy import save_file

from registry.domain.data.datasets import DataFormat, LabelKind
from registry.domain.names import Name, Reference
from registry.domain.recipes.recipe import Method
from registry.domain.selection.report import SelectionReport
from registry.domain.transfers.recorded import Environment, RecordTransfer, UsedInput
from registry.domain.verbs.catalog import ImportModel
from registry.domain.verbs.data import AddDataset
from registry.domain.verbs.selection import Recommend
from registry.errors import BadRecipeError
from registry.ports.transfers import Finished, TransferEvent, TransferJob
from registry.services.catalog.verbs import Catalog
from registry.services.context import Context
from registry.services.data.verbs import Datasets
from registry.services.selection.verbs import Selection
from registry.services.transfers.verbs import Transfers
from tests.fakes.plugins import FakeAdapter

DATA = Reference.parse("datasets:/data/reviews")
TABLE = (
    "text,label,split\n"
    + "".join(
        f"review {n} {'zz' if n % 3 else 'aa'},{'good' if n % 3 else 'bad'},{'test' if n % 10 == 9 else 'train'}\n"
        for n in range(100)
    )
    + "".join(f"odd {n},good,odd\n" for n in range(12))
)
KIND = "transformers:BertModel"
STRENGTHS = {"strong": 3.0, "fair": 3.0, "weak": 0.0, "broken": np.nan}


@dataclass
class Reading(FakeAdapter):
    """Features of which the first follows the label as closely as the name of the source says; the rest are noise."""

    def run(self, job: TransferJob) -> Iterator[TransferEvent]:
        self.jobs.append(job)
        name = next(name for name in STRENGTHS if name in job.sources[0].label)
        if job.any_labels:
            yield self._asked(job, name)
            return
        rows = sorted(job.data["train"].chosen, key=lambda row: row.key)
        texts = [row.text or "" for row in rows]
        if job.words:
            texts = [word for text in texts for word in text.split()]
        x = np.random.default_rng([len(name), len(texts)]).normal(size=(len(texts), 4)).astype(np.float32)
        x[:, 0] += [STRENGTHS[name] * text.count("aa") for text in texts]
        if job.words:
            x[-2:] = 0.0  # cut off
        output = job.work / "output"
        output.mkdir(parents=True)
        np.savez(output / "features.npz", x=x)
        facts: dict[str, object] = {"features_computed": len(rows)}
        if job.norms and name == "weak":
            facts["norms"] = {"layers": 2, "rows": len(rows), "energy": 0.25}
        yield Finished(output, "", 1.0, 2.0, "by hand", (), facts, DataFormat.NPZ, LabelKind.CLASS)

    def _asked(self, job: TransferJob, name: str) -> Finished:
        """The head of `strong` has three classes that nobody here labels; the other models have none."""
        if name != "strong":
            raise BadRecipeError("It has no head")
        rows = sorted(job.data["test"].chosen, key=lambda row: row.key)
        output = job.work / "output"
        output.mkdir(parents=True)
        hears = [[3.0, 0.0, 0.0] if "aa" in (row.text or "") else [0.0, 3.0, 0.0] for row in rows]
        np.save(output / "outputs.npy", np.array(hears, dtype=np.float32))
        return Finished(output, "", 1.0, 2.0, "by hand", ("cat", "dog", "owl"), {})


def tagged(rows: int) -> str:
    """Sentences of which each third word is a name."""
    words = [("aa", "NAME") if n % 3 == 0 else (f"w{n}", "O") for n in range(5)]
    line = f"{' '.join(word for word, _ in words)},{' '.join(tag for _, tag in words)},train\n"
    return "text,label,split\n" + line * rows


def add_model(context: Context, folder: Path, name: str, *, scale: float = 1.5, licence: str = "apache-2.0") -> None:
    source = folder / name
    source.mkdir(parents=True)
    size = 3 + len(name)
    tensors = {"norm.weight": np.full(size, scale), "norm.bias": np.zeros(size)}
    tensors |= {"last.weight": np.full(size, scale), "last.bias": np.zeros(size)}
    save_file(tensors, source / "model.safetensors")
    Catalog(context).import_model(ImportModel(Name("library", name), str(source), licence=licence))


def add_child(
    context: Context, folder: Path, name: str, data: str, *, source: str = "models:/library/strong/1"
) -> None:
    """A version of `name` that somebody's program made from `source` with the training rows of `data`."""
    made = folder / name
    made.mkdir(parents=True)
    save_file({"last.weight": np.arange(float(len(name)))}, made / "model.safetensors")
    inputs = UsedInput(Reference.parse(source), "source"), UsedInput(_data(data), "train", "train")
    said = (Environment("3", "here", {}, {}), 1.0)
    Transfers(context).record(
        RecordTransfer(
            Name("made", name), Method.FINE_TUNING, inputs, str(made), "0" * 32, {}, {}, (), *said, architecture=KIND
        )
    )


def _data(name: str) -> Reference:
    return Reference.parse(f"datasets:/data/{name}/1")


def add_data(context: Context, folder: Path, text: str, name: str = "reviews", labels: LabelKind | None = None) -> None:
    file = folder / f"{name}.csv"
    file.write_text(text, encoding="utf-8")
    Datasets(context).add(AddDataset(Name("data", name), str(file), licence="cc0-1.0", labels=labels))


def recommend(context: Context, *models: str, **wanted: object) -> SelectionReport:
    named = tuple(Reference.parse(f"models:/library/{name}") for name in models)
    return Selection(context).recommend(Recommend(DATA, models=named, **wanted))  # type: ignore[arg-type]


def order(report: SelectionReport) -> Sequence[str]:
    return [one.ref.name.name for one in report.ranked]
