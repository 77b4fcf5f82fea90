"""A fake transfer adapter that writes predictions for its test rows, with a given accuracy for each method."""

from __future__ import annotations

import json
import random
from collections.abc import Callable, Iterator
from dataclasses import dataclass, field

from registry.domain.catalog.models import Modality
from registry.domain.comparison.validity import CHECK
from registry.domain.recipes.recipe import Method
from registry.errors import DivergedError
from registry.ports.transfers import (
    AdapterOffer,
    Advanced,
    DataInput,
    Finished,
    Measured,
    Started,
    TransferEvent,
    TransferJob,
)
from tests.fakes.plugins import FakeAdapter

METHODS = frozenset({Method.FEATURE_EXTRACTION, Method.FINE_TUNING, Method.PRETRAINING})
OFFER = AdapterOffer("transformers", frozenset({Modality.TEXT}), METHODS, frozenset({"accuracy", "macro_f1"}))
SHARES = {Method.FEATURE_EXTRACTION: 0.7, Method.FINE_TUNING: 0.9, Method.PRETRAINING: 0.6}


@dataclass
class PredictingAdapter(FakeAdapter):
    """Predicts `shares[method]` of the rows correctly, other rows for each seed; 0.001 is the best learning rate.

    `before` is called before each run.
    """

    offer: AdapterOffer = OFFER
    shares: dict[Method, float] = field(default_factory=lambda: dict(SHARES))
    diverges: frozenset[float] = frozenset()
    weights: bytes = b"weights of a pupil"
    constant: frozenset[Method] = frozenset()
    """Methods whose model predicts the class good for every row."""
    checks: dict[Method, dict[str, object]] = field(default_factory=dict)
    """By method, what is found on the training rows; nothing for the others."""
    before: Callable[[TransferJob], object] = lambda job: None

    def run(self, job: TransferJob) -> Iterator[TransferEvent]:
        self.jobs.append(job)
        self.before(job)
        recipe = job.recipe
        yield Started("cpu", "fp32", {"cpu": "test"}, {"pupil": "1"}, steps=2, epochs=1, trainable=3, parameters=9)
        yield Advanced(1, 0.5, "train", 0.7, 8)
        if recipe.optimizer.lr in self.diverges and recipe.method is Method.PRETRAINING:
            raise DivergedError("the loss is no longer a number")
        if "validation" in job.data:
            yield Measured("accuracy", 0.7 - abs(recipe.optimizer.lr - 1e-3), "validation", 1, 2, final=True)
        output = job.work / "output"
        output.mkdir(exist_ok=True)
        (output / "model.safetensors").write_bytes(self.weights)
        if "test" in job.data:
            yield Measured("accuracy", 0.5, "test", 1, 2, final=True)
            (output / "predictions.json").write_text(json.dumps(self.answers(job, job.data["test"])))
        found = self.checks.get(recipe.method)
        facts = {CHECK: {"train": found}} if found else {}
        kind = "transformers:BertForSequenceClassification"
        yield Finished(output, kind, 1.0, 2.0, "by hand", ("bad", "good"), facts)

    def answers(self, job: TransferJob, test: DataInput) -> dict[str, object]:
        """`predictions.json`, in the format that every adapter writes."""
        rows = test.chosen
        wrong = random.Random(job.recipe.seed + len(job.recipe.method)).sample(
            range(len(rows)), round(len(rows) * (1 - self.shares[job.recipe.method]))
        )
        other = {"good": "bad", "bad": "good"}
        predictions = [
            {"key": row.key, "label": row.label, "prediction": other[str(row.label)] if n in wrong else row.label}
            for n, row in enumerate(rows)
        ]
        if job.recipe.method in self.constant:
            predictions = [{**row, "prediction": "good"} for row in predictions]
        return {
            "schema": "forebear/predictions/v1",
            "role": "test",
            "data": str(test.digest),
            "split": test.split,
            "rows": predictions,
        }
