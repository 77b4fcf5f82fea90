"""What a step runs beside its recipe, so that one can tell whether starting from the source was worth it.

Every arm learns from the same training rows, chooses on the same validation rows and answers the same test rows:

- `transfer`: the recipe, with further seeds beside its own;
- `scratch`: the same architecture, head, epochs and batch size from random weights, at the learning rate of a small
  grid that is best on the validation rows;
- `probe`: a linear head on the frozen source, with the defaults of feature_extraction;
- `production`: the version that the alias `production` of the output named when the step was submitted, as it is;
- `constant`: the commonest answer of the training rows;
- `classical`: a linear model on the raw rows (TF-IDF, pixels), which needs no source and no seed.

An arm works in `work/arms/NAME`, and only its answers stay: they are written beside it when it has ended, so that a
worker that was killed does not do it again.
"""

from __future__ import annotations

import json
import shutil
from collections import Counter
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field, replace
from pathlib import Path
from statistics import fmean, median
from typing import Any

from registry.domain.codec import to_json
from registry.domain.comparison.answers import SAME_AS, ArmAnswers, Arms, TestRows
from registry.domain.comparison.validity import CHECK, with_faults
from registry.domain.comparison.verdict import ArmKind
from registry.domain.data.datasets import LabelKind, Row
from registry.domain.manifests import canonical_json
from registry.domain.recipes.recipe import Method, Recipe
from registry.domain.transfers.metrics import LESS_IS_BETTER
from registry.errors import AdapterError, BadDataError, BadRecipeError, DivergedError, MisfitError, RegistryError
from registry.files import write_whole
from registry.ports.classical import ClassicalLearner
from registry.ports.transfers import (
    Advanced,
    DataInput,
    Determinism,
    Finished,
    Measured,
    ModelInput,
    Saved,
    Started,
    TransferAdapter,
    TransferEvent,
    TransferJob,
)
from registry.services.comparison.arm_recipes import LEARNING, RATES, Plan, as_it_is, from_scratch, linear_probe

MARGIN = 0.01
"""How much worse than the linear probe is no worse: a point of accuracy, or a hundredth of the numbers' deviation."""
PREDICTIONS = "predictions.json"
"""What every adapter writes beside the model: its answer to each test row."""


@dataclass(slots=True)
class Baselines:
    """The arms of one step, run after its own job has ended. `collect` gives their answers once `run` is through."""

    adapter: TransferAdapter
    job: TransferJob
    plan: Plan
    production: ModelInput | None = None
    skipped: dict[str, str] = field(default_factory=dict)
    classical: Callable[[], ClassicalLearner] | None = None
    """Finds the classical model, which may not be installed; None: it is not asked for."""

    @property
    def folder(self) -> Path:
        """Where arms work, and where what they answered stays until the step has ended."""
        return self.job.work / "arms"

    def run(self, own: Finished) -> Iterator[TransferEvent]:
        """Run every arm that has not ended yet; `own` is what the step's own job made.

        Gives Advanced and Saved alone: what else an arm tells is not about the step.
        """
        self.folder.mkdir(exist_ok=True)
        self._note("transfer", self.plan.seeds[0], read_answers(own.folder, self._test), _checked(own))
        train = self._data()["train"]
        for seed in self.plan.seeds[1:]:
            yield from self._arm("transfer", replace(self.job.recipe, seed=seed), self.job.sources, self.job.data)
        yield from self._scratch(train)
        yield from self._probe(train)
        yield from self._in_production()
        self._note("constant", 0, usual_answers(train, self._test, self.job.recipe.metrics), {})
        self._classical(train)

    def collect(self, step_id: str) -> Arms:
        """What all arms answered."""
        ended = {path.stem: json.loads(path.read_bytes()) for path in sorted(self.folder.glob("*.json"))}
        found = [
            ArmAnswers(kind, record["seed"], tuple(record["answers"]), record["facts"])
            for kind in ArmKind
            for record in sorted(ended.values(), key=lambda record: int(record["seed"]))
            if record["arm"] == kind and record["answers"] is not None
        ]
        test = self._test
        rows = TestRows(
            test.digest,
            test.split,
            test.labels,
            tuple(row.key for row in test.chosen),
            tuple(row.label or "" for row in test.chosen),
            groups_of(test.chosen),
        )
        metrics, published = self.job.recipe.metrics, self.plan.seeds[0]
        return with_faults(
            Arms(step_id, rows, metrics, MARGIN, tuple(found), dict(self.skipped), published, self.plan.looks)
        )

    @property
    def _test(self) -> DataInput:
        return self.job.data["test"]

    def _data(self) -> dict[str, DataInput]:
        learns = next(role for role in LEARNING if role in self.job.data)
        given = self.job.data
        return {"train": given[learns], **{role: given[role] for role in ("validation", "test") if role in given}}

    def _scratch(self, train: DataInput) -> Iterator[TransferEvent]:
        """From scratch at each rate without test data, then at the best one with it."""
        rates, own = RATES[self.job.recipe.optimizer.name], self._sources()
        rate, validated = rates[len(rates) // 2], {}
        if "validation" in self.job.data:
            learning = {role: data for role, data in self._data().items() if role != "test"}
            for candidate in rates:
                recipe = from_scratch(self.job.recipe, self.adapter.offer, train, self.plan.seeds[0], candidate)
                blind = replace(recipe, data={role: recipe.data[role] for role in learning})
                yield from self._arm(f"rate-{candidate:g}", blind, own, learning)
                validated[f"{candidate:g}"] = self._ended(f"rate-{candidate:g}", self.plan.seeds[0])["merit"]
            merits = {float(name): float(merit) for name, merit in validated.items() if merit is not None}
            if not merits:
                self.skipped["scratch"] = "from scratch the loss diverged at every learning rate"
                return
            rate = max(merits, key=merits.__getitem__)
        facts = {"learning_rate": rate, "validated": validated}
        for seed in self.plan.seeds:
            recipe = from_scratch(self.job.recipe, self.adapter.offer, train, seed, rate)
            yield from self._arm("scratch", recipe, own, self._data(), facts=facts)

    def _probe(self, train: DataInput) -> Iterator[TransferEvent]:
        if Method.FEATURE_EXTRACTION not in self.adapter.offer.methods:
            self.skipped["probe"] = f"the adapter {self.adapter.offer.name} does no feature_extraction"
            return
        for seed in self.plan.seeds:
            recipe = linear_probe(self.job.recipe, self.adapter.offer, train, seed)
            if recipe == replace(self.job.recipe, seed=seed):  # the transfer is this very probe
                ended = self._ended("transfer", seed)
                self._note("probe", seed, tuple(ended["answers"]), {**ended["facts"], SAME_AS: ArmKind.TRANSFER.value})
                continue
            yield from self._arm("probe", recipe, self._sources(), self._data())

    def _in_production(self) -> Iterator[TransferEvent]:
        """Its own answers to these very rows where its step kept them; else it answers now, and learns nothing."""
        version, seed = self.production, self.job.recipe.seed
        if version is None:
            self.skipped.setdefault("production", "no version is in production")
            return
        facts: dict[str, object] = {"version": version.label, "digest": str(version.digest)}
        try:
            kept = read_answers(version.folder, self._test)
        except RegistryError:
            kept = None
        if kept is not None:
            self._note("production", seed, kept, facts)
            return
        if Method.FINE_TUNING not in self.adapter.offer.methods:
            self.skipped["production"] = f"the adapter {self.adapter.offer.name} cannot run it as it is"
            return
        source = replace(version, role="source")
        try:
            yield from self._arm(
                "production", as_it_is(self.job.recipe, self.adapter.offer), (source,), self._data(), facts=facts
            )
        except (BadDataError, BadRecipeError, MisfitError) as error:
            self.skipped["production"] = f"it cannot answer these rows: {error.message}"

    def _classical(self, train: DataInput) -> None:
        """A model without any source; where it cannot be had or cannot learn this, the record says why."""
        if self.classical is None or self._path("classical", 0).is_file():
            return
        try:
            found = self.classical().answer(train, self._test)
        except RegistryError as error:
            self.skipped["classical"] = error.message
            return
        self._note("classical", 0, found.answers, found.facts)

    def _sources(self) -> tuple[ModelInput, ...]:
        return tuple(source for source in self.job.sources if source.role == "source")

    # --- one arm ---------------------------------------------------------------------------------------------------

    def _arm(
        self,
        name: str,
        recipe: Recipe,
        sources: Sequence[ModelInput],
        data: Mapping[str, DataInput],
        *,
        facts: Mapping[str, object] | None = None,
    ) -> Iterator[TransferEvent]:
        """Run one arm with one seed, unless it has ended before."""
        if self._path(name, recipe.seed).is_file():
            return
        work = self.folder / f"{name}-{recipe.seed}"
        job = replace(
            self.job,
            recipe=recipe,
            sources=tuple(sources),
            data=data,
            work=work,
            determinism=Determinism(recipe.seed, self.job.determinism.threads),
            resume=(work / "checkpoints").is_dir(),
        )
        work.mkdir(exist_ok=True)
        merit: float | None = None
        done: Finished | None = None
        steps = 0
        try:
            for event in self.adapter.run(job):
                match event:
                    case Started():
                        steps = event.steps
                    case Advanced():
                        advanced = _whole(event, steps)
                        phase = f"{name}, seed {recipe.seed}: {event.phase}"
                        yield replace(advanced, phase=phase, epoch=float(self.job.recipe.epochs))
                    case Saved():
                        yield event
                    case Measured(final=True, role="validation") if merit is None:  # the first one chooses
                        merit = -event.value if event.name in LESS_IS_BETTER else event.value
                    case Finished():
                        done = event
                    case _:
                        pass
        except DivergedError:
            if "test" in data:
                raise
            self._note(name, recipe.seed, None, {"diverged": True})
        else:
            if done is None:
                raise AdapterError(f"The adapter {self.adapter.offer.name} ended the arm {name} without a result")
            answers = read_answers(done.folder, data["test"]) if "test" in data else None
            cost = {"device_seconds": done.device_seconds, "flops": float(done.flops)}
            self._note(name, recipe.seed, answers, {**cost, **_checked(done), **(facts or {})}, merit)
        shutil.rmtree(work, ignore_errors=True)

    def _path(self, name: str, seed: int) -> Path:
        return self.folder / f"{name}-{seed}.json"

    def _ended(self, name: str, seed: int) -> dict[str, Any]:
        record: dict[str, Any] = json.loads(self._path(name, seed).read_bytes())
        return record

    def _note(
        self,
        name: str,
        seed: int,
        answers: tuple[object, ...] | None,
        facts: Mapping[str, object],
        merit: float | None = None,
    ) -> None:
        """Write down how an arm ended, whole or not at all."""
        record = {"arm": name, "seed": seed, "answers": answers, "facts": dict(facts), "merit": merit}
        path = self._path(name, seed)
        write_whole(path, canonical_json(to_json(record)))


def _whole(event: Advanced, steps: int) -> Advanced:
    """`event` of a phase of `steps` optimiser steps with the samples in all: the step itself plans another number."""
    if event.total is not None or not event.step:
        return event
    return replace(event, total=round(event.samples * steps / event.step))


def _checked(done: Finished) -> dict[str, object]:
    """What the adapter found when it compared training mode with evaluation mode, if it did."""
    return {CHECK: done.facts[CHECK]} if CHECK in done.facts else {}


def groups_of(rows: Sequence[Row]) -> tuple[str, ...]:
    """The group of each row; nothing where rows have none. A row without one, beside others, is its own."""
    if all(row.group is None for row in rows):
        return ()
    return tuple(f"row {row.key}" if row.group is None else f"group {row.group}" for row in rows)


def read_answers(output: Path, test: DataInput) -> tuple[object, ...]:
    """What the model in the folder `output` answered to each test row, in order of key.

    Raises: AdapterError where there are no answers, or to other rows.
    """
    try:
        answers = json.loads((output / PREDICTIONS).read_bytes())
        rows = {int(row["key"]): row["prediction"] for row in answers["rows"]}
        same = answers["data"] == str(test.digest) and answers["split"] == test.split
    except (OSError, ValueError, KeyError, TypeError) as error:
        raise AdapterError(f"{output.name} holds no answers to test rows: {error}") from error
    keys = [row.key for row in test.chosen]
    if not same or rows.keys() != set(keys):
        raise AdapterError(f"{output.name} holds answers to other rows than {test.label}, split {test.split!r}")
    return tuple(rows[key] for key in keys)


def usual_answers(train: DataInput, test: DataInput, metrics: Sequence[str]) -> tuple[object, ...]:
    """What is right most often, or least wrong, for somebody who never looks (of classes alike, the first by name)."""
    labels = [row.label for row in train.chosen if row.label is not None]
    answer: object
    match train.labels:
        case LabelKind.NUMBER:
            numbers = [float(label) for label in labels]
            answer = median(numbers) if next(iter(metrics), "mae") == "mae" else fmean(numbers)
        case LabelKind.MANY:
            times = Counter(part for label in labels for part in set(label.split("|")) if part)
            answer = sorted(name for name, count in times.items() if 2 * count >= len(labels))
        case LabelKind.TAGS:
            tag = _commonest(tag for label in labels for tag in label.split())
            return tuple([tag] * len((row.label or "").split()) for row in test.chosen)
        case _:
            answer = _commonest(labels)
    return (answer,) * len(test.chosen)


def _commonest(names: Iterable[str]) -> str:
    times = Counter(names)
    return min(times, key=lambda name: (-times[name], name))
