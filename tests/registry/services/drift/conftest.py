"""One registry for all tests of this folder: a version that tells long texts from short ones, and texts to give it."""

from __future__ import annotations

import json
import shutil
from collections.abc import Iterator
from dataclasses import dataclass, field
from pathlib import Path

import numpy as np
import pytest
from safetensors.numpy import save_file

from registry.domain.catalog.models import Modality
from registry.domain.data.datasets import DataFormat, LabelKind, Row
from registry.domain.recipes.recipe import Method
from registry.ports.transfers import AdapterOffer, Finished, Measured, Started, TransferEvent, TransferJob
from registry.services.context import Context
from registry.services.transfers.running import run_step
from registry.services.transfers.verbs import Transfers
from registry.storage.database import default_url, open_database
from tests.fakes.clock import FakeClock
from tests.fakes.plugins import FakeAdapter, FakeEngine, FakePlugins
from tests.registry.services.registries import open_context
from tests.registry.services.selection.worlds import add_data, add_model

METHODS = frozenset({Method.FEATURE_EXTRACTION, Method.FINE_TUNING})
RECIPE = """\
schema: forebear/recipe/v1
output: text/lengths
method: fine_tuning
source: models:/library/strong
data: {train: {dataset: datasets:/data/past}}
"""


@dataclass
class Lengths(FakeAdapter):
    """Says `long` to texts of more than 20 letters, the surer the farther from that; features are the length and noise.

    With `broken` features are no numbers; with `worn` those of the parent follow the labels and the rest is noise.
    """

    offer: AdapterOffer = field(
        default_factory=lambda: AdapterOffer(
            "transformers", frozenset({Modality.TEXT}), METHODS, frozenset({"accuracy", "macro_f1"})
        )
    )
    broken: bool = False
    worn: bool = False

    def run(self, job: TransferJob) -> Iterator[TransferEvent]:
        output = job.work / "output"
        output.mkdir(parents=True)
        if job.recipe.params.get("export", "none") != "none":
            rows = job.data["train"].chosen
            noise = np.random.default_rng(len(rows)).normal(size=(len(rows), 2))
            x = np.column_stack([_lengths(rows) + (np.nan if self.broken else 0.0), noise])
            if self.worn:
                x[:, 0] = noise[:, 0] if "lengths" in job.sources[0].label else [row.label == "long" for row in rows]
            np.savez(output / "features.npz", x=x.astype(np.float32))
            yield Finished(output, "", 1.0, 2.0, "by hand", (), {}, DataFormat.NPZ, LabelKind.CLASS)
            return
        yield Started("cpu", "fp32", {"cpu": "test"}, {"pupil": "1"}, steps=2, epochs=1, trainable=3, parameters=9)
        test = job.data["test"]
        if test.labels is LabelKind.TAGS:
            yield from _tagged(job, output)
            return
        scores = np.column_stack([_lengths(test.chosen), -_lengths(test.chosen)])
        said = [
            {"key": r.key, "prediction": ("long", "short")[int(s.argmax())]}
            for r, s in zip(test.chosen, scores, strict=True)
        ]
        answers = {"data": str(test.digest), "split": test.split, "rows": said}
        (output / "predictions.json").write_text(json.dumps(answers))
        save_file({"lengths.weight": np.arange(6.0)}, output / "model.safetensors")
        if job.outputs:
            np.save(output / "outputs.npy", scores.astype(np.float32))
        yield Measured("accuracy", 0.9, "test", 1, 2, final=True)
        kind = "transformers:BertForSequenceClassification"
        yield Finished(output, kind, 1.0, 2.0, "by hand", ("long", "short"), {})


def _tagged(job: TransferJob, output: Path) -> Iterator[TransferEvent]:
    """The same of each word of a text; words after the sixth are cut off."""
    test = job.data["test"]
    words = [(row.text or "").split()[:6] for row in test.chosen]
    scores = np.zeros((len(words), 6, 2))
    for line, row in enumerate(words):
        scores[line, : len(row), 0] = [(len(word) - 20.5) / 10 for word in row]
    scores[..., 1] = -scores[..., 0]
    said = [
        {"key": row.key, "prediction": [("long", "short")[int(len(word) <= 20)] for word in line]}
        for row, line in zip(test.chosen, words, strict=True)
    ]
    (output / "predictions.json").write_text(json.dumps({"data": str(test.digest), "split": test.split, "rows": said}))
    save_file({"words.weight": np.arange(7.0)}, output / "model.safetensors")
    if job.outputs:
        np.save(output / "outputs.npy", scores.astype(np.float32))
    yield Measured("accuracy", 0.9, "test", 1, 2, final=True)
    yield Finished(output, "transformers:BertForTokenClassification", 1.0, 2.0, "by hand", ("long", "short"), {})


def tagged(name: str, rows: int, longer: int = 0, *, wrong: float = 0.1, labels: bool = True, split: str = "") -> str:
    """Texts of one to seven words, each word with a tag by its length but for a share of them."""
    draw = np.random.default_rng(len(name) + rows)
    lines = ["text" + (",label" if labels else "") + (",split" if split else "")]
    for n in range(rows):
        lengths = draw.integers(1, 40, draw.integers(1, 8)) + longer
        tags = ["long" if (size > 20) != (draw.random() < wrong) else "short" for size in lengths]
        text = " ".join(chr(97 + n % 26) * int(size) for size in lengths)
        label = f",{' '.join(tags)}" if labels else ""
        lines.append(f"{text}{label}" + (f",{split.split()[n % len(split.split())]}" if split else ""))
    return "\n".join(lines) + "\n"


def _lengths(rows: list[Row]) -> np.ndarray:
    return np.array([(len((row.text or "").split()[-1]) - 20.5) / 10 for row in rows])


def table(name: str, rows: int, longer: int = 0, *, wrong: float = 0.1, labels: bool = True, split: str = "") -> str:
    """Texts of 1 to 40 letters, or `longer` ones, labelled by their length but for a share of them."""
    draw = np.random.default_rng(len(name))
    lengths, errs = draw.integers(1, 41, rows) + longer, draw.random(rows) < wrong
    lines = ["text" + (",label" if labels else "") + (",split" if split else "")]
    for n, (length, err) in enumerate(zip(lengths.tolist(), errs.tolist(), strict=True)):
        label = f",{'long' if (length > 20) != err else 'short'}" if labels else ""
        lines.append(
            f"{name} {n} {'x' * length}{label}" + (f",{split.split()[n % len(split.split())]}" if split else "")
        )
    return "\n".join(lines) + "\n"


@pytest.fixture(scope="package")
def adapter() -> Lengths:
    return Lengths()


@pytest.fixture(scope="package")
def context(_migrated_file: Path, tmp_path_factory: pytest.TempPathFactory, adapter: Lengths) -> Iterator[Context]:
    folder = tmp_path_factory.mktemp("drift")
    (folder / "home").mkdir()
    shutil.copy(_migrated_file, folder / "home" / "registry.db")
    clock, plugins = FakeClock(), FakePlugins(fake_adapter=adapter, fake_engine=FakeEngine())
    with open_database(default_url(folder / "home")) as database:
        found = open_context(database.factory(clock), clock, folder / "home", role="admin", plugins=plugins)
        plugins.fake_engine.work = lambda step_id: run_step(found, step_id)
        add_data(found, folder, table("past", 900, split="train test validation"), "past")
        add_data(found, folder, table("present", 300), "present")
        add_data(found, folder, table("grown", 300, 15), "grown")
        add_data(found, folder, table("bare", 300, 12, labels=False), "bare", LabelKind.NONE)
        add_data(found, folder, table("worse", 300, wrong=0.4), "worse")
        add_data(found, folder, table("few", 20), "few")
        add_model(found, folder, "strong")
        Transfers(found).submit(RECIPE)
        add_data(found, folder, tagged("words", 900, split="train test validation"), "words", LabelKind.TAGS)
        add_data(found, folder, tagged("same", 300), "same", LabelKind.TAGS)
        add_data(found, folder, tagged("larger", 300, 15), "larger", LabelKind.TAGS)
        add_data(found, folder, tagged("errs", 300, wrong=0.4), "errs", LabelKind.TAGS)
        add_data(found, folder, tagged("naked", 300, 15, labels=False), "naked", LabelKind.NONE)
        Transfers(found).submit(RECIPE.replace("text/lengths", "text/words").replace("data/past", "data/words"))
        yield found
