"""Evaluation: measures a model on the recipe's data without training it."""

from __future__ import annotations

from collections.abc import Iterator

from torch import nn

from adapters.loop.environment import Environment
from adapters.loop.measured import measured_as_it_is
from registry.ports.transfers import TransferEvent


def evaluation(env: Environment) -> Iterator[TransferEvent]:
    """Runs a recipe with `epochs: 0`. The output is the unchanged model and its predictions."""
    yield env.started(nn.Module(), 0)
    yield from measured_as_it_is(env, env.job.sources[0], {})
