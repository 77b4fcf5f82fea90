"""One governed transfer, from job to output folder, for any workshop that speaks torch.

Read it downwards: check the recipe, fix the environment, then one of the two methods (`methods`). Under torchrun every
process runs this; the first one reports and writes.
"""

from __future__ import annotations

from collections.abc import Iterator

import torch

from adapters.loop.checkpoints import Checkpoints
from adapters.loop.determinism import deterministic
from adapters.loop.device import probe
from adapters.loop.failures import only_registry_errors
from adapters.loop.fingerprint import fingerprint
from adapters.loop.learner import Workshop
from adapters.loop.methods import Environment, feature_extraction, fine_tuning
from adapters.loop.metrics import check_metrics
from adapters.loop.ranks import Ranks
from registry.domain.transfers import Method
from registry.errors import BadRecipeError
from registry.ports import Determinism, TransferEvent, TransferJob

PARAMS = frozenset({"precision", "compile", "deterministic"})
"""Keys of `recipe.params` that every workshop understands."""
METHODS = {Method.FEATURE_EXTRACTION: feature_extraction, Method.FINE_TUNING: fine_tuning}


def run(job: TransferJob, workshop: Workshop) -> Iterator[TransferEvent]:
    """Do `job`. Raises: errors of `registry.errors` only (BadRecipeError and BadDataError before any work)."""
    with only_registry_errors(workshop.offer.name):
        check(job, workshop)
        ranks = Ranks.join(cpu=job.device == "cpu" or not torch.cuda.is_available())
        if ranks.world > 1 and job.recipe.batch_size < 2 * ranks.world:
            raise BadRecipeError(
                f"a batch of {job.recipe.batch_size} cannot be shared by {ranks.world} processes",
                remedy=f"Give batch_size at least {2 * ranks.world}",
            )
        device = probe(job.device, job.recipe.params.get("precision", "auto"))
        checkpoints = Checkpoints(job.work / "checkpoints")
        if not job.resume and ranks.first:
            checkpoints.clear()
        found = checkpoints.newest() if job.resume else None
        if found is not None and found.state["fingerprint"] != fingerprint(job):
            raise BadRecipeError(
                "the checkpoints of this step belong to another recipe or other inputs", remedy="Start it afresh"
            )
        fix = job.determinism
        if found is not None:  # the thread count decides the order of sums, so the first attempt's is kept
            fix = Determinism(fix.seed, int(str(found.state["threads"])))
        strict = not device.is_gpu or job.recipe.params.get("deterministic") is True
        with deterministic(fix, strict=strict):
            around = Environment(job, workshop, ranks, device, checkpoints, found, fix)
            for event in METHODS[job.recipe.method](around):
                if ranks.first:
                    yield event


def check(job: TransferJob, workshop: Workshop) -> None:
    """Raises: BadRecipeError for anything in the recipe that this workshop cannot do."""
    recipe, offer = job.recipe, workshop.offer
    if recipe.method not in offer.methods:
        does = ", ".join(sorted(offer.methods))
        raise BadRecipeError(f"the adapter {offer.name} does not do {recipe.method}", remedy=f"It does {does}")
    if len(job.sources) != 1:
        raise BadRecipeError(f"{recipe.method} takes one source, and this recipe has {len(job.sources)}")
    strange = sorted(recipe.params.keys() - PARAMS - workshop.params)
    if strange:
        known = ", ".join(sorted(PARAMS | workshop.params))
        raise BadRecipeError(f"the parameter params.{strange[0]} is not known", remedy=f"There are {known}")
    for name, value in (("epochs", recipe.epochs), ("batch_size", recipe.batch_size), ("lr", recipe.optimizer.lr)):
        if value <= 0:
            raise BadRecipeError(f"{name} is {value}", remedy="Give a number above 0")
    for role, data in job.data.items():
        if data.modality not in offer.modalities:
            raise BadRecipeError(f"the adapter {offer.name} does not read {data.modality} data, which {role} is")
    if recipe.freeze.what not in {"backbone", "none"} and recipe.freeze.until is None:
        raise BadRecipeError(f"freeze is {recipe.freeze.what!r}", remedy="Write backbone, none, or until: a layer")
    if recipe.method is Method.FEATURE_EXTRACTION and recipe.freeze.until is not None:
        raise BadRecipeError(
            "feature_extraction freezes the whole backbone", remedy="Leave freeze.until out, or use fine_tuning"
        )
    check_metrics(recipe.metrics)
