"""Which defaults are right: every choice on real data with five draws of the rows, and what it loses to the best.

Each part compares the options of one default on several data sets. A draw takes rows to learn from and other rows to
test on; all options of a draw see the same rows, and no option sees the test rows. `regret` is the best accuracy of the
part's options on a draw less that of the option, averaged over sets; its interval is Student's t over the five draws.

- `features`: where a text encoder's features are taken, under a logistic head;
- `probe`: how a linear head on frozen features is found;
- `tuning`: how long a text encoder is fine-tuned;
- `rates`: at which rate of its backbone;
- `augmentation`: whether pictures are cropped and mirrored while a backbone is fine-tuned.

The first two take seconds once features are computed; each run of the others takes a minute. What was measured is
written to the folder of `--keep` at once, and is not measured again. `python -m benchmarks.defaults [PART …]`.
"""

from __future__ import annotations

import argparse
import csv
import json
import sys
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from functools import cached_property
from pathlib import Path

import numpy as np
import torch
import torch.nn.functional as F  # noqa: N812 -- its name in the field
from rich.console import Console
from rich.table import Table
from torch import nn

from adapters.loop.tasks.tasks import SingleLabel
from adapters.loop.techniques.probe import Standard
from adapters.loop.techniques.solving import logistic, ridge
from adapters.loop.training.order import epoch_order
from adapters.loop.training.schedule import rate
from benchmarks.material.methods import SOURCES, digits, mnist
from benchmarks.registries import new_registry, run_here
from examples.demo.material import prepare_news
from examples.demo.task_material import ratings_csv
from registry.domain.comparison.statistics.student import t_quantile
from registry.domain.names import Name, Reference
from registry.domain.verbs.catalog import ImportModel
from registry.domain.verbs.data import AddDataset
from registry.services.recipes.defaults import PROBE

DRAWS = 5
"""Unless `--draws` says otherwise."""
TESTED = 500
"""Test rows of a draw."""
TUNED_ON, CHOSEN_ON = 200, 50
"""Rows to learn from and rows to choose the epoch on, in the parts that fine-tune."""


@dataclass(frozen=True)
class Pool:
    """Real rows and their classes."""

    seen: Sequence[str] | np.ndarray
    truth: np.ndarray

    def draw(self, seed: int, learnt: int) -> tuple[np.ndarray, np.ndarray]:
        """Indexes of rows to learn from and of rows to test on."""
        order = np.random.default_rng(seed).permutation(len(self.truth))
        return np.sort(order[:learnt]), np.sort(order[learnt : learnt + TESTED])


def news(folder: Path) -> Pool:
    """The first 25 words of 300 BBC articles of each of five sections."""
    articles = sorted(prepare_news(folder / "articles", each=300).glob("*/*"))
    texts = [" ".join(article.read_text(encoding="utf-8").split()[:25]) for article in articles]
    return Pool(texts, np.array([article.parent.name for article in articles]))


def praise(folder: Path) -> Pool:
    """2,000 sentences of film reviews, and whether people thought them friendly."""
    with ratings_csv(folder, rows=2000).open(newline="", encoding="utf-8") as stream:
        _, *lines = csv.reader(stream)
    return Pool([text for text, _ in lines], np.array(["yes" if float(mean) > 0 else "no" for _, mean in lines]))


def pictures(rows: Callable[[], object]) -> Callable[[Path], Pool]:
    found = rows()
    return lambda _: Pool(found.seen, np.array([str(one) for one in found.truth]))  # type: ignore[attr-defined]


POOLS: Mapping[str, Callable[[Path], Pool]] = {
    "news": news,
    "praise": praise,
    "digits": pictures(digits),
    "mnist": pictures(mnist),
}


@dataclass
class Bench:
    """One registry with what is needed so far, and every value that is known."""

    keep: Path
    draws: int = DRAWS
    pools: dict[str, Pool] = field(default_factory=dict)
    _there: set[str] = field(default_factory=set)

    def __post_init__(self) -> None:
        self.keep.mkdir(parents=True, exist_ok=True)
        self.values: dict[str, float] = {}
        if self._file.is_file():
            self.values = {one["of"]: one["value"] for one in map(json.loads, self._file.read_text().splitlines())}

    @property
    def _file(self) -> Path:
        return self.keep / "values.jsonl"

    @cached_property
    def _opened(self) -> tuple:  # type: ignore[type-arg]
        import tempfile

        return new_registry(Path(tempfile.mkdtemp(dir=self.keep)))

    def value(self, key: str, measure: Callable[[], float]) -> float:
        """The value of `key`, measured unless it was before."""
        if key not in self.values:
            self.values[key] = measure()
            with self._file.open("a") as stream:
                stream.write(json.dumps({"of": key, "value": self.values[key]}) + "\n")
            print(key, f"{self.values[key]:.3f}", file=sys.stderr, flush=True)
        return self.values[key]

    def pool(self, name: str) -> Pool:
        if name not in self.pools:
            import tempfile

            self.pools[name] = POOLS[name](Path(tempfile.mkdtemp(dir=self.keep)))
        return self.pools[name]

    def features(self, source: str, layer: str, data: str) -> np.ndarray:
        """Features of every row of a pool, as the export of feature_extraction gives them; kept in a file."""
        file = self.keep / f"{source}-{layer}-{data}.npy"
        if not file.is_file():
            pool = self.pool(data)
            self.bring(source, data, pool, ["train"] * (len(pool.truth) - 1) + ["test"])  # in the order of the rows
            name = f"{source}-{layer.replace('.', '-')}-{data}"
            run_here(self._opened[1], _export(name, source, layer, data))
            self._opened[0].datasets.pull(Reference.parse(f"datasets:/bench/{name}/1"), self.keep / name)
            (exported,) = (self.keep / name).rglob("features.npz")
            with np.load(exported) as arrays:
                np.save(file, arrays["x"])
        kept: np.ndarray = np.load(file)
        return kept

    def bring(self, source: str, data: str, pool: Pool, splits: Sequence[str]) -> None:
        """Import a library model, and register rows with their splits, unless they are there."""
        if source not in self._there:
            origin, architecture, licence = SOURCES[source]
            self._opened[0].catalog.import_model(
                ImportModel(Name("library", source), origin, architecture, licence=licence)
            )
        if data not in self._there:
            file = _written(pool, splits, self.keep / f"rows-{data}")
            self._opened[0].datasets.add(AddDataset(Name("data", data), str(file), licence="mit"))
        self._there |= {source, data}

    def tuned(self, source: str, data: str, seed: int, body: str) -> float:
        """The test accuracy of a fine-tuning on the draw `seed`."""
        pool, name = self.pool(data), f"{data}-{seed}"
        learnt, tested = pool.draw(seed, TUNED_ON + CHOSEN_ON)
        rows = np.concatenate([learnt, tested])
        held = set(np.random.default_rng(seed).permutation(learnt)[:CHOSEN_ON].tolist())
        splits = ["validation" if row in held else "train" for row in learnt.tolist()] + ["test"] * len(tested)
        seen = [pool.seen[row] for row in rows] if isinstance(pool.seen, list) else np.asarray(pool.seen)[rows]
        self.bring(source, name, Pool(seen, pool.truth[rows]), splits)
        done = run_here(
            self._opened[1],
            "schema: forebear/recipe/v1\noutput: bench/tuned\nmethod: fine_tuning\n"
            f"source: models:/library/{source}/1\ndata: {{train: datasets:/data/{name}/1}}\n"
            f"seed: {seed}\nmetrics: [accuracy]\n{body}",
        )
        return next(one.value for one in done.measured if (one.name, one.role) == ("accuracy", "test"))


def _export(name: str, source: str, layer: str, data: str) -> str:
    size = "max_length: 48\n" if source == "minilm-l6" else "image_size: 64\n"
    return (
        f"schema: forebear/recipe/v1\noutput: bench/{name}\nmethod: feature_extraction\n"
        f"source: models:/library/{source}/1\n"
        f"data: {{train: datasets:/data/{data}/1, test: datasets:/data/{data}/1}}\n{size}"
        f"params: {{export: npz, layer: {layer}}}\n"
    )


def _written(pool: Pool, splits: Sequence[str], stem: Path) -> Path:
    if isinstance(pool.seen, np.ndarray):
        np.savez(stem, x=pool.seen, y=pool.truth, split=np.array(splits))
        return stem.with_suffix(".npz")
    with stem.with_suffix(".csv").open("w", newline="", encoding="utf-8") as stream:
        table = csv.writer(stream)
        table.writerow(["text", "label", "split"])
        table.writerows(zip(pool.seen, pool.truth, splits, strict=True))
    return stem.with_suffix(".csv")


# --- parts ---------------------------------------------------------------------------------------------------------

Solver = Callable[[np.ndarray, SingleLabel, np.ndarray, int], tuple[np.ndarray, np.ndarray]]


def trained(x: np.ndarray, task: SingleLabel, y: np.ndarray, seed: int) -> tuple[np.ndarray, np.ndarray]:
    """A random linear head under AdamW, as `head: linear` is trained by default."""
    torch.manual_seed(seed)
    head, rates = nn.Linear(x.shape[1], task.outputs), PROBE.rates["adamw"]
    optimizer = torch.optim.AdamW(head.parameters(), weight_decay=rates.weight_decay)
    rows, truth = torch.from_numpy(x), torch.from_numpy(y)
    batches = [
        b for epoch in range(PROBE.epochs) for b in epoch_order(len(x), PROBE.batch_size, seed=seed, epoch=epoch)
    ]
    factor = rate(PROBE.schedule, len(batches))
    for step, batch in enumerate(batches):
        for group in optimizer.param_groups:
            group["lr"] = rates.lr * factor(step)
        optimizer.zero_grad()
        F.cross_entropy(head(rows[batch]), truth[batch]).backward()
        optimizer.step()
    return head.weight.detach().numpy(), head.bias.detach().numpy()


def _logistic(penalty: float | None) -> Solver:
    def solve(x: np.ndarray, task: SingleLabel, y: np.ndarray, _: int) -> tuple[np.ndarray, np.ndarray]:
        found = logistic(x, task, y, penalty=penalty)
        return found.weight, found.bias

    return solve


def _ridge(x: np.ndarray, task: SingleLabel, y: np.ndarray, _: int) -> tuple[np.ndarray, np.ndarray]:
    found = ridge(x, task, y)
    return found.weight, found.bias


SOLVERS: Mapping[str, Solver] = {
    "linear: 30 epochs of AdamW": trained,
    "ridge: penalty by leave-one-out": _ridge,
    "logistic: penalty by cross-validation": _logistic(None),
    "logistic: penalty 1 (scikit-learn's)": _logistic(1.0),
    "logistic: penalty 100": _logistic(100.0),
}


def solved(x: np.ndarray, pool: Pool, seed: int, learnt: int, solve: Solver) -> float:
    """The test accuracy of a linear head on one draw of features."""
    names, y = np.unique(pool.truth, return_inverse=True)
    rows, tested = pool.draw(seed, learnt)
    standard = Standard.of(x[rows])
    weight, bias = solve(standard.apply(x[rows]).numpy(), SingleLabel(tuple(map(str, names))), y[rows], seed)
    return float(np.mean((standard.apply(x[tested]).numpy() @ weight.T + bias).argmax(axis=1) == y[tested]))


Cell = tuple[str, str, int, float]
"""Option, set, draw and accuracy."""
LAYERS = {"last: the pooler": "last", "the last block, mean of tokens": "encoder.layer.5", "mean of all blocks": "mean"}


def features(bench: Bench) -> Iterator[Cell]:
    for data in ("news", "praise"):
        for learnt in (100, 300):
            for option, layer in LAYERS.items():
                for seed in range(bench.draws):
                    value = bench.value(
                        f"features/{data}/{learnt}/{layer}/{seed}",
                        lambda s=seed, n=learnt, at=layer, d=data: solved(  # type: ignore[misc]
                            bench.features("minilm-l6", at, d), bench.pool(d), s, n, _logistic(None)
                        ),
                    )
                    yield option, f"{data}, {learnt} rows", seed, value


PROBED = (
    ("minilm-l6", "mean", "news"),
    ("minilm-l6", "mean", "praise"),
    ("lite0", "last", "mnist"),
    ("squeezenet", "last", "mnist"),
    ("lite0", "last", "digits"),
)


def probe(bench: Bench) -> Iterator[Cell]:
    for source, layer, data in PROBED:
        for learnt in (50, 300, 1000):
            for option, solve in SOLVERS.items():
                for seed in range(bench.draws):
                    value = bench.value(
                        f"probe/{source}/{data}/{learnt}/{option}/{seed}",
                        lambda s=seed, n=learnt, how=solve, at=(source, layer, data): solved(  # type: ignore[misc]
                            bench.features(*at), bench.pool(at[2]), s, n, how
                        ),
                    )
                    yield option, f"{source} → {data}, {learnt} rows", seed, value


def _epochs(steps: int, batch: int) -> int:
    return -(-steps // -(-TUNED_ON // batch))


RATES = {
    f"150 steps, {backbone}": f"max_length: 32\nepochs: {_epochs(150, 16)}\noptimizer: {{lr: {head}}}\n"
    "params: {patience: 0}\n"
    for backbone, head in (("2e-5", "2e-4"), ("5e-5", "5e-4"), ("1e-4", "1e-3"))
}
TUNINGS = {
    "3 epochs, 5e-5": "max_length: 32\nepochs: 3\noptimizer: {lr: 5e-4}\nparams: {patience: 0}\n",
    "150 steps, 5e-5": RATES["150 steps, 5e-5"],
}
AUGMENTED = {name: f"image_size: 32\nepochs: 10\nparams: {{augment: {name}}}\n" for name in ("none", "light")}


def _by_tuning(
    options: Mapping[str, str], source: str, sets: Sequence[str], part: str
) -> Callable[[Bench], Iterator[Cell]]:
    def cells(bench: Bench) -> Iterator[Cell]:
        for seed in range(bench.draws):
            for data in sets:
                for option, body in options.items():
                    value = bench.value(
                        f"{part}/{data}/{option}/{seed}",
                        lambda d=data, s=seed, b=body: bench.tuned(source, d, s, b),  # type: ignore[misc]
                    )
                    yield option, f"{data}, {TUNED_ON} rows", seed, value

    return cells


PARTS: Mapping[str, Callable[[Bench], Iterator[Cell]]] = {
    "features": features,
    "probe": probe,
    "tuning": _by_tuning(TUNINGS, "minilm-l6", ("praise", "news"), "tuning"),
    "rates": _by_tuning(RATES, "minilm-l6", ("praise", "news"), "tuning"),
    "augmentation": _by_tuning(AUGMENTED, "lite0", ("digits", "mnist"), "augmentation"),
}


# --- tables --------------------------------------------------------------------------------------------------------


def table(part: str, cells: Sequence[Cell], draws: int) -> Table:
    """Accuracy of each option on each set, and its regret with a 95 % interval over the draws."""
    sets = list(dict.fromkeys(name for _, name, _, _ in cells))
    found = {(option, name, seed): value for option, name, seed, value in cells}
    options = list(dict.fromkeys(option for option, _, _, _ in cells))
    shown = Table(title=f"{part}: accuracy on {TESTED} test rows, mean of {draws} draws; regret in points")
    for column in (part, *sets, "regret (95 %)"):
        shown.add_column(column)
    for option in options:
        regrets = [
            np.mean([max(found[o, name, seed] for o in options) - found[option, name, seed] for name in sets])
            for seed in range(draws)
        ]
        half = t_quantile(0.975, draws - 1) * float(np.std(regrets, ddof=1)) / draws**0.5
        means = [f"{np.mean([found[option, name, seed] for seed in range(draws)]):.3f}" for name in sets]
        shown.add_row(option, *means, f"{100 * np.mean(regrets):.1f} ± {100 * half:.1f}")
    return shown


def main() -> int:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("parts", nargs="*", default=list(PARTS), help=", ".join(PARTS))
    parser.add_argument("--keep", type=Path, default=Path("build/defaults"), help="where values and features are kept")
    parser.add_argument("--draws", type=int, default=DRAWS, help="draws of the rows, 2 or more")
    given = parser.parse_args()
    torch.set_num_threads(1)
    bench = Bench(given.keep, given.draws)
    for part in given.parts:
        if part not in PARTS:
            raise SystemExit(f"there is no part {part!r}: choose among {', '.join(PARTS)}")
        Console(width=max(200, Console().width)).print(table(part, list(PARTS[part](bench)), given.draws))
    return 0


if __name__ == "__main__":
    sys.exit(main())
