"""Quantization: stores the weights of a version in 8 or 4 bits, and measures it if the recipe has data."""

from __future__ import annotations

import shutil
from collections.abc import Iterator
from dataclasses import replace

from torch import nn

from adapters.loop.environment import Environment
from adapters.loop.measured import measured_as_it_is
from adapters.loop.techniques.quantizing import WEIGHTS, dequantise, is_quantised, quantise
from registry.domain.recipes.methods import TEST
from registry.domain.recipes.params import number_of, whole_of
from registry.errors import BadRecipeError
from registry.ports.transfers import Advanced, TransferEvent


def quantization(env: Environment) -> Iterator[TransferEvent]:
    """Quantise, then measure the dequantised weights (not the original ones)."""
    source, work = env.job.sources[0], env.job.work
    if is_quantised(env.original.sources[0].folder):
        raise BadRecipeError(f"The source {source.label} is already quantised", remedy="Quantise its parent")
    if number_of(env.recipe, "most_lost") and TEST not in env.job.data:
        raise BadRecipeError(
            "'params.most_lost' is compared on test data, and the recipe has none",
            remedy="Add data.test, or leave most_lost out",
        )
    bits, group = whole_of(env.recipe, "bits"), whole_of(env.recipe, "group")
    few, plain = work / ".few-bits", work / ".plain"
    for draft in (few, plain):
        shutil.rmtree(draft, ignore_errors=True)
    yield env.started(nn.Module(), 0)
    done, worst = 0, 0.0
    for _, largest in quantise(source.folder, few, bits, group):
        done, worst = done + 1, max(worst, largest)
        yield Advanced(0, 0.0, "quantising", None, done)
    if not done:
        raise BadRecipeError(
            f"The source {source.label} has no weight large enough to quantise", remedy="Use it as it is"
        )
    dequantise(few, plain)
    sizes = [(folder / WEIGHTS).stat().st_size for folder in (source.folder, few)]
    facts = {
        "bits": bits,
        "group": group if bits == 4 else None,
        "tensors": done,
        "largest_error_in_scales": worst,
        "bytes": {"before": sizes[0], "after": sizes[1]},
    }
    made = replace(source, folder=plain, label=f"{source.label} in {bits} bits")
    yield from measured_as_it_is(
        env,
        made,
        facts,
        written=few,
        architecture=f"int{bits}:{source.architecture}",
        source=source,
        most_lost=number_of(env.recipe, "most_lost"),
    )
    for draft in (few, plain):
        shutil.rmtree(draft, ignore_errors=True)
