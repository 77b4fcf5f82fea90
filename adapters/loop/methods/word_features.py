"""The features of each word of a text: what candidates for data with a tag for each word are scored on."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path
from typing import Protocol, runtime_checkable

import numpy as np
from numpy.typing import NDArray
from torch import Tensor

from adapters.loop.environment import Environment
from adapters.loop.output import publish
from adapters.loop.tasks.roles import Role
from adapters.loop.techniques.features import FeatureCache, FeatureKey
from adapters.loop.training.evaluate import read
from adapters.loop.training.flops import METHOD
from adapters.loop.training.learner import Items, Learner
from adapters.loop.training.loop import Inputs
from registry.domain.data.datasets import DataFormat, LabelKind
from registry.errors import BadRecipeError
from registry.ports.transfers import Finished, TransferEvent


@runtime_checkable
class Words(Items, Protocol):
    """Texts with the places of their words: those of text k are the words `starts[k]` to `starts[k + 1]`."""

    starts: NDArray[np.int64]


@runtime_checkable
class ReadsWords(Protocol):
    """A learner that gives features of single words."""

    def word_items(self, role: Role) -> Words:
        """The texts of `role`, tokenised, with the places of their words."""
        ...

    def word_features(self, inputs: Inputs) -> Tensor:
        """The features of each word (N x words x D), zero where there is none, or where it was cut off."""
        ...


def word_features(env: Environment, learner: Learner, role: Role) -> Iterator[TransferEvent]:
    """Exports `x` (all words x D), text after text; a word that was cut off has zeros. Cached like other features.

    Raises: BadRecipeError for a source that gives no features of words.
    """
    if not isinstance(learner, ReadsWords):
        raise BadRecipeError(
            f"The source {env.job.sources[0].label} gives features of whole texts, not of single words",
            remedy="Choose an encoder that the library transformers loads",
        )
    cache = FeatureCache(env.job.features)
    key = FeatureKey(
        model=str(env.job.sources[0].digest),
        data=str(role.data.digest),
        split=role.data.split,
        preprocessing=str(learner.preprocessing),
        layer=f"first token of each word, {learner.feature_layer}",
        environment=env.name,
    )
    found, computed = cache.load(key), 0
    if found is None:
        items = learner.word_items(role)
        starts, computed = items.starts, int(items.starts[-1])
        with cache.writing(key, computed, learner.feature_size) as array:
            array[:] = 0.0
            for indexes, values in read(learner.word_features, learner.module, items, role.targets, env.device):
                for line, index in enumerate(indexes.tolist()):
                    first, last = int(starts[index]), int(starts[index + 1])
                    array[first:last] = values[line, : last - first]
            found = np.array(array)
    x = found

    def save(folder: Path) -> None:
        np.savez(folder / "features.npz", x=x)

    yield Finished(
        folder=publish(env.job.work, save, {}),
        architecture="",
        device_seconds=0.0,
        flops=0.0,
        flops_method=METHOD,
        classes=(),
        facts={"features": int(x.shape[1]), "rows": len(x), "features_computed": computed},
        dataset=DataFormat.NPZ,
        labels=LabelKind.NONE,
    )
