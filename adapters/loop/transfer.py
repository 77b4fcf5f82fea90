"""One governed transfer, from job to output folder, for any framework that speaks torch.

Read it downwards: check the recipe, fix the environment, then one of the `methods`. Under torchrun every process runs
this; the first one reports and writes.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping

import torch

from adapters.loop.environment import Environment
from adapters.loop.failures import only_registry_errors
from adapters.loop.fingerprint import fingerprint
from adapters.loop.methods.distillation import distillation
from adapters.loop.methods.domain_adaptation import domain_adaptation
from adapters.loop.methods.evaluation import evaluation
from adapters.loop.methods.feature_extraction import feature_extraction
from adapters.loop.methods.fine_tuning import fine_tuning
from adapters.loop.methods.merge import merge
from adapters.loop.methods.multi_task import multi_task
from adapters.loop.methods.quantization import quantization
from adapters.loop.techniques.quantizing import plain_sources
from adapters.loop.training.checkpoints import Checkpoints
from adapters.loop.training.determinism import deterministic
from adapters.loop.training.device import probe
from adapters.loop.training.learner import Framework
from adapters.loop.training.process_group import ProcessGroup
from registry.domain.recipes.methods import misfits
from registry.domain.recipes.params import problems
from registry.domain.recipes.recipe import Method
from registry.errors import BadRecipeError
from registry.ports.transfers import Determinism, TransferEvent, TransferJob

Way = Callable[[Environment], Iterator[TransferEvent]]
METHODS: Mapping[Method, Way] = {
    Method.PRETRAINING: fine_tuning,
    Method.FEATURE_EXTRACTION: feature_extraction,
    Method.FINE_TUNING: fine_tuning,
    Method.DOMAIN_ADAPTATION: domain_adaptation,
    Method.MULTI_TASK: multi_task,
    Method.DISTILLATION: distillation,
    Method.MERGE: merge,
    Method.QUANTIZATION: quantization,
}
"""What the shared floor can do for every framework; one may bring ways of its own (`run`)."""


def run(job: TransferJob, framework: Framework, ways: Mapping[Method, Way] = METHODS) -> Iterator[TransferEvent]:
    """Do `job`. Raises: errors of `registry.errors` only (BadRecipeError and BadDataError before any work)."""
    with only_registry_errors(framework.offer.name):
        check(job, framework)
        group = ProcessGroup.join(cpu=job.device == "cpu" or not torch.cuda.is_available())
        if group.size > 1 and job.recipe.batch_size < 2 * group.size:
            raise BadRecipeError(
                f"a batch of {job.recipe.batch_size} cannot be shared by {group.size} processes",
                remedy=f"Give batch_size at least {2 * group.size}",
            )
        device = probe(job.device, job.recipe.params.get("precision", "auto"))
        checkpoints = Checkpoints(job.work / "checkpoints")
        if not job.resume and group.first:
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
        with deterministic(fix, strict=strict), plain_sources(job) as plain:
            env = Environment(plain, framework, group, device, checkpoints, found, fix, original=job)
            way = evaluation if job.recipe.epochs == 0 else ways[job.recipe.method]
            for event in way(env):
                if group.first:
                    yield event


def check(job: TransferJob, framework: Framework) -> None:
    """Raises: BadRecipeError for anything in the recipe that this framework cannot do."""
    recipe, offer = job.recipe, framework.offer
    if recipe.method not in offer.methods:
        does = ", ".join(sorted(offer.methods))
        raise BadRecipeError(f"the adapter {offer.name} does not do {recipe.method}", remedy=f"It does {does}")
    for key, sentence in misfits(recipe.method, [source.role for source in job.sources], job.data):
        raise BadRecipeError(f"{key}: {sentence}")
    for _, sentence in problems(recipe.params, offer.known(recipe.method)):
        raise BadRecipeError(sentence)
    if recipe.epochs < 0:
        raise BadRecipeError(f"epochs is {recipe.epochs}", remedy="Give a number above 0")
    for name, value in (("batch_size", recipe.batch_size), ("lr", recipe.optimizer.lr)):
        if value <= 0:
            raise BadRecipeError(f"{name} is {value}", remedy="Give a number above 0")
    for role, data in job.data.items():
        if data.modality not in offer.modalities:
            raise BadRecipeError(
                f"the adapter {offer.name} does not read {data.modality} data, which {role} is",
                remedy=f"Choose data of these: {', '.join(sorted(offer.modalities))}",
            )
    if recipe.freeze.what not in {"backbone", "none"} and recipe.freeze.until is None:
        raise BadRecipeError(f"freeze is {recipe.freeze.what!r}", remedy="Write backbone, none, or until: a layer")
    if recipe.method is Method.FEATURE_EXTRACTION and recipe.freeze.until is not None:
        raise BadRecipeError(
            "feature_extraction freezes the whole backbone", remedy="Leave freeze.until out, or use fine_tuning"
        )
