"""Merging: an adapter into its parent, so that the version is whole; several models by the shared floor's merge."""

from __future__ import annotations

from collections.abc import Iterator

from torch import nn

from adapters.loop.environment import Environment
from adapters.loop.measured import measured_as_it_is
from adapters.loop.methods.merge import merge
from registry.errors import BadRecipeError
from registry.ports.transfers import TransferEvent

FOLDED = ".folded-"
"""How the folder begins that holds adapters folded into their parents."""


def merging(env: Environment) -> Iterator[TransferEvent]:
    """One source is an adapter, folded in already: it is measured and written out. Several are merged.

    Raises: BadRecipeError for a single source that never was an adapter.
    """
    sources = env.job.sources
    if len(sources) > 1:
        yield from merge(env)
        return
    if not sources[0].folder.parent.name.startswith(FOLDED):
        raise BadRecipeError(
            f"{sources[0].label} is no adapter, so there is nothing to merge it with",
            remedy="Name an adapter as the source, or several models of one architecture",
        )
    yield env.started(nn.Module(), 0)
    yield from measured_as_it_is(env, sources[0], {"kind": "adapter", "parents": [str(sources[0].digest)]})
