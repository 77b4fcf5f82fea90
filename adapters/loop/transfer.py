"""Runs one transfer, from job to output folder, with any framework whose models are torch modules.

Check the recipe, set up the environment, run one of the `methods`. Under torchrun every process runs this module; only
the first one yields events and writes files.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping

import torch

from adapters.loop.environment import Environment
from adapters.loop.failures import only_registry_errors
from adapters.loop.fingerprint import fingerprint
from adapters.loop.machine.determinism import deterministic
from adapters.loop.machine.device import probe
from adapters.loop.machine.process_group import ProcessGroup
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
from adapters.loop.training.learner import Framework
from registry.domain.recipes.methods import misfits
from registry.domain.recipes.params import problems
from registry.domain.recipes.recipe import Method
from registry.errors import BadRecipeError
from registry.ports.transfers import Determinism, TransferEvent, TransferJob

MethodFunction = Callable[[Environment], Iterator[TransferEvent]]
METHODS: Mapping[Method, MethodFunction] = {
    Method.PRETRAINING: fine_tuning,
    Method.FEATURE_EXTRACTION: feature_extraction,
    Method.FINE_TUNING: fine_tuning,
    Method.DOMAIN_ADAPTATION: domain_adaptation,
    Method.MULTI_TASK: multi_task,
    Method.DISTILLATION: distillation,
    Method.MERGE: merge,
    Method.QUANTIZATION: quantization,
}
"""The methods that work with every framework; a framework may pass its own to `run`."""


def run(
    job: TransferJob, framework: Framework, methods: Mapping[Method, MethodFunction] = METHODS
) -> Iterator[TransferEvent]:
    """Run `job`. Raises: only errors of `registry.errors` (BadRecipeError and BadDataError before training starts)."""
    with only_registry_errors(framework.offer.name):
        check(job, framework)
        group = ProcessGroup.join(cpu=job.device == "cpu" or not torch.cuda.is_available())
        if group.size > 1 and job.recipe.batch_size < 2 * group.size:
            raise BadRecipeError(
                f"The batch size {job.recipe.batch_size} is too small for {group.size} processes",
                remedy=f"Set batch_size to {2 * group.size} or more",
            )
        device = probe(job.device, job.recipe.params.get("precision", "auto"))
        checkpoints = Checkpoints(job.work / "checkpoints")
        if not job.resume and group.first:
            checkpoints.clear()
        found = checkpoints.newest() if job.resume else None
        if found is not None and found.state["fingerprint"] != fingerprint(job):
            raise BadRecipeError(
                "The checkpoints of this step were made by another recipe or from other inputs",
                remedy="Submit it as a new step",
            )
        fix = job.determinism
        if found is not None:  # the order of sums depends on the number of threads: keep that of the first attempt
            fix = Determinism(fix.seed, int(str(found.state["threads"])))
        strict = not device.is_gpu or job.recipe.params.get("deterministic") is True
        with deterministic(fix, strict=strict), plain_sources(job) as plain_job:
            env = Environment(plain_job, framework, group, device, checkpoints, found, fix, original=job)
            method = evaluation if job.recipe.epochs == 0 else methods[job.recipe.method]
            for event in method(env):
                if group.first:
                    yield event


def check(job: TransferJob, framework: Framework) -> None:
    """Raises: BadRecipeError for anything in the recipe that this framework does not support."""
    recipe, offer = job.recipe, framework.offer
    if recipe.method not in offer.methods:
        supported = ", ".join(sorted(offer.methods))
        raise BadRecipeError(
            f"The adapter {offer.name} does not support the method {recipe.method}", remedy=f"It supports {supported}"
        )
    for key, sentence in misfits(recipe.method, [source.role for source in job.sources], job.data):
        raise BadRecipeError(f"{key}: {sentence}")
    for _, sentence in problems(recipe.params, offer.known(recipe.method)):
        raise BadRecipeError(sentence)
    if recipe.epochs < 0:
        raise BadRecipeError(f"'epochs' is {recipe.epochs}", remedy="Use 0 (measure only) or more")
    for name, value in (("batch_size", recipe.batch_size), ("lr", recipe.optimizer.lr)):
        if value <= 0:
            raise BadRecipeError(f"'{name}' is {value}", remedy="Use a number above 0")
    for role, data in job.data.items():
        if data.modality not in offer.modalities:
            raise BadRecipeError(
                f"The adapter {offer.name} does not read {data.modality} data, and the {role} data is of that kind",
                remedy=f"Use data of one of these kinds: {', '.join(sorted(offer.modalities))}",
            )
    if recipe.freeze.what not in {"backbone", "none"} and recipe.freeze.until is None:
        raise BadRecipeError(f"'freeze' is {recipe.freeze.what!r}", remedy="Write backbone, none, or until: LAYER")
    if recipe.method is Method.FEATURE_EXTRACTION and recipe.freeze.until is not None:
        raise BadRecipeError(
            "The method feature_extraction freezes the whole backbone",
            remedy="Leave freeze.until out, or use fine_tuning",
        )
