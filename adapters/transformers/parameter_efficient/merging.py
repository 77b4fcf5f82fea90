"""Merging: one adapter into its parent, or several models of one architecture by the shared `merge`."""

from __future__ import annotations

from collections.abc import Iterator

from torch import nn

from adapters.loop.environment import Environment
from adapters.loop.measured import measured_as_it_is
from adapters.loop.methods.merge import merge
from registry.errors import BadRecipeError
from registry.ports.transfers import TransferEvent

FOLDED = ".folded-"
"""Prefix of the folder that holds adapters merged into their parents."""


def merging(env: Environment) -> Iterator[TransferEvent]:
    """A single source is an adapter that was merged before: it is measured and written. Several sources are merged.

    Raises: BadRecipeError for a single source that is not an adapter.
    """
    sources = env.job.sources
    if len(sources) > 1:
        yield from merge(env)
        return
    if not sources[0].folder.parent.name.startswith(FOLDED):
        raise BadRecipeError(
            f"{sources[0].label} is not an adapter, so there is nothing to merge it with",
            remedy="Name an adapter as the source, or several models of one architecture",
        )
    yield env.started(nn.Module(), 0)
    yield from measured_as_it_is(env, sources[0], {"kind": "adapter", "parents": [str(sources[0].digest)]})
