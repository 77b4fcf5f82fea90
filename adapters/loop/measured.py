"""Measures a model that needs no training on the recipe's data, if there is any, and writes it unchanged."""

from __future__ import annotations

import shutil
from collections.abc import Iterator, Mapping
from dataclasses import replace
from pathlib import Path

from adapters.loop.environment import Environment, check_task, learner_facts, measure
from adapters.loop.output import OUTPUTS, PREDICTIONS, array_file, predictions
from adapters.loop.tasks.roles import labelled_role
from adapters.loop.tasks.tasks import Task, task_for
from adapters.loop.training.evaluate import evaluate
from adapters.loop.training.flops import one_item, reading_flops
from adapters.loop.training.learner import Learner
from registry.domain.data.labels import classes_of
from registry.domain.recipes.methods import TEST, TRAIN, VALIDATION
from registry.domain.transfers.metrics import LESS_IS_BETTER
from registry.errors import BadDataError, BadRecipeError, RefusedError
from registry.ports.transfers import Measured, ModelInput, TransferEvent


def measured_as_it_is(
    env: Environment,
    made: ModelInput,
    facts: Mapping[str, object],
    *,
    written: Path | None = None,
    architecture: str | None = None,
    source: ModelInput | None = None,
    most_lost: float = 0.0,
) -> Iterator[TransferEvent]:
    """Measure `made` and finish with its folder as the output (or with `written`: the same model in another form).

    Nothing is trained or selected. Training data, if the recipe has any, is used for the baselines only. A `source` is
    measured too (its metrics are called `source_METRIC`); on test data, `made` may be worse than it by at most
    `most_lost` of the first metric (0: no limit).
    Raises: BadRecipeError for a model without a head, BadDataError for labels that are not among its classes,
    RefusedError if more is lost.
    """
    if env.job.any_labels:
        yield from _answered(env, made)
        return
    held, files, flops = [name for name in (VALIDATION, TEST) if name in env.job.data], {}, 0.0
    recorded = dict(facts)
    classes = env.framework.parent_classes(made)
    if held:
        task = _task(env, made, classes, held[0])
        before: dict[str, dict[str, float]] = {}
        if source is not None:
            learner = _opened(env, source, task)
            for name in held:
                role = labelled_role(name, env.job.data[name], task)
                outputs = evaluate(
                    learner.predict, learner.module, learner.items(role), role.targets, env.device, env.group
                )
                before[name] = measure(task, env.recipe.metrics, role.targets, outputs)
                for metric, value in before[name].items():
                    yield Measured(f"source_{metric}", value, name, 0, 0, final=True)
        learner = _opened(env, made, task)
        train = labelled_role(TRAIN, env.job.data[TRAIN], task).targets if TRAIN in env.job.data else None
        for name in held:
            role = labelled_role(name, env.job.data[name], task)
            items = learner.items(role)
            outputs = yield from env.measure_role(learner.predict, learner.module, items, role, task, train=train)
            if name == TEST and name in before:
                after = measure(task, env.recipe.metrics, role.targets, outputs)
                _refuse_larger_loss(made, env.recipe.metrics[0], before[name], after, most_lost)
            cost = reading_flops(learner.predict, learner.module, one_item(items, env.device))
            flops += cost * len(role.rows)
            if name == TEST:
                files[PREDICTIONS] = predictions(task, role, outputs)
                files |= {OUTPUTS: array_file(outputs)} if env.job.outputs else {}
        recorded |= learner_facts(learner)

    def save(folder: Path) -> None:
        shutil.copytree(
            written or made.folder, folder, dirs_exist_ok=True, ignore=shutil.ignore_patterns("predictions*.json")
        )

    kind = architecture or made.architecture
    yield env.finished(save, kind, flops=flops, classes=classes or (), files=files, facts=recorded)


def _answered(env: Environment, made: ModelInput) -> Iterator[TransferEvent]:
    """What the head gives for the test rows, whatever their labels are. Nothing is measured, and no model written."""
    data, classes = env.job.data[TEST], env.framework.parent_classes(made)
    task = task_for(data.labels, classes)
    if task is None or not classes:
        raise BadRecipeError(
            f"The model {made.label} has no head whose classes have names", remedy="Use a model that keeps its head"
        )
    rows = tuple(replace(row, label=classes[0]) for row in data.rows)  # a label that it knows: nobody looks at it
    role = labelled_role(TEST, replace(data, rows=rows), task)
    learner = _opened(env, made, task)
    outputs = evaluate(learner.predict, learner.module, learner.items(role), role.targets, env.device, env.group)
    files = {OUTPUTS: array_file(outputs)}
    yield env.finished(lambda _: None, made.architecture, flops=0.0, classes=classes, files=files, facts={})


def _opened(env: Environment, model: ModelInput, task: Task) -> Learner:
    learner = env.framework.open(model, env.recipe, task, keep_head=True, fresh=False)
    if not learner.keeps_head:
        raise BadRecipeError(
            f"The model {model.label} has no head, so it cannot be measured",
            remedy="Leave data out, or train a head first",
        )
    learner.module.requires_grad_(False)
    env.device.place(learner.module)
    return learner


def _refuse_larger_loss(
    made: ModelInput, metric: str, before: Mapping[str, float], after: Mapping[str, float], most: float
) -> None:
    lost = (before[metric] - after[metric]) * (-1 if metric in LESS_IS_BETTER else 1)
    if most and lost > most:
        raise RefusedError(
            f"The model {made.label} has {metric} {after[metric]:.3f} on test data, its source {before[metric]:.3f}; "
            f"the loss of {lost:.3f} is more than params.most_lost ({most:g})",
            remedy="Keep more bits, use smaller groups, or allow more",
        )


def _task(env: Environment, made: ModelInput, classes: tuple[str, ...] | None, role: str) -> Task:
    data = env.job.data[role]
    task = task_for(data.labels, classes)
    if task is None:
        raise BadRecipeError(
            f"The model {made.label} cannot be compared with the labels of the data: its classes have no names",
            remedy="Leave data out, or use a model that was trained here",
        )
    check_task(env.recipe.metrics, task)
    labels = {name for row in data.chosen for name in classes_of(row.label, data.labels)}
    if task.classes and (strange := sorted(labels - set(task.classes))):
        raise BadDataError(
            f"The {role} data ({data.label}) has the label {strange[0]!r}, which is not a class of {made.label}",
            remedy=f"Its classes are {', '.join(task.classes[:20])}",
        )
    return task
