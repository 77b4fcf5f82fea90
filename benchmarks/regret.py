"""How much accuracy the first of `forebear recommend` costs against the best there was, beside simpler rules.

Candidates are real encoders and decoys of equal size (`benchmarks.material.decoys`); targets are twelve small tasks of
pictures and texts. Each model's features come from the product's own frozen pass. On 100 labelled rows, drawn anew for
each of five seeds, the models are scored and ordered as `recommend` does it. What a model is worth is what logistic
regression of scikit-learn on its features of the same 100 rows gets right on other rows; fine-tuning is not measured.
The rules beside it: most parameters first, the mean rank on the other targets (which knows how all models fared there),
and chance. Run it as `python -m benchmarks.regret`; `--check` exits 1 when an interval against size or history does not
exclude zero.
"""

from __future__ import annotations

import argparse
import sys
import tempfile
import warnings
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray
from sklearn.linear_model import LogisticRegression
from sklearn.preprocessing import StandardScaler

from benchmarks.material.decoys import bring_pictures, bring_texts
from benchmarks.material.methods import Rows, digits, mnist, news, ratings, written
from benchmarks.registries import new_registry
from registry.domain.data.datasets import LabelKind
from registry.domain.names import Name, Reference
from registry.domain.selection.agreement import recall, regret, weighted_tau
from registry.domain.selection.ordering import mean_ranks, ordered, ranks
from registry.domain.selection.report import HEADLINE
from registry.domain.verbs.data import AddDataset
from registry.domain.verbs.registry import Registry
from registry.domain.verbs.selection import Recommend
from registry.ports.scoring import Sample
from registry.services.context import Context
from registry.services.selection.candidates import candidates
from registry.services.selection.condition import constant
from registry.services.selection.measuring import features_of, score
from registry.services.selection.reading import dataset_of, rows_of
from registry.services.selection.sampling import targets_of

SEEN, SEEDS, DRAWS = 100, 5, 2_000
"""Labelled rows, draws of them, and bootstrap draws of targets."""
MOST = 400
"""Rows of a target."""
RULES = ("scores", "size", "history", "chance")
Array = NDArray[np.float64]


@dataclass(frozen=True, slots=True)
class Target:
    """One task: by candidate its size, and by seed what the scores hope and what it is worth."""

    name: str
    sizes: Sequence[int]
    hoped: Sequence[Sequence[float]]
    worth: Sequence[Sequence[float]]


def _part(rows: Rows, truth: Sequence[object], seen: Sequence[Any] | np.ndarray | None = None) -> Rows:
    """The first rows with other classes."""
    shown: Any = rows.seen if seen is None else seen
    return Rows(LabelKind.CLASS, shown[:MOST], [str(one) for one in truth[:MOST]], ["train"] * min(MOST, len(shown)))


def _mixed(rows: Rows) -> Rows:
    """The rows in a random order, since they come by class."""
    order = np.random.default_rng(0).permutation(len(rows.seen))
    shown = rows.seen[order] if isinstance(rows.seen, np.ndarray) else [rows.seen[n] for n in order]
    return Rows(rows.kind, shown, [rows.truth[n] for n in order], rows.split)


def pictures(_: Path) -> Mapping[str, Rows]:
    """Eight tasks over scikit-learn's digits and MNIST."""
    small, large = _mixed(digits()), _mixed(mnist())
    plain = np.asarray(large.seen[:MOST])
    turned = np.array([np.rot90(one, n % 4) for n, one in enumerate(plain)])
    halves = np.array([np.where(np.arange(28)[:, None] < 14, one, 0) for one in plain])
    noise = np.random.default_rng(1).integers(0, 128, plain.shape).astype(np.uint8)
    return {
        "digits": _part(small, small.truth),
        "digits, odd or even": _part(small, [int(one) % 2 for one in small.truth]),
        "digits, with a loop": _part(small, [int(one) in {0, 6, 8, 9} for one in small.truth]),
        "MNIST": _part(large, large.truth),
        "MNIST, five and more": _part(large, [int(one) > 4 for one in large.truth]),
        "MNIST, which way up": _part(large, [n % 4 for n in range(MOST)], turned),
        "MNIST, upper half": _part(large, large.truth, halves),
        "MNIST, in noise": _part(large, large.truth, np.maximum(plain, noise)),
    }


def texts(folder: Path) -> Mapping[str, Rows]:
    """Four tasks over BBC articles and sentences of film reviews."""
    articles, reviews = _mixed(news(folder)), _mixed(ratings(folder))
    return {
        "news": _part(articles, articles.truth),
        "news, five words": _part(articles, articles.truth, [" ".join(str(one).split()[:5]) for one in articles.seen]),
        "news, money or not": _part(articles, [one in {"business", "politics"} for one in articles.truth]),
        "reviews, good or bad": _part(reviews, [float(one) > 0 for one in reviews.truth]),
    }


KINDS: Mapping[str, tuple[Callable[..., list[str]], Callable[[Path], Mapping[str, Rows]]]] = {
    "pictures": (bring_pictures, pictures),
    "texts": (bring_texts, texts),
}


def measured(registry: Registry, context: Context, folder: Path, name: str, rows: Rows, number: int) -> Target:
    """Every candidate on one task."""
    file = written(rows, folder / f"target-{number}")
    data = Name("data", f"target-{number}")
    registry.datasets.add(AddDataset(data, str(file), licence="mit", labels=rows.kind))
    reference = Reference.parse(f"datasets:/{data}/1")
    detail = dataset_of(context, reference)
    eligible, left = candidates(context, detail, Recommend(reference))
    if left:
        raise SystemExit(f"Left out: {left}")
    laid = rows_of(context, detail, "train", folder / f"rows-{number}")
    every = sorted(laid.chosen, key=lambda row: row.key)
    answers = targets_of(every, laid.labels)
    labels = np.array([row.label for row in every])
    draws = [np.random.default_rng(seed).permutation(len(every)) for seed in range(SEEDS)]
    sizes = list[int]()
    scores: list[list[Mapping[str, float]]] = [[] for _ in draws]
    flags: list[list[str]] = [[] for _ in draws]
    worth: list[list[float]] = [[] for _ in draws]
    for place, one in enumerate(eligible):
        work = folder / f"work-{number}-{place}"
        work.mkdir()
        features, _, size, flag = features_of(context, one, laid, work)
        sizes.append(size)
        for seed, draw in enumerate(draws):
            learnt, tested = draw[:SEEN], draw[SEEN:]
            found = score(context, Sample(features[learnt], answers[learnt], laid.labels, seed))
            scores[seed].append({key: value.value for key, value in found.items() if not key.startswith("_")})
            flags[seed].append(flag or constant(features[learnt]))
            worth[seed].append(_accuracy(features, labels, learnt, tested))
    return Target(name, sizes, [_hoped(*one) for one in zip(scores, flags, strict=True)], worth)


def _hoped(scores: Sequence[Mapping[str, float]], flags: Sequence[str]) -> list[float]:
    """Minus the place of each model in the order of `recommend`."""
    names = dict.fromkeys(name for one in scores for name in one)
    means = mean_ranks({name: [one.get(name) for one in scores] for name in names})
    order = ordered(means, [one[HEADLINE] for one in scores], {n for n, flag in enumerate(flags) if flag})
    hoped = [0.0] * len(order)
    for place, number in enumerate(order):
        hoped[number] = -float(place)
    return hoped


def _accuracy(
    features: NDArray[np.float32], labels: NDArray[np.str_], learnt: NDArray[np.int64], tested: NDArray[np.int64]
) -> float:
    """What logistic regression on the standardised features gets right of rows that it has not seen."""
    scale = StandardScaler().fit(features[learnt])
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        model = LogisticRegression(max_iter=300).fit(scale.transform(features[learnt]), labels[learnt])
    return float(np.mean(model.predict(scale.transform(features[tested])) == labels[tested]))


def judged(targets: Sequence[Target]) -> dict[str, tuple[Array, Array, Array]]:
    """By rule, for each target the mean over seeds of regret@1, recall@3 and weighted tau."""
    places = [np.mean([_places(one) for one in target.worth], axis=0) for target in targets]
    found: dict[str, tuple[Array, Array, Array]] = {}
    for rule in RULES:
        rows = []
        for number, target in enumerate(targets):
            others = [one for place, one in enumerate(places) if place != number]
            fixed = {
                "size": [float(one) for one in target.sizes],
                "history": (-np.mean(others, axis=0)).tolist(),
                "chance": [0.0] * len(target.sizes),
            }
            seeds = [
                (regret(hope, worth), recall(hope, worth), weighted_tau(hope, worth) or 0.0)
                for hope, worth in zip(
                    target.hoped if rule == "scores" else [fixed[rule]] * SEEDS, target.worth, strict=True
                )
            ]
            rows.append(np.mean(seeds, axis=0))
        table = np.array(rows)
        found[rule] = (table[:, 0], table[:, 1], table[:, 2])
    return found


def _places(worth: Sequence[float]) -> list[float]:
    return [float(one) for one in ranks(list(worth)) if one is not None]


def interval(values: Array) -> tuple[float, float, float]:
    """The mean over targets, and its 95 % interval by bootstrap over targets."""
    draw = np.random.default_rng(0)
    means = values[draw.integers(0, len(values), (DRAWS, len(values)))].mean(axis=1)
    low, high = np.quantile(means, (0.025, 0.975))
    return float(values.mean()), float(low), float(high)


def main() -> int:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--only", choices=[*KINDS], help="targets of one kind only")
    parser.add_argument("--check", action="store_true", help="exit 1 when a bar is missed")
    given = parser.parse_args()
    by_rule: dict[str, list[tuple[Array, Array, Array]]] = {rule: [] for rule in RULES}
    for kind in [given.only] if given.only else KINDS:
        bring, tasks = KINDS[kind]
        with tempfile.TemporaryDirectory() as made:
            folder = Path(made)
            registry, context = new_registry(folder)
            names = bring(registry.catalog, folder)
            targets = [
                measured(registry, context, folder, name, rows, number)
                for number, (name, rows) in enumerate(tasks(folder).items())
            ]
        print(f"{kind}: {len(names)} models ({', '.join(sorted(names))})")
        found = judged(targets)
        for rule in RULES:
            by_rule[rule].append(found[rule])
        print(f"  {'target':<22} {'best':>6} " + " ".join(f"{rule:>8}" for rule in RULES))
        for number, target in enumerate(targets):
            best = float(np.mean([max(one) for one in target.worth]))
            lost = " ".join(f"{100 * found[rule][0][number]:>8.1f}" for rule in RULES)
            print(f"  {target.name:<22} {100 * best:>6.1f} {lost}")
    table = {rule: [np.concatenate(one) for one in zip(*parts, strict=True)] for rule, parts in by_rule.items()}
    print(f"{'rule':<9} {'regret@1, points':>24} {'recall@3':>9} {'weighted tau':>13}")
    for rule, (missing, hit, tau) in table.items():
        mean, low, high = interval(100 * missing)
        print(f"{rule:<9} {mean:>8.1f} ({low:>5.1f} to {high:>5.1f}) {np.mean(hit):>9.2f} {np.mean(tau):>13.2f}")
    missed = False
    for rule in ("size", "history"):
        mean, low, high = interval(100 * (table[rule][0] - table["scores"][0]))
        missed |= low <= 0
        said = "excludes zero" if low > 0 else "does not exclude zero"
        print(f"{rule} loses {mean:.1f} points ({low:.1f} to {high:.1f}) more than the scores: the interval {said}")
    return int(missed and given.check)


if __name__ == "__main__":
    sys.exit(main())
