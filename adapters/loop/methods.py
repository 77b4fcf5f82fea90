"""The two ways to transfer: a head on frozen, cached features; or training on, wholly or from a layer on."""

from __future__ import annotations

import platform
import time
from collections.abc import Callable, Generator, Iterator, Mapping
from dataclasses import dataclass, field
from importlib.metadata import version

import torch
from torch import Tensor, nn

from adapters.loop.checkpoints import Checkpoint, Checkpoints
from adapters.loop.device import Device
from adapters.loop.evaluate import evaluate
from adapters.loop.fingerprint import fingerprint
from adapters.loop.fit import Fit
from adapters.loop.flops import METHOD, learning_flops, one_item, reading_flops
from adapters.loop.learner import ArrayItems, Items, Learner, Workshop
from adapters.loop.loop import Inputs
from adapters.loop.metrics import BASELINE, Logits, baseline_accuracy, choosing_metric, measure
from adapters.loop.optimizers import build, freeze, parameter_groups
from adapters.loop.order import batches_per_epoch
from adapters.loop.output import publish
from adapters.loop.probe import Extraction, Standard, extract
from adapters.loop.ranks import Ranks
from adapters.loop.roles import Roles, read_roles
from registry.domain.transfers import Freeze, Recipe
from registry.ports import Determinism, Finished, Measured, Started, TransferEvent, TransferJob

HELD_ON_GPU = 8 * 1024**3
"""Bytes of cached features that may lie on a GPU at once; more are fed to it batch by batch."""


@dataclass(slots=True)
class Environment:
    """What a method finds around it when it starts."""

    job: TransferJob
    workshop: Workshop
    ranks: Ranks
    device: Device
    checkpoints: Checkpoints
    found: Checkpoint | None
    """Where to go on; None for a fresh start."""
    fix: Determinism
    since: float = field(default_factory=time.perf_counter)

    @property
    def recipe(self) -> Recipe:
        """The job's recipe."""
        return self.job.recipe

    @property
    def name(self) -> str:
        """What, beside model and data, decides a feature to the last bit."""
        kind = self.device.hardware.get("gpu", self.device.hardware["cpu"])
        return f"torch {torch.__version__}, {kind}, {self.device.precision}, {self.fix.threads} threads"

    def open(self, *, keep_head: bool) -> tuple[Roles, Learner]:
        """The data by role and the source with a head for its classes, mistakes found first."""
        source = self.job.sources[0]
        parent = self.workshop.parent_classes(source)
        roles = read_roles(self.job, parent)
        kept = keep_head and parent == roles.classes
        return roles, self.workshop.open(source, self.recipe, roles.classes, keep_head=kept)

    def steps(self, roles: Roles) -> int:
        """Optimiser steps planned, over all epochs."""
        return self.recipe.epochs * batches_per_epoch(
            len(roles.train.rows), self.recipe.batch_size, least=2 * self.ranks.world
        )

    def fit(
        self,
        predict: Callable[[Inputs], Tensor],
        module: nn.Module,
        groups: list[dict[str, object]],
        items: Mapping[str, Items],
        roles: Roles,
        frozen: list[nn.Module],
    ) -> Fit:
        """A fit of `module`, put back to where the found checkpoint was."""
        held_out = roles.validation
        fit = Fit(
            recipe=self.recipe,
            fix=self.fix,
            predict=predict,
            module=module,
            frozen=frozen,
            optimizer=build(groups, self.recipe.optimizer),
            items=items["train"],
            labels=roles.train.labels,
            validation=None if held_out is None else (items["validation"], held_out.labels),
            device=self.device,
            ranks=self.ranks,
            checkpoints=self.checkpoints,
            fingerprint=fingerprint(self.job),
            steps=self.steps(roles),
            since=self.since,
        )
        if self.found is not None:
            fit.restore(self.found)
        return fit

    def started(self, learner: Learner, roles: Roles) -> Started:
        """The first event."""
        libraries = {"python": platform.python_version(), "torch": torch.__version__}
        libraries |= {name: version(name) for name in ("numpy", "safetensors")}
        return Started(
            device=str(self.device.target),
            precision=self.device.precision,
            hardware=dict(self.device.hardware) | {"processes": str(self.ranks.world)},
            libraries=libraries | dict(self.workshop.libraries()),
            steps=self.steps(roles),
            epochs=self.recipe.epochs,
            trainable=sum(p.numel() for p in learner.module.parameters() if p.requires_grad),
            parameters=sum(p.numel() for p in learner.module.parameters()),
            resumed_from=int(str(self.found.state["step"])) if self.found else 0,
        )

    def answers(
        self,
        predict: Callable[[Inputs], Tensor],
        module: nn.Module,
        items: Mapping[str, Items],
        roles: Roles,
        fit: Fit,
    ) -> Generator[Measured, None, Logits | None]:
        """Measure the finished model on validation and test data; gives the test logits.

        Beside the recipe's metrics stands what always answering the commonest training class would reach.
        """
        logits: Logits | None = None
        for role in (roles.validation, roles.test):
            if role is None:
                continue
            logits = evaluate(predict, module, items[role.name], role.labels, self.device, self.ranks)
            values = measure(self.recipe.metrics, role.labels, logits)
            values[BASELINE] = baseline_accuracy(roles.train.labels, role.labels)
            for name, value in values.items():
                yield Measured(name, value, role.name, fit.progress.best_epoch, fit.progress.step, final=True)
        return logits if roles.test is not None else None

    def finished(
        self, learner: Learner, roles: Roles, fit: Fit, test: Logits | None, flops: float, facts: Mapping[str, object]
    ) -> Finished:
        """Write the output and say what happened. The other processes leave the writing to the first."""
        folder = self.job.work / "output"
        if self.ranks.first:
            guess = None if test is None else test.argmax(axis=1)
            folder = publish(self.job.work, learner, roles.classes, roles.test, guess)
        chosen = f"validation {choosing_metric(self.recipe.metrics)}" if roles.validation else "last epoch"
        return Finished(
            folder=folder,
            architecture=learner.architecture,
            device_seconds=fit.seconds * self.ranks.world,
            flops=flops,
            flops_method=METHOD,
            classes=roles.classes,
            facts={
                "best_epoch": fit.progress.best_epoch,
                "chosen_by": chosen,
                "head_kept": learner.keeps_head,
                "samples_seen": fit.progress.samples,
                "test_rows_seen_in_train": roles.test_rows_seen_in_train,
                "threads": self.fix.threads,
                **facts,
            },
        )


def feature_extraction(around: Environment) -> Iterator[TransferEvent]:
    """A new head on the frozen backbone's features, learnt on them standardised and folded back into a plain one.

    A head is too small to share out: under torchrun the first process does it alone.
    """
    if not around.ranks.first:
        return
    around.ranks = Ranks()
    device, (roles, learner) = around.device, around.open(keep_head=False)
    frozen = freeze(learner.layers, learner.head, Freeze("backbone"))
    device.place(learner.module)
    yield around.started(learner, roles)
    extraction = Extraction()
    yield from extract(around.job, learner, roles.chosen_on, device, around.name, extraction)
    standard = Standard.of(extraction.features["train"])
    held = {name: _hold(standard.apply(found), device) for name, found in extraction.features.items()}

    def classify(inputs: Inputs) -> Tensor:
        assert isinstance(inputs, Tensor)  # noqa: S101 -- features are one tensor: told to the type checker
        return learner.classify(inputs)

    groups = parameter_groups(learner.head, (), learner.head, around.recipe.optimizer)
    fit = around.fit(classify, learner.head, groups, held, roles, frozen)
    yield from fit.run()
    standard.fold(learner.entrance())
    learner.module.eval()
    yield from extract(around.job, learner, roles.tested, device, around.name, extraction)
    plain = {name: _hold(torch.from_numpy(found), device) for name, found in extraction.features.items()}
    answers = yield from around.answers(classify, learner.head, plain, roles, fit)
    per_item = learning_flops(classify, learner.head, one_item(plain["train"], device))
    facts = {
        "features_computed": extraction.items,
        "feature_cache_hits": extraction.hits,
        "feature_layer": learner.feature_layer,
    }
    flops = per_item * fit.progress.samples + extraction.flops
    yield around.finished(learner, roles, fit, answers, flops, facts)


def fine_tuning(around: Environment) -> Iterator[TransferEvent]:
    """Training on: all layers, or those from `freeze.until` on, with discriminative rates.

    A parent's head for the same classes is kept (the second half of LP-FT: Kumar et al. 2022); for other classes there
    is a new one.
    """
    recipe, device, (roles, learner) = around.recipe, around.device, around.open(keep_head=True)
    frozen = freeze(learner.layers, learner.head, recipe.freeze)
    groups = parameter_groups(learner.module, learner.layers, learner.head, recipe.optimizer)
    device.place(learner.module)
    yield around.started(learner, roles)
    items = {role.name: learner.items(role) for role in roles.chosen_on}
    sample = one_item(items["train"], device)
    reading = reading_flops(learner.predict, learner.module, sample)
    learning = learning_flops(learner.predict, learner.module, sample)
    if device.compiles(recipe.params.get("compile", "auto"), around.steps(roles)):
        learner.module.compile()
    fit = around.fit(learner.predict, learner.module, groups, items, roles, frozen)
    yield from fit.run()
    items |= {role.name: learner.items(role) for role in roles.tested}
    answers = yield from around.answers(learner.predict, learner.module, items, roles, fit)
    read = sum(len(role.rows) for role in (roles.validation, roles.test) if role is not None)
    read += recipe.epochs * len(roles.validation.rows) if roles.validation else 0
    facts = {"frozen_layers": len(frozen), "layers": len(learner.layers)}
    flops = learning * fit.progress.samples * around.ranks.world + reading * read
    yield around.finished(learner, roles, fit, answers, flops, facts)


def _hold(rows: Tensor, device: Device) -> ArrayItems:
    """Features where they are used: small enough to live on the GPU as a whole, or fed to it in batches."""
    fits = rows.numel() * rows.element_size() <= HELD_ON_GPU
    return ArrayItems(rows.to(device.target) if fits else rows)
