"""Feature extraction: a new head on the frozen backbone's features, which are computed once and cached.

The head learns on standardised features, and the standardisation is folded back into it (`adapters.loop.probe`).
"""

from __future__ import annotations

from collections.abc import Iterator

import torch
from torch import Tensor

from adapters.loop.device import Device
from adapters.loop.environment import Environment
from adapters.loop.flops import learning_flops, one_item
from adapters.loop.learner import ArrayItems
from adapters.loop.loop import Inputs
from adapters.loop.optimizers import freeze, parameter_groups
from adapters.loop.probe import Extraction, Standard, extract
from adapters.loop.ranks import Ranks
from adapters.loop.roles import Roles, few
from registry.domain.params import whole_of
from registry.domain.transfers import Freeze
from registry.ports import TransferEvent

HELD_ON_GPU = 8 * 1024**3
"""Bytes of cached features that may lie on a GPU at once; more are fed to it batch by batch."""


def feature_extraction(around: Environment) -> Iterator[TransferEvent]:
    """A head is too small to share out: under torchrun the first process does it alone."""
    if not around.ranks.first:
        return
    around.ranks = Ranks()
    # The cache holds the whole split, of which `shots` then takes some rows.
    device, (whole, learner) = around.device, around.open(keep_head=False, shots=False)
    chosen = few(whole.train, whole_of(around.recipe, "shots"), around.recipe.seed)
    roles = Roles(whole.task, whole.train.take(chosen), whole.validation, whole.test)
    frozen = freeze(learner.layers, learner.head, Freeze("backbone"))
    device.place(learner.module)
    yield around.started(learner.module, len(chosen))
    extraction = Extraction()
    yield from extract(around.job, learner, whole.chosen_on, device, around.name, extraction)
    extraction.features["train"] = extraction.features["train"][chosen]
    standard = Standard.of(extraction.features["train"])
    held = {name: hold(standard.apply(found), device) for name, found in extraction.features.items()}
    task = around.weighted(roles)

    def classify(inputs: Inputs) -> Tensor:
        assert isinstance(inputs, Tensor)  # noqa: S101 -- features are one tensor: told to the type checker
        return learner.classify(inputs)

    fit = around.fit(
        lambda inputs, targets: task.loss(classify(inputs), targets),
        learner.head,
        parameter_groups(learner.head, (), learner.head, around.recipe.optimizer),
        held["train"],
        roles.train.targets,
        judge=around.judge(classify, learner.head, held["validation"], roles.validation, task)
        if roles.validation
        else None,
        frozen=frozen,
    )
    yield from fit.run()
    standard.fold(learner.entrance())
    roles.task.settle(learner.exit())
    learner.module.eval()
    yield from extract(around.job, learner, roles.tested, device, around.name, extraction)
    plain = {name: hold(torch.from_numpy(found), device) for name, found in extraction.features.items()}
    test = yield from around.answers(classify, learner.head, plain, roles, fit)
    per_item = learning_flops(classify, learner.head, one_item(plain["train"], device))
    facts = {
        "features_computed": extraction.items,
        "feature_cache_hits": extraction.hits,
        "feature_layer": learner.feature_layer,
    }
    yield around.learnt(learner, roles, fit, test, per_item * fit.progress.samples + extraction.flops, facts)


def hold(rows: Tensor, device: Device) -> ArrayItems:
    """Features where they are used: small enough to live on the GPU as a whole, or fed to it in batches."""
    fits = rows.numel() * rows.element_size() <= HELD_ON_GPU
    return ArrayItems(rows.to(device.target) if fits else rows)
