"""What every method is given: the job, the device, the process group, and functions for what all methods do alike."""

from __future__ import annotations

import platform
import time
from collections.abc import Callable, Generator, Mapping, Sequence
from dataclasses import dataclass, field
from importlib.metadata import version
from pathlib import Path
from typing import Any, cast

import torch
from torch import Tensor, nn

from adapters.inputs.lengths import TextsRead
from adapters.loop.fingerprint import fingerprint
from adapters.loop.machine.device import Device
from adapters.loop.machine.process_group import ProcessGroup
from adapters.loop.output import PREDICTIONS, predictions, publish
from adapters.loop.reproducing import check_adapter, check_written
from adapters.loop.tasks.metrics import Logits, Targets, check_metrics, selection_metric
from adapters.loop.tasks.roles import Role, Roles, few, labelled_role, read_roles
from adapters.loop.tasks.tasks import MultiLabel, SingleLabel, Task
from adapters.loop.training.check import Some, answers_in_training, compare_modes, some_of
from adapters.loop.training.checkpoints import Checkpoint, Checkpoints
from adapters.loop.training.effect import Effect
from adapters.loop.training.evaluate import evaluate
from adapters.loop.training.fit import Fit, ModelSelector
from adapters.loop.training.flops import METHOD
from adapters.loop.training.learner import Framework, Items, Learner
from adapters.loop.training.loop import Inputs, Objective
from adapters.loop.training.optimizers import build
from adapters.loop.training.order import batches_per_epoch
from adapters.loop.training.statistics import gather, keeps_statistics
from registry.domain.comparison.validity import CHECK, disagreement
from registry.domain.recipes.params import value_of, whole_of
from registry.domain.recipes.recipe import Recipe
from registry.errors import BadRecipeError
from registry.ports.transfers import Determinism, Finished, Measured, ModelInput, Started, TransferJob

Predict = Callable[[Inputs], Tensor]


@dataclass(slots=True)
class Environment:
    """What a method is given when it starts."""

    job: TransferJob
    framework: Framework
    group: ProcessGroup
    device: Device
    checkpoints: Checkpoints
    found: Checkpoint | None
    """The checkpoint to resume from; None for a new start."""
    fix: Determinism
    original: TransferJob
    """The job as submitted: its sources may be quantised, those of `job` are dequantised."""
    since: float = field(default_factory=time.perf_counter)
    checks: dict[str, Mapping[str, object]] = field(default_factory=dict)
    """By role of the training data, what `check_training` has found."""

    @property
    def recipe(self) -> Recipe:
        """The job's recipe."""
        return self.job.recipe

    @property
    def name(self) -> str:
        """What, besides model and data, determines a feature to the last bit (part of the key of the feature cache)."""
        kind = self.device.hardware.get("gpu", self.device.hardware["cpu"])
        return f"torch {torch.__version__}, {kind}, {self.device.precision}, {self.fix.threads} threads"

    def open(self, *, keep_head: bool, fresh: bool = False, shots: bool = True) -> tuple[Roles, Learner]:
        """The data by role, and the only source with a head for its task. Data is checked before the model is loaded.

        With `shots`, training rows are drawn as `params.shots` says.
        """
        return self.open_source(self.job.sources[0], keep_head=keep_head, fresh=fresh, shots=shots)

    def open_source(
        self, source: ModelInput, *, keep_head: bool, fresh: bool = False, shots: bool = True
    ) -> tuple[Roles, Learner]:
        """As `open`, for one of several sources."""
        parent = self.framework.parent_classes(source)
        roles = read_roles(self.job, parent)
        check_task(self.recipe.metrics, roles.task)
        kept = keep_head and not fresh and bool(roles.task.classes) and parent == roles.task.classes
        learner = self.framework.open(source, self.recipe, roles.task, keep_head=kept, fresh=fresh)
        if shots:
            roles = Roles(roles.task, self.drawn(roles.train), roles.validation, roles.test)
        return roles, learner

    def drawn(self, train: Role) -> Role:
        """The training rows to use: `params.shots` of each class, drawn with the recipe's seed, or all of them."""
        shots = whole_of(self.recipe, "shots")
        return train.take(few(train, shots, self.recipe.seed)) if shots else train

    def whole_train(self, task: Task) -> Role:
        """All training rows, before `params.shots`: the feature cache holds features of the whole split."""
        return labelled_role("train", self.job.data["train"], task)

    def weighted(self, roles: Roles) -> Task:
        """The task, with balanced class weights if the recipe asks for them. Raises: BadRecipeError for regression."""
        if value_of(self.recipe, "class_weights") == "none":
            return roles.task
        if isinstance(roles.task, SingleLabel | MultiLabel):
            return roles.task.balanced(roles.train.targets)
        raise BadRecipeError(
            "'params.class_weights' needs labels that are classes, and these are not", remedy="Leave class_weights out"
        )

    def steps(self, items: int) -> int:
        """Planned optimiser steps over all epochs, for a number of training items."""
        return self.recipe.epochs * batches_per_epoch(items, self.recipe.batch_size, least=2 * self.group.size)

    def selector(self, predict: Predict, module: nn.Module, items: Items, role: Role, task: Task) -> ModelSelector:
        """Selects the best epoch by the metrics of `predict` on the rows of `role`."""
        metric = selection_metric(self.recipe.metrics, task.metrics)

        def measured() -> dict[str, float]:
            outputs = task.in_label_units(evaluate(predict, module, items, role.targets, self.device, self.group))
            return measure(task, (*self.recipe.metrics, metric, "loss"), role.targets, outputs)

        return ModelSelector(measured, metric, role.name, self._patience)

    @property
    def _patience(self) -> int:
        return whole_of(self.recipe, "patience")

    def fit(
        self,
        objective: Objective,
        module: nn.Module,
        groups: list[dict[str, object]],
        items: Items,
        targets: Targets,
        *,
        selector: ModelSelector | None,
        frozen: Sequence[nn.Module] = (),
        **more: Any,
    ) -> Fit:
        """A fit of `module`, restored from the checkpoint if there is one. Raises: BadRecipeError."""
        if selector is None and "patience" in self.recipe.params and self._patience:
            raise BadRecipeError("'params.patience' needs validation data", remedy="Add data.validation")
        fit = Fit(
            recipe=self.recipe,
            fix=self.fix,
            objective=objective,
            module=module,
            frozen=list(frozen),
            optimizer=build(groups, self.recipe.optimizer),
            # Where statistics are computed anew, those of frozen parts are too: AdaBN is nothing else.
            effect=Effect.expected(module, () if more.get("settle") else frozen, groups),
            items=items,
            targets=targets,
            selector=selector,
            device=self.device,
            group=self.group,
            checkpoints=self.checkpoints,
            fingerprint=fingerprint(self.job),
            steps=self.steps(len(items)),
            since=self.since,
            **more,
        )
        if self.found is not None:
            fit.restore(self.found)
        return fit

    def settling(self, learner: Learner, items: Items, targets: Targets) -> Callable[[], None] | None:
        """A function that computes the running statistics of `learner` from `items`; None if it has none."""
        if not keeps_statistics(learner.module):
            return None

        def settle() -> None:
            for _ in gather(learner.predict, learner.module, items, targets, self.device, seed=self.recipe.seed):
                pass

        return settle

    def started(self, module: nn.Module, items: int) -> Started:
        """The first event. `module` is the output model, `items` the number of training items."""
        libraries = {"python": platform.python_version(), "torch": torch.__version__}
        libraries |= {name: version(name) for name in ("numpy", "safetensors")}
        return Started(
            device=str(self.device.target),
            precision=self.device.precision,
            hardware=dict(self.device.hardware) | {"processes": str(self.group.size)},
            libraries=libraries | dict(self.framework.libraries()),
            steps=self.steps(items) if items else 0,
            epochs=self.recipe.epochs,
            trainable=sum(p.numel() for p in module.parameters() if p.requires_grad),
            parameters=sum(p.numel() for p in module.parameters()),
            resumed_from=int(str(self.found.state["step"])) if self.found else 0,
        )

    def measure_model(
        self, predict: Predict, module: nn.Module, items: Mapping[str, Items], roles: Roles, fit: Fit | None
    ) -> Generator[Measured, None, Logits | None]:
        """Measure the finished model and its baselines on validation and test data; returns the test outputs.

        A baseline ignores the input: it predicts the majority class, or the mean of the training labels.
        """
        outputs: Logits | None = None
        self.check_training(predict, module, items[roles.train.name], roles, fit)
        for role in (roles.validation, roles.test):
            if role is not None:
                outputs = yield from self.measure_role(
                    predict, module, items[role.name], role, roles.task, train=roles.train.targets, fit=fit
                )
        return outputs if roles.test is not None else None

    def check_training(self, predict: Predict, module: nn.Module, items: Items, roles: Roles, fit: Fit | None) -> None:
        """Check, once, that the model has learnt its training rows and answers them alike in both modes.

        `items` are those rows. Outputs must be in the units of the labels already (`Task.fold_scale`).
        """
        train = roles.train
        if train.name in self.checks:
            return
        chosen = some_of(len(train.rows), self.recipe.seed)
        some, targets = Some(items, chosen), train.targets[chosen]
        evaluation = training = evaluate(predict, module, some, targets, self.device, self.group)
        if fit is not None:
            size = self.recipe.batch_size
            training = answers_in_training(predict, fit, some, targets, self.device, batch=size)
        found = compare_modes(self.weighted(roles), train.targets, targets, evaluation, training)
        self.checks[train.name] = found.record()

    def measure_role(
        self,
        predict: Predict,
        module: nn.Module,
        items: Items,
        role: Role,
        task: Task,
        *,
        train: Targets | None = None,
        fit: Fit | None = None,
    ) -> Generator[Measured, None, Logits]:
        """Measure a finished model on one role, and with `train` its baselines too; returns the outputs."""
        epoch, step = (fit.progress.best_epoch, fit.progress.step) if fit else (0, 0)
        outputs = evaluate(predict, module, items, role.targets, self.device, self.group)
        values = measure(task, self.recipe.metrics, role.targets, outputs)
        values |= task.baseline(train, role.targets) if train is not None else {}
        for name, value in values.items():
            yield Measured(name, value, role.name, epoch, step, final=True)
        return outputs

    def finished(
        self,
        save: Callable[[Path], None],
        architecture: str,
        *,
        flops: float,
        classes: Sequence[str] = (),
        fit: Fit | None = None,
        files: Mapping[str, bytes] | None = None,
        facts: Mapping[str, object] | None = None,
    ) -> Finished:
        """Write the output folder (the first process only) and build the last event."""
        folder = self.job.work / "output"
        if self.group.first:
            folder = publish(self.job.work, save, files or {})
        recorded: dict[str, object] = {"threads": self.fix.threads, **self._checked}
        if fit is not None:
            recorded |= {
                "best_epoch": fit.progress.best_epoch,
                "epochs_run": fit.progress.epoch,
                "chosen_by": f"{fit.selector.role} {fit.selector.metric}" if fit.selector else "last epoch",
                "samples_seen": fit.progress.samples,
                "effect": fit.changes,
            }
        more = dict(facts or {})
        notes = [note for part in (recorded, more) for note in cast("Sequence[str]", part.get("notes", ()))]
        spent = fit.seconds if fit is not None else time.perf_counter() - self.since
        return Finished(
            folder=folder,
            architecture=architecture,
            device_seconds=spent * self.group.size,
            flops=flops,
            flops_method=METHOD,
            classes=tuple(classes),
            facts=recorded | more | ({"notes": notes} if notes else {}),
        )

    @property
    def _checked(self) -> dict[str, object]:
        """The checks on training rows as facts, with a note for each in which the modes disagree."""
        found: dict[str, object] = {CHECK: self.checks} if self.checks else {}
        notes = [
            f"{disagreement(check)}: in use, the model does not answer as it was trained to"
            for check in self.checks.values()
            if not check["agrees"]
        ]
        return found | ({"notes": notes} if notes else {})

    def finished_training(
        self,
        learner: Learner,
        roles: Roles,
        fit: Fit | None,
        test: Logits | None,
        flops: float,
        facts: Mapping[str, object],
    ) -> Finished:
        """As `finished`, for a model with one head that was trained on labels; its `notes`, if any, are recorded.

        Raises: NotReproducedError.
        """
        files = {}
        if test is not None and roles.test is not None:
            files[PREDICTIONS] = predictions(roles.task, roles.test, test)
        recorded: dict[str, object] = {
            "head_kept": learner.keeps_head,
            "test_rows_seen_in_train": roles.test_rows_seen_in_train,
            "train_rows": len(roles.train.rows),
            **learner_facts(learner),
            **facts,
            "notes": [*learner_notes(learner), *cast("Sequence[str]", facts.get("notes", ()))],
        }

        def save(folder: Path) -> None:
            learner.save(folder, roles.task)
            recorded.update(check_adapter(learner, roles))
            recorded.update(check_written(folder, self.framework, learner, roles, test, self.device))

        return self.finished(
            save,
            learner.architecture,
            flops=flops,
            classes=roles.task.classes,
            fit=fit,
            files=files,
            facts=recorded,
        )


def measure(task: Task, names: Sequence[str], targets: Targets, outputs: Logits) -> dict[str, float]:
    """The metrics of `names` that `task` has (baselines are measured elsewhere)."""
    return {name: task.metrics[name](targets, outputs) for name in names if name in task.metrics}


def learner_facts(learner: Learner) -> dict[str, object]:
    """What a learner says about itself, for the manifest: its notes, and how far it has read texts."""
    texts: TextsRead | None = getattr(learner, "texts", None)
    return {"notes": learner_notes(learner), **(texts.facts() if texts else {})}


def learner_notes(learner: Learner) -> list[str]:
    """The notes of a learner, and how many texts it has cut."""
    texts: TextsRead | None = getattr(learner, "texts", None)
    return [*getattr(learner, "notes", ()), *(texts.notes() if texts else ())]


def check_layer(recipe: Recipe, learner: Learner) -> None:
    """Raises: BadRecipeError if `params.layer` is not the layer that the learner takes features from.

    A learner that can read several layers names the one in use in its attribute `layer`; the others use `last`.
    """
    wanted = value_of(recipe, "layer")
    if wanted != getattr(learner, "layer", "last"):
        layers = ", ".join(name for name, _ in learner.layers)
        raise BadRecipeError(
            f"'params.layer' is {wanted!r}, but features of {learner.architecture} are only taken after its last layer",
            remedy=f"Write layer: last, or leave it out. Its layers are {layers}",
        )


def check_task(metrics: Sequence[str], task: Task) -> None:
    """Raises: BadRecipeError for a metric that does not exist for this kind of label."""
    check_metrics(metrics, task.metrics, task.baselines, task.labels.value)
