"""Multi-task learning: one backbone and a head for each task; losses have given weights or learnt uncertainty weights.

The output is the model with the head of the first task, as its library loads it, and all heads by name, the first one
included (`heads.safetensors`: `TASK.weight` and `TASK.bias`, applied to the features; `heads.json`: their classes).
"""

from __future__ import annotations

import json
from collections.abc import Iterator, Mapping
from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np
import torch
from safetensors.torch import save_file
from torch import Tensor, nn

from adapters.loop.environment import Environment, Predict, learner_facts, measure
from adapters.loop.output import predictions
from adapters.loop.reproducing import check_written
from adapters.loop.tasks.metrics import Logits, merit, selection_metric
from adapters.loop.tasks.roles import Roles, read_roles
from adapters.loop.techniques.together import Together, array_of, part_of
from adapters.loop.training.evaluate import evaluate
from adapters.loop.training.fit import ModelSelector
from adapters.loop.training.flops import learning_flops, one_item
from adapters.loop.training.learner import Learner
from adapters.loop.training.loop import Inputs
from adapters.loop.training.optimizers import freeze, parameter_groups
from registry.domain.recipes.methods import TEST, TRAIN, VALIDATION, split_role
from registry.domain.recipes.params import value_of, whole_of
from registry.errors import BadRecipeError
from registry.ports.transfers import TransferEvent

TARGETS = "targets"


class Heads(nn.Module):
    """One linear head per task on shared features, and the log variance of each task.

    With uncertainty weights the loss is the sum over tasks of exp(-s) L + s / 2, s being the log variance (Kendall and
    others 2018, without their factor 1/2 for regression, which s absorbs).
    """

    def __init__(self, learner: Learner, tasks: Mapping[str, Roles]) -> None:
        super().__init__()
        self.model = learner.module
        (_, *others) = tasks
        self.others = nn.ModuleDict({n: nn.Linear(learner.feature_size, tasks[n].task.outputs) for n in others})
        self.variances = nn.Parameter(torch.zeros(len(tasks)))


def multi_task(env: Environment) -> Iterator[TransferEvent]:
    """Train all tasks together; the best epoch has the best mean of the tasks' selection metrics."""
    recipe, device, source = env.recipe, env.device, env.job.sources[0]
    tasks = _tasks(env)
    first = next(iter(tasks))
    learner = env.framework.open(source, recipe, tasks[first].task, keep_head=False, fresh=False)
    if learner.feature_layer == "none":
        raise BadRecipeError(
            f"The source {source.label} gives no features that tasks could share", remedy="Choose another source"
        )
    weights = _weights(env, tasks)
    whole = Heads(learner, tasks)
    frozen = freeze(learner.layers, learner.head, recipe.freeze)
    groups = parameter_groups(learner.module, learner.layers, learner.head, recipe.optimizer)
    heads = [*whole.others.parameters(), *([] if weights else [whole.variances])]
    lr = recipe.optimizer.lr
    groups.append({"params": heads, "lr": lr, "initial_lr": lr, "weight_decay": 0.0})
    whole.variances.requires_grad_(not weights)
    device.place(whole)
    yield env.started(whole, max(len(roles.train.rows) for roles in tasks.values()))
    items = {role.name: learner.items(role) for roles in tasks.values() for role in roles.chosen_on}
    batches = Together(
        {name: items[roles.train.name] for name, roles in tasks.items()},
        {name: {TARGETS: roles.train.targets} for name, roles in tasks.items()},
    )
    predict = {name: _predict(learner, whole, name) for name in tasks}

    def objective(inputs: Inputs, _: Tensor) -> Tensor:
        losses = [
            roles.task.loss(predict[name](part_of(inputs, name, TARGETS)), array_of(inputs, name, TARGETS))
            for name, roles in tasks.items()
        ]
        if weights:
            return torch.stack([weights[name] * loss for name, loss in zip(tasks, losses, strict=True)]).sum()
        return (torch.exp(-whole.variances) * torch.stack(losses) + whole.variances / 2).sum()

    fit = env.fit(
        objective,
        whole,
        groups,
        batches,
        np.zeros(len(batches), dtype=np.int64),
        selector=_selector(env, whole, tasks, items, predict),
        frozen=frozen,
    )
    yield from fit.run()
    flops, files = 0.0, {}
    recorded: dict[str, Logits | None] = {}
    for name, roles in tasks.items():
        roles.task.fold_scale(_linear(learner, whole, name))
        items |= {role.name: learner.items(role) for role in roles.tested}
        recorded[name] = outputs = yield from env.measure_model(predict[name], whole, items, roles, fit)
        if outputs is not None and roles.test is not None:
            files[f"predictions-{name}.json"] = predictions(roles.task, roles.test, outputs)
        one = one_item(items[roles.train.name], device)
        flops += learning_flops(predict[name], learner.module, one) * fit.progress.samples

    def save(folder: Path) -> None:
        learner.save(folder, tasks[first].task)
        facts.update(check_written(folder, env.framework, learner, tasks[first], recorded[first], env.device))
        _save_heads(folder, learner, whole, tasks)

    facts: dict[str, object] = {
        "tasks": {
            name: {"classes": list(roles.task.classes), "rows": len(roles.train.rows)} for name, roles in tasks.items()
        },
        "weights": weights
        or {n: float(torch.exp(-s)) for n, s in zip(tasks, whole.variances.detach().cpu(), strict=True)},
        "first_task": first,
        **learner_facts(learner),
    }
    yield env.finished(
        save,
        learner.architecture,
        flops=flops,
        classes=tasks[first].task.classes,
        fit=fit,
        files=files,
        facts=facts,
    )


def _tasks(env: Environment) -> dict[str, Roles]:
    """The roles of each task, in the recipe's order. Raises: BadRecipeError for fewer than two, or no training data."""
    names = list(dict.fromkeys(split_role(role)[1] for role in env.job.data))
    if len(names) < 2:
        raise BadRecipeError(
            "The method multi_task needs two tasks or more", remedy="Add data.train.NAME for each of them"
        )
    found = {}
    for name in names:
        roles = read_roles(env.job, train=f"{TRAIN}.{name}", validation=f"{VALIDATION}.{name}", test=f"{TEST}.{name}")
        found[name] = replace(roles, train=env.drawn(roles.train))
    known = {metric for roles in found.values() for metric in (*roles.task.metrics, *roles.task.baselines)}
    if strange := [metric for metric in env.recipe.metrics if metric not in known]:
        raise BadRecipeError(
            f"The metric {strange[0]!r} is not known for any of the tasks",
            remedy=f"Choose one of {', '.join(sorted(known))}",
        )
    return found


def _weights(env: Environment, tasks: Mapping[str, Roles]) -> dict[str, float]:
    """The weight of each task's loss; empty where they are learnt. Raises: BadRecipeError for an unknown task."""
    if value_of(env.recipe, "weighting") == "uncertainty":
        return {}
    value = value_of(env.recipe, "weights")
    given: Mapping[str, Any] = value if isinstance(value, Mapping) else {}
    if strange := [name for name in given if name not in tasks]:
        raise BadRecipeError(
            f"'params.weights' names {strange[0]!r}, which is not a task", remedy=f"The tasks are {', '.join(tasks)}"
        )
    return {name: float(given.get(name, 1.0)) for name in tasks}


def _linear(learner: Learner, whole: Heads, name: str) -> nn.Linear:
    if name in whole.others:
        head = whole.others[name]
        assert isinstance(head, nn.Linear)  # noqa: S101 -- for the type checker
        return head
    return learner.last_linear()


def _predict(learner: Learner, whole: Heads, name: str) -> Predict:
    if name in whole.others:
        head = whole.others[name]
        return lambda inputs: head(learner.features(inputs))
    return learner.predict


def _selector(
    env: Environment,
    whole: Heads,
    tasks: Mapping[str, Roles],
    items: Mapping[str, Any],
    predict: Mapping[str, Predict],
) -> ModelSelector | None:
    held = {name: roles.validation for name, roles in tasks.items() if roles.validation is not None}
    if not held:
        return None

    def measured() -> dict[str, float]:
        values: dict[str, float] = {}
        merits = []
        for name, role in held.items():
            task = tasks[name].task
            metric = selection_metric(env.recipe.metrics, task.metrics)
            outputs = evaluate(predict[name], whole, items[role.name], role.targets, env.device, env.group)
            found = measure(task, (*env.recipe.metrics, metric, "loss"), role.targets, task.in_label_units(outputs))
            merits.append(merit(metric, found)[0])
            values |= {f"{name}.{key}": value for key, value in found.items()}
        return values | {"mean_of_tasks": sum(merits) / len(merits)}

    return ModelSelector(measured, "mean_of_tasks", VALIDATION, whole_of(env.recipe, "patience"))


def _save_heads(folder: Path, learner: Learner, whole: Heads, tasks: Mapping[str, Roles]) -> None:
    linear = {name: _linear(learner, whole, name) for name in tasks}
    tensors = {
        f"{n}.{k}": t.detach().cpu().contiguous() for n, head in linear.items() for k, t in head.state_dict().items()
    }
    save_file(tensors, folder / "heads.safetensors", metadata={"format": "pt"})
    described = {
        name: {"labels": roles.task.labels.value, "classes": list(roles.task.classes)} for name, roles in tasks.items()
    }
    text = json.dumps({"features": learner.feature_layer, "heads": described}, indent=2, ensure_ascii=False) + "\n"
    (folder / "heads.json").write_text(text, encoding="utf-8")
