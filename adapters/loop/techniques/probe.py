"""Cached features of a frozen backbone, and their standardisation for the training of a head.

The head is trained on (f - mean) / deviation of the training features, so that one learning rate suits every backbone.
This map is affine, so it is folded into the head's first linear layer afterwards: W' = W / deviation, b' = b - W' mean.
The saved model is the parent's backbone, bit for bit, and an ordinary head.
"""

from __future__ import annotations

from collections.abc import Callable, Generator, Iterator, Sequence
from dataclasses import asdict, dataclass, field

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor, nn

from adapters.inputs.lengths import Reading, TextsRead
from adapters.loop.machine.device import Device
from adapters.loop.tasks.roles import Role
from adapters.loop.techniques.features import FeatureCache, FeatureKey, Features
from adapters.loop.training.evaluate import read
from adapters.loop.training.flops import one_item, reading_flops
from adapters.loop.training.learner import Learner
from adapters.loop.training.loop import Inputs
from registry.ports.transfers import Advanced, ModelInput, TransferJob

Statistic = NDArray[np.float64]


@dataclass(frozen=True, slots=True)
class Standard:
    """Mean and deviation of each training feature (both of shape D); a constant feature has deviation 1."""

    mean: Statistic
    deviation: Statistic

    @classmethod
    def of(cls, features: Features) -> Standard:
        """The statistics of `features` (N x D), accumulated in float64."""
        mean = features.mean(axis=0, dtype=np.float64)
        deviation = features.std(axis=0, dtype=np.float64)
        flat = deviation <= 1e-6 * np.maximum(1.0, np.abs(mean))
        return cls(mean, np.where(flat, 1.0, deviation))

    def apply(self, features: Features) -> Tensor:
        """Standardised features, float32."""
        return torch.from_numpy(((features - self.mean) / self.deviation).astype(np.float32))

    def fold(self, layer: nn.Linear) -> None:
        """Change `layer` so that it takes features as they are and gives the same outputs. The layer needs a bias."""
        weight = layer.weight.detach().double().cpu() / torch.from_numpy(self.deviation)
        bias = layer.bias.detach().double().cpu() - weight @ torch.from_numpy(self.mean)
        with torch.no_grad():
            layer.weight.copy_(weight)
            layer.bias.copy_(bias)


@dataclass(slots=True)
class Extraction:
    """The features of the roles read so far, and which of them came from the cache."""

    features: dict[str, Features] = field(default_factory=dict)
    hits: dict[str, bool] = field(default_factory=dict)
    items: int = 0
    """Items on which the backbone was run."""
    flops: float = 0.0
    """The cost of these runs."""
    notes: list[str] = field(default_factory=list)
    """What to say of models that were read beside the step's own."""


def extract(
    job: TransferJob, learner: Learner, roles: Sequence[Role], device: Device, environment: str, into: Extraction
) -> Iterator[Advanced]:
    """Add the features of each role to `into`, from the cache or computed; yields progress while computing."""
    for role in roles:
        into.features[role.name] = yield from read_cached(
            job, learner, learner.features, learner.feature_size, job.sources[0], role, device, environment, into
        )


def read_cached(
    job: TransferJob,
    learner: Learner,
    predict: Callable[[Inputs], Tensor],
    size: int,
    source: ModelInput,
    role: Role,
    device: Device,
    environment: str,
    into: Extraction,
) -> Generator[Advanced, None, Features]:
    """The values of `predict` (features or outputs) for every row of `role`, from the cache or computed and cached."""
    cache = FeatureCache(job.features)
    key = FeatureKey(
        model=str(source.digest),
        data=str(role.data.digest),
        split=role.data.split,
        preprocessing=str(learner.preprocessing),
        layer=learner.feature_layer if predict == learner.features else "answers",
        environment=environment,
    )
    found = cache.load(key)
    into.hits[role.name] = found is not None
    texts: TextsRead | None = getattr(learner, "texts", None)
    if found is not None and texts is not None and (about := cache.about(key)):
        texts.add(role.name, Reading(**about))
    if found is None:
        items = learner.items(role)
        cost = reading_flops(predict, learner.module, one_item(items, device))
        into.flops += cost * len(items)
        done = 0
        about = asdict(texts.roles[role.name]) if texts is not None else None
        with cache.writing(key, len(items), size, about) as array:
            for indexes, values in read(predict, learner.module, items, role.targets, device):
                array[indexes] = values
                into.items, done = into.items + len(indexes), done + len(indexes)
                yield Advanced(0, 0.0, f"features of {role.name}", None, done, len(items))
            found = np.array(array)
    return found
