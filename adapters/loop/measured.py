"""A model that is finished already: measured on the data of a recipe, if it has some, and written as it is."""

from __future__ import annotations

import shutil
from collections.abc import Iterator, Mapping
from pathlib import Path

from adapters.loop.environment import Environment, check_task, measure
from adapters.loop.output import PREDICTIONS, predictions
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
    """Measure `made`, and finish with its folder (or `written`, another form with its own `architecture`) as output.

    Nothing learns and nothing is chosen; training data, where the recipe has some, gives the baselines alone. With a
    `source` that too is measured, as `source_` and the metric's name, and `made` may be worse than it on test data by
    `most_lost` of the first metric (0: by anything).
    Raises: BadRecipeError for a model without a head, BadDataError for labels that it does not answer, RefusedError for
    one that lost more.
    """
    held, files, flops = [name for name in (VALIDATION, TEST) if name in env.job.data], {}, 0.0
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
                _refuse_loss(made, env.recipe.metrics[0], before[name], after, most_lost)
            cost = reading_flops(learner.predict, learner.module, one_item(items, env.device))
            flops += cost * len(role.rows)
            if name == TEST:
                files[PREDICTIONS] = predictions(task, role, outputs)

    def save(folder: Path) -> None:
        shutil.copytree(
            written or made.folder, folder, dirs_exist_ok=True, ignore=shutil.ignore_patterns("predictions*.json")
        )

    kind = architecture or made.architecture
    yield env.finished(save, kind, flops=flops, classes=classes or (), files=files, facts=facts)


def _opened(env: Environment, model: ModelInput, task: Task) -> Learner:
    learner = env.framework.open(model, env.recipe, task, keep_head=True, fresh=False)
    if not learner.keeps_head:
        raise BadRecipeError(f"{model.label} has no head to measure", remedy="Leave data out, or give it a head first")
    learner.module.requires_grad_(False)
    env.device.place(learner.module)
    return learner


def _refuse_loss(
    made: ModelInput, metric: str, before: Mapping[str, float], after: Mapping[str, float], most: float
) -> None:
    lost = (before[metric] - after[metric]) * (-1 if metric in LESS_IS_BETTER else 1)
    if most and lost > most:
        raise RefusedError(
            f"{made.label} has {metric} {after[metric]:.3f} on the test data, and its source {before[metric]:.3f}: "
            f"it lost {lost:.3f}, and params.most_lost allows {most:g}",
            remedy="Keep more bits, use smaller groups, or allow more",
        )


def _task(env: Environment, made: ModelInput, classes: tuple[str, ...] | None, role: str) -> Task:
    data = env.job.data[role]
    task = task_for(data.labels, classes)
    if task is None:
        raise BadRecipeError(
            f"{made.label} does not answer in the classes of the data: its head has no named ones",
            remedy="Measure it on data of its own classes, or leave data out",
        )
    check_task(env.recipe.metrics, task)
    said = {name for row in data.chosen for name in classes_of(row.label, data.labels)}
    if task.classes and (strange := sorted(said - set(task.classes))):
        raise BadDataError(
            f"{role} data ({data.label}) has the label {strange[0]!r}, which {made.label} does not answer",
            remedy=f"It answers {', '.join(task.classes[:20])}",
        )
    return task
