"""Feature extraction: a new head on the features of a frozen backbone, which are computed once and cached.

The head is trained on standardised features; afterwards the standardisation is folded into its weights
(`techniques.probe`). A `logistic` or `ridge` head is solved at once (`techniques.solving`), optionally for several
random draws of a few training rows.
"""

from __future__ import annotations

import math
from collections.abc import Generator, Iterator, Mapping, Sequence
from typing import Any

import numpy as np
import torch
from torch import Tensor, nn

from adapters.loop.environment import Environment, Predict, check_layer, measure
from adapters.loop.machine.device import Device
from adapters.loop.machine.process_group import ProcessGroup
from adapters.loop.methods.exporting import exporting
from adapters.loop.tasks.labelled import Indexes
from adapters.loop.tasks.roles import Role, Roles, few
from adapters.loop.techniques.features import Features
from adapters.loop.techniques.probe import Extraction, Standard, extract
from adapters.loop.techniques.solving import logistic, ridge
from adapters.loop.training.evaluate import evaluate
from adapters.loop.training.fit import Fit
from adapters.loop.training.flops import learning_flops, one_item
from adapters.loop.training.learner import ArrayItems, Learner
from adapters.loop.training.loop import Inputs
from adapters.loop.training.optimizers import freeze, parameter_groups
from registry.domain.comparison.statistics.student import t_quantile
from registry.domain.recipes.params import value_of, whole_of
from registry.domain.recipes.recipe import Freeze
from registry.errors import BadRecipeError
from registry.ports.transfers import Measured, TransferEvent

HELD_ON_GPU = 8 * 1024**3
"""Bytes of cached features up to which they are kept in GPU memory; larger ones are copied batch by batch."""


def feature_extraction(env: Environment) -> Iterator[TransferEvent]:
    """Train a head, or export features. Under torchrun only the first process works: a head is too small to share."""
    if not env.group.first:
        return
    env.group = ProcessGroup()
    if value_of(env.recipe, "export") != "none":
        yield from exporting(env)
        return
    _check(env)
    # The cache holds features of the whole split; `shots` selects rows from them.
    device, (whole, learner) = env.device, env.open(keep_head=False, shots=False)
    check_layer(env.recipe, learner)
    chosen = _drawn(env, whole.train, 0)
    roles = Roles(whole.task, whole.train.take(chosen), whole.validation, whole.test)
    frozen = freeze(learner.layers, learner.head, Freeze("backbone"))
    device.place(learner.module)
    solved = env.recipe.head.solved
    yield env.started(learner.module, 0 if solved else len(chosen))
    extraction = Extraction()
    yield from extract(env.job, learner, (*whole.chosen_on, *whole.tested), device, env.name, extraction)
    features = extraction.features["train"]
    facts: dict[str, object] = {"feature_layer": learner.feature_layer}
    standard = Standard.of(features[chosen])
    fit: Fit | None = None
    if solved:
        facts[env.recipe.head.kind] = _solve(env, learner, roles, standard, features[chosen])
    else:
        learned = {role.name: extraction.features[role.name] for role in whole.chosen_on}
        fit = _fit(env, learner, roles, standard, learned | {"train": features[chosen]}, frozen)
        yield from fit.run()
        _fold(learner, roles, standard)
    learner.module.eval()
    read = extraction.features | {"train": features[chosen]}
    plain = {name: hold(torch.from_numpy(found), device) for name, found in read.items()}
    test = yield from env.measure_model(_head_of(learner), learner.head, plain, roles, fit)
    if whole_of(env.recipe, "repeats") > 1:
        facts["repeats"] = yield from _repeated(env, learner, whole, extraction.features)
    facts |= {"features_computed": extraction.items, "feature_cache_hits": extraction.hits}
    per_item = learning_flops(_head_of(learner), learner.head, one_item(plain["train"], device))
    flops = extraction.flops + (per_item * fit.progress.samples if fit else 0.0)
    yield env.finished_training(learner, roles, fit, test, flops, facts)


def _check(env: Environment) -> None:
    recipe = env.recipe
    if not recipe.head.solved and whole_of(recipe, "repeats") > 1:
        raise BadRecipeError(
            "'params.repeats' needs a head that is solved instead of trained", remedy="Add head: logistic"
        )
    if recipe.head.kind == "ridge" and value_of(recipe, "class_weights") != "none":
        raise BadRecipeError(
            "A ridge head gives all rows the same weight",
            remedy="Leave params.class_weights out, or write head: logistic",
        )


def _drawn(env: Environment, train: Role, repeat: int) -> Indexes:
    return few(train, whole_of(env.recipe, "shots"), env.recipe.seed + repeat)


def _head_of(learner: Learner) -> Predict:
    def classify(inputs: Inputs) -> Tensor:
        assert isinstance(inputs, Tensor)  # noqa: S101 -- for the type checker: features are one tensor
        return learner.classify(inputs)

    return classify


def _fit(
    env: Environment,
    learner: Learner,
    roles: Roles,
    standard: Standard,
    features: Mapping[str, Features],
    frozen: list[nn.Module],
) -> Fit:
    """A fit of the head on standardised features."""
    held = {name: hold(standard.apply(found), env.device) for name, found in features.items()}
    task, classify, held_out = env.weighted(roles), _head_of(learner), roles.validation
    return env.fit(
        lambda inputs, targets: task.loss(classify(inputs), targets),
        learner.head,
        parameter_groups(learner.head, (), learner.head, env.recipe.optimizer),
        held["train"],
        roles.train.targets,
        selector=env.selector(classify, learner.head, held["validation"], held_out, task) if held_out else None,
        frozen=frozen,
    )


def _fold(learner: Learner, roles: Roles, standard: Standard) -> None:
    """Make the head take features as they are and give numbers in the units of the labels."""
    standard.fold(learner.first_linear())
    roles.task.fold_scale(learner.last_linear())


def _solve(
    env: Environment, learner: Learner, roles: Roles, standard: Standard, features: Features
) -> dict[str, float]:
    """Solve the head; returns the penalty chosen on training rows that were left out, and the error on them.

    Raises: BadRecipeError for a head of more than one layer.
    """
    if learner.first_linear() is not learner.last_linear():
        raise BadRecipeError(
            f"A {env.recipe.head.kind} head is one linear layer, but the head of this source has two",
            remedy="Write head: linear, which trains both of them",
        )
    rows, truth = standard.apply(features).numpy(), roles.train.targets
    if env.recipe.head.kind == "ridge":
        found, error = ridge(rows, roles.task, truth), "leave_one_out_error"
    else:
        found, error = logistic(rows, env.weighted(roles), truth, device=env.device.target), "cross_validated_loss"
    found.write(learner.last_linear())
    _fold(learner, roles, standard)
    return {"penalty": found.penalty, error: found.error}


def _repeated(
    env: Environment, learner: Learner, whole: Roles, features: Mapping[str, Features]
) -> Generator[Measured, None, dict[str, object]]:
    """Solve the head for several draws of the training rows and measure each; then restore the first head.

    Returns, by role and metric, the values, their mean and the half width of its 95 % interval (Student's t).
    """
    kept = {name: tensor.clone() for name, tensor in learner.head.state_dict().items()}
    found: dict[str, dict[str, list[float]]] = {}
    for repeat in range(whole_of(env.recipe, "repeats")):
        chosen = _drawn(env, whole.train, repeat)
        roles = Roles(whole.task, whole.train.take(chosen), whole.validation, whole.test)
        part = features["train"][chosen]
        _solve(env, learner, roles, Standard.of(part), part)
        for role in (role for role in (roles.validation, roles.test) if role is not None):
            held = hold(torch.from_numpy(features[role.name]), env.device)
            outputs = evaluate(_head_of(learner), learner.head, held, role.targets, env.device, env.group)
            for name, value in measure(roles.task, env.recipe.metrics, role.targets, outputs).items():
                found.setdefault(role.name, {}).setdefault(name, []).append(value)
    learner.head.load_state_dict(kept)
    summaries: dict[str, object] = {}
    for role_name, metrics in found.items():
        summaries[role_name] = {name: _interval(values) for name, values in metrics.items()}
        for name, values in metrics.items():
            summary = _interval(values)
            yield Measured(f"{name}_mean", summary["mean"], role_name, 0, 0, final=True)
            yield Measured(f"{name}_half_width", summary["half_width"], role_name, 0, 0, final=True)
    return summaries


def _interval(values: Sequence[float]) -> dict[str, Any]:
    half = t_quantile(0.975, len(values) - 1) * float(np.std(values, ddof=1)) / math.sqrt(len(values))
    return {"mean": float(np.mean(values)), "half_width": half, "values": list(values)}


def hold(rows: Tensor, device: Device) -> ArrayItems:
    """Features on the GPU as a whole if they are small enough, else in main memory, to be copied batch by batch."""
    fits = rows.numel() * rows.element_size() <= HELD_ON_GPU
    return ArrayItems(rows.to(device.target) if fits else rows)
