"""A small registry as one would find it: three generations of models, their data, a promotion that waits for votes."""

from __future__ import annotations

import io
import math
from dataclasses import dataclass
from datetime import datetime, timedelta
from pathlib import Path

from lineage import Assurance, Digest, Relation, WeightComparison
from registry import bootstrap
from registry.domain.catalog.models import Describing, MetricValue, Modality
from registry.domain.governance.promotion import RequestDetail
from registry.domain.manifests import FileEntry, Manifest, canonical_json
from registry.domain.names import AssetKind, Name, Reference, VersionRef
from registry.domain.recipes.recipe import Method
from registry.domain.transfers.steps import EpochMetric, MirrorState, StepInput
from registry.errors import PolicyRefusedError
from registry.services.registry import LocalRegistry
from registry.services.storage.catalog import NewVersion
from registry.services.storage.lineage import EdgeEvidence
from registry.services.storage.transfers import NewStep
from registry.services.unit_of_work import UnitOfWork
from registry.settings import Settings
from tests import builders

WEIGHTS = bytes(range(256)) * 40
CARD = """---
license: apache-2.0
library_name: forebear
tags: [vision, transfer]
---
# {title}

{text}

| split | accuracy |
|---|---|
| test | **{accuracy}** |

## Intended use

Sorting photographs by hand-drawn digit. *Not* for decisions about people.

```python
model = load("{title}")
```
"""


@dataclass(frozen=True, slots=True)
class Family:
    """The home and what is in it. `tokens` holds a secret for each person."""

    home: Path
    settings: Settings
    system: LocalRegistry
    tokens: dict[str, str]
    backbone: VersionRef
    child: VersionRef
    grandchild: VersionRef
    request: RequestDetail

    def registry(self, handle: str) -> LocalRegistry:
        """The registry of one person."""
        return bootstrap.open(self.home, settings=self.settings, actor=handle)


def found_family(home: Path) -> Family:
    """Make the home and fill it; every row goes through the unit of work, every byte through the blob store."""
    settings = Settings(home=home, mlflow_uri="off")
    first = bootstrap.init(home, settings=settings, actor="ana")
    assert first.token is not None
    tokens = {"ana": first.token}
    ana = bootstrap.open(home, settings=settings, actor="ana")
    for handle, name, role in (
        ("ben", "Ben Okri", "validator"),
        ("cleo", "Cleo Varga", "risk-owner"),
        ("vic", "Vic Tan", "viewer"),
        ("dev", "Devi Rao", "developer"),
    ):
        ana.people.add(handle, name)
        if ana.people.grant(handle, role).offered:
            bootstrap.open(home, settings=settings, actor="ben").people.confirm(handle, role)
        own = bootstrap.open(home, settings=settings, actor=handle)
        tokens[handle] = own.people.create_token(handle, label="for tests", days=30).secret
    with ana.context.write() as uow:
        writer = _Writer(ana, uow)
        backbone, child, grandchild = writer.everything()
        uow.commit(builders.event(str(grandchild), "model.published", digest=str(builders.digest("x"))))
    dev = bootstrap.open(home, settings=settings, actor="dev")
    for ref, accuracy in ((backbone, 0.72), (child, 0.91), (grandchild, 0.957)):
        text = "A small network that knows handwritten digits. Made by transfer, one generation at a time."
        dev.catalog.revise_card(_exact(ref), CARD.format(title=ref.name.name, text=text, accuracy=accuracy))
    ana.catalog.set_alias(_exact(child), "champion")
    ana.catalog.set_alias(_exact(grandchild), "candidate")
    return Family(home, settings, ana, tokens, backbone, child, grandchild, _ask(dev, grandchild))


def _exact(ref: VersionRef) -> Reference:
    return Reference(ref.kind, ref.name, ref.number)


def _ask(dev: LocalRegistry, ref: VersionRef) -> RequestDetail:
    """Open the first request on the way up that waits for a vote."""
    exact = _exact(ref)
    dev.promotions.add_evidence(exact, "model_card", {}, file=io.BytesIO(b"# card"), file_name="card.md")
    try:
        dev.promotions.request(exact, "candidate", comment="Beats the champion by four points")
    except PolicyRefusedError as error:
        raise AssertionError(error.reasons) from error
    return dev.promotions.request(exact, "validated", comment="Please look at the confusion of 4 and 9")


@dataclass
class _Writer:
    registry: LocalRegistry
    uow: UnitOfWork

    def put_to_the_weights(self, child: VersionRef, parent: VersionRef) -> None:
        """What a comparison of their weights would have left."""
        made = self.uow.catalog.version(child)
        assert made is not None
        said = WeightComparison(
            Relation.FINE_TUNED,
            "Neurons of equal index resemble one another",
            120,
            122,
            3_400_000,
            0.12,
            0.08,
            0.99,
            1e-40,
        )
        evidence = EdgeEvidence(said, self.registry.context.clock.now())
        self.uow.graph.add_comparison(made.step, str(parent), evidence)

    def everything(self) -> tuple[VersionRef, VersionRef, VersionRef]:
        now = self.registry.context.clock.now()
        digits = builders.add_dataset_version(
            self.uow, "vision/digits", at=now - timedelta(days=9), description="Handwritten digits, 8 by 8 pixels"
        )
        reviews = builders.add_dataset_version(
            self.uow, "text/reviews", at=now - timedelta(days=8), description="Film reviews", modality=Modality.TEXT,
            task="text-classification",
        )  # fmt: skip
        for dataset in (digits, reviews):
            builders.store(self.registry.context.blobs, str(dataset), rows=True)
        backbone = self.version(
            "library/lite0", [], Method.IMPORT, now - timedelta(days=8), {}, origin="package:efficientnet-lite0",
            description="EfficientNet-Lite0, trained on ImageNet", tags={"library": "torch", "imagenet": ""},
        )  # fmt: skip
        encoder = self.version(
            "library/minilm", [], Method.IMPORT, now - timedelta(days=8), {}, origin="package:minilm",
            description="MiniLM sentence encoder, six layers", modality=Modality.TEXT, task="feature-extraction",
        )  # fmt: skip
        data = [(digits, "train"), (digits, "test")]
        child = self.version(
            "vision/digits", [backbone], Method.FEATURE_EXTRACTION, now - timedelta(days=5), {"accuracy": 0.91},
            data=data, description="Digits from a frozen backbone", tags={"team": "vision"},
        )  # fmt: skip
        grandchild = self.version(
            "vision/digits", [child], Method.FINE_TUNING, now - timedelta(days=2), {"accuracy": 0.957}, data=data,
        )  # fmt: skip
        self.put_to_the_weights(grandchild, child)
        self.version(
            "text/sentiment", [encoder], Method.FINE_TUNING, now - timedelta(hours=5), {"accuracy": 0.884},
            data=[(reviews, "train"), (reviews, "test")], description="Is a review kind?", modality=Modality.TEXT,
            task="text-classification",
        )  # fmt: skip
        self.version(
            "edge/digits-small", [grandchild], Method.QUANTIZATION, now - timedelta(hours=2), {"accuracy": 0.94},
            data=[(digits, "test")], description="Eight-bit digits for small machines",
        )  # fmt: skip
        return backbone, child, grandchild

    def version(
        self,
        name: str,
        parents: list[VersionRef],
        method: Method,
        at: datetime,
        metrics: dict[str, float],
        *,
        data: list[tuple[VersionRef, str]] | None = None,
        **said: object,
    ) -> VersionRef:
        parsed = Name.parse(name)
        if self.uow.catalog.model(parsed) is None:
            self.uow.catalog.add_model(parsed, self.describing(said), owner="dev", at=at)
        ref = VersionRef(AssetKind.MODELS, parsed, self.uow.catalog.next_number(AssetKind.MODELS, parsed))
        step = self.step(ref, parents, data or [], method, at)
        if metrics:
            self.curve(step.id, metrics, data or [], at)
        self.uow.catalog.add_version(
            NewVersion(
                ref=ref,
                manifest=Manifest.of([self.file("config.json", b"{}"), self.file("weights/model.safetensors",
                                                                                str(ref).encode() + WEIGHTS)]),
                architecture="efficientnet-lite0",
                licence="Apache-2.0",
                stage="registered",
                step_id=step.id,
                created_at=at,
                created_by="dev",
            )
        )  # fmt: skip
        return ref

    def describing(self, said: dict[str, object]) -> Describing:
        return builders.describing(**said)

    def file(self, path: str, content: bytes) -> FileEntry:
        digest, size = self.registry.context.blobs.put(io.BytesIO(content))
        return FileEntry(path, size, digest)

    def step(
        self, ref: VersionRef, parents: list[VersionRef], data: list[tuple[VersionRef, str]], method: Method,
        at: datetime,
    ) -> NewStep:  # fmt: skip
        inputs = [StepInput(one, self.digest(one), "source", None, Assurance.OBSERVED) for one in parents]
        inputs += [StepInput(one, self.digest(one), role, role, Assurance.OBSERVED) for one, role in data]
        made = builders.step(str(ref.name), inputs=inputs, method=method, at=at, by="dev", epochs=8 if parents else 0)
        self.uow.steps.add(made)
        return made

    def digest(self, ref: VersionRef) -> Digest:
        if ref.kind is AssetKind.DATASETS:
            dataset = self.uow.datasets.version(ref)
            assert dataset is not None
            return dataset.summary.digest
        model = self.uow.catalog.version(ref)
        assert model is not None
        return model.summary.digest

    def curve(self, step: str, metrics: dict[str, float], data: list[tuple[VersionRef, str]], at: datetime) -> None:
        points = []
        for epoch in range(1, 9):
            share = 1 - math.exp(-epoch / 2)
            for role, best in (("train", metrics["accuracy"] + 0.02), ("validation", metrics["accuracy"])):
                points.append(EpochMetric(epoch, epoch * 20, "accuracy", role, best * (0.6 + 0.4 * share)))
                points.append(EpochMetric(epoch, epoch * 20, "loss", role, 2.2 * (1 - share) + 0.1))
        self.uow.steps.add_curve(step, points)
        measured = [
            MetricValue("accuracy", metrics["accuracy"], "test", "test", self.digest(data[-1][0]), data[-1][0].label)
        ]
        measured.append(
            MetricValue("baseline_accuracy", 0.2, "test", "test", self.digest(data[-1][0]), data[-1][0].label)
        )
        self.uow.steps.add_measured(step, measured)
        self.uow.steps.progress(step, epoch=8, at=at)
        body = short_manifest(metrics)
        self.uow.steps.set_manifest(step, body, Digest.of(body))
        self.uow.steps.set_mirror(step, MirrorState("mirrored", "run-1"), at=at)


def short_manifest(metrics: dict[str, float]) -> bytes:
    """A provenance manifest, short: pages show it as it is."""
    return canonical_json(
        {
            "schema": "forebear/provenance/v1",
            "environment": {"device": "cpu", "precision": "fp32", "threads": 2, "torch": "2.13.0"},
            "cost": {"wall_seconds": 41.2, "device_seconds": 38.9, "flops": 1.2e12},
            "metrics": metrics,
        }
    )
