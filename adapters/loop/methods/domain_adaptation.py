"""Domain adaptation: training on labelled source-domain items and unlabelled target-domain items.

Labels of the target-domain training items are ignored if there are any. The labels of the test data are used only to
measure the finished model.

The same model is also trained without alignment (for AdaBN: measured before its statistics are replaced). Its metrics
are called `source_only_METRIC`, so that everyone can see where an adaptation has done harm.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import replace

import numpy as np
from torch import Tensor, nn

from adapters.loop.environment import Environment, check_task, measure
from adapters.loop.machine.determinism import seed_everything
from adapters.loop.tasks.roles import Role, Roles, read_roles, unlabelled_role
from adapters.loop.tasks.tasks import Task
from adapters.loop.techniques.domains import Discriminator, coral, mmd
from adapters.loop.techniques.together import Together, part_of
from adapters.loop.training.checkpoints import Checkpoints
from adapters.loop.training.evaluate import evaluate
from adapters.loop.training.fit import Fit
from adapters.loop.training.flops import learning_flops, one_item, reading_flops
from adapters.loop.training.learner import Items, Learner
from adapters.loop.training.loop import Inputs, Objective
from adapters.loop.training.optimizers import freeze, parameter_groups
from adapters.loop.training.statistics import gather, keeps_statistics
from registry.domain.data.datasets import LabelKind
from registry.domain.recipes.methods import SOURCE_DOMAIN, TARGET_DOMAIN
from registry.domain.recipes.params import number_of, value_of
from registry.errors import BadDataError, BadRecipeError
from registry.ports.transfers import Advanced, DataInput, Measured, Saved, TransferEvent

SOURCE_ONLY = "source_only"
"""The name of the parameter, and the beginning of the names of metrics."""


def domain_adaptation(env: Environment) -> Iterator[TransferEvent]:
    """Deep CORAL, MMD (DAN) or DANN during training, or AdaBN after it."""
    recipe, device, source = env.recipe, env.device, env.job.sources[0]
    parent = env.framework.parent_classes(source)
    roles = _roles(env, parent)
    target = unlabelled_role(TARGET_DOMAIN, env.job.data[TARGET_DOMAIN])
    kept = bool(roles.task.classes) and parent == roles.task.classes
    learner = env.framework.open(source, recipe, roles.task, keep_head=kept, fresh=False)
    align = str(value_of(recipe, "align"))
    _check(learner, source.label, align)
    device.place(learner.module)
    yield env.started(learner.module, max(len(roles.train.rows), len(target.rows)))
    items = {role.name: learner.items(role) for role in roles.chosen_on}
    pairs = Together({SOURCE_DOMAIN: items[SOURCE_DOMAIN], TARGET_DOMAIN: learner.items(target)})
    fit = _fit(env, learner, roles, pairs, items, align)
    yield from fit.run()
    roles.task.fold_scale(learner.last_linear())
    items |= {role.name: learner.items(role) for role in roles.tested}
    compares, alone = bool(value_of(recipe, SOURCE_ONLY)), 0
    if align == "adabn":
        env.check_training(learner.predict, learner.module, items[SOURCE_DOMAIN], roles, fit)
        if compares:
            yield from _measured_alone(env, learner, roles, items)
        yield from _adapt_norms(env, learner, pairs.parts[TARGET_DOMAIN], target)
    test = yield from env.measure_model(learner.predict, learner.module, items, roles, fit)
    if align != "adabn" and compares:
        alone = fit.progress.samples
        yield from _source_only(env, roles, pairs, items, kept=kept)
    one = one_item(items[SOURCE_DOMAIN], device)
    flops = learning_flops(learner.predict, learner.module, one) * (2 * fit.progress.samples + alone)
    flops += reading_flops(learner.predict, learner.module, one) * len(target.rows)
    facts = {"align": align, "target_rows": len(target.rows), "target_labels_used": False}
    yield env.finished_training(learner, roles, fit, test, flops, facts)


def _fit(
    env: Environment, learner: Learner, roles: Roles, pairs: Together, items: Mapping[str, Items], align: str
) -> Fit:
    """A fit of `learner` to the labels of the source domain, aligned as `align` says (`none`: not at all)."""
    frozen = freeze(learner.layers, learner.head, env.recipe.freeze)
    groups = parameter_groups(learner.module, learner.layers, learner.head, env.recipe.optimizer)
    task = env.weighted(roles)
    objective, whole, more = _objective(env, learner, task, pairs, align)
    return env.fit(
        objective,
        whole,
        groups + more,
        pairs,
        roles.train.targets[np.arange(len(pairs)) % len(roles.train.rows)],
        selector=env.selector(learner.predict, learner.module, items["validation"], roles.validation, task)
        if roles.validation
        else None,
        frozen=frozen,
        settle=env.settling(learner, items[SOURCE_DOMAIN], roles.train.targets) if align == "adabn" else None,
    )


def _source_only(
    env: Environment, roles: Roles, pairs: Together, items: Mapping[str, Items], *, kept: bool
) -> Iterator[TransferEvent]:
    """Train on the same batches of the source domain without alignment, from the same weights, and measure that."""
    seed_everything(env.fix.seed)
    learner = env.framework.open(env.job.sources[0], env.recipe, roles.task, keep_head=kept, fresh=False)
    env.device.place(learner.module)
    own = Checkpoints(env.checkpoints.folder / SOURCE_ONLY)
    if env.found is None and env.group.first:
        own.clear()
    alone = replace(env, checkpoints=own, found=own.newest() if env.found is not None else None, checks={})
    fit = _fit(alone, learner, roles, pairs, items, "none")
    for event in fit.run():
        if isinstance(event, Advanced):
            total = round(event.samples * fit.steps / event.step)
            yield replace(event, phase="without alignment", epoch=float(env.recipe.epochs), total=total)
        elif isinstance(event, Saved):
            yield event
    roles.task.fold_scale(learner.last_linear())
    yield from _measured_alone(env, learner, roles, items)


def _measured_alone(
    env: Environment, learner: Learner, roles: Roles, items: Mapping[str, Items]
) -> Iterator[TransferEvent]:
    for role in (roles.validation, roles.test):
        if role is not None:
            outputs = evaluate(learner.predict, learner.module, items[role.name], role.targets, env.device, env.group)
            for name, value in measure(roles.task, env.recipe.metrics, role.targets, outputs).items():
                yield Measured(f"{SOURCE_ONLY}_{name}", value, role.name, 0, 0, final=True)


def _roles(env: Environment, parent: tuple[str, ...] | None) -> Roles:
    data = env.job.data
    source, target = _classes(data[SOURCE_DOMAIN]), _classes(data[TARGET_DOMAIN])
    if source and target and target != source:
        odd = min(target ^ source)
        raise BadDataError(
            f"The source and target domains have different classes: {odd!r} is in only one of them",
            remedy="Use data with the same classes, or the method fine_tuning",
            facts={"source": sorted(source), "target": sorted(target)},
        )
    roles = read_roles(env.job, parent, train=SOURCE_DOMAIN)
    check_task(env.recipe.metrics, roles.task)
    return Roles(roles.task, env.drawn(roles.train), roles.validation, roles.test)


def _classes(data: DataInput) -> set[str]:
    """The classes of a domain that was registered with class labels, else none. Only the set of names is used."""
    if data.labels is not LabelKind.CLASS:
        return set()
    return {row.label for row in data.chosen if row.label is not None}


def _check(learner: Learner, label: str, align: str) -> None:
    if align == "adabn" and not keeps_statistics(learner.module):
        raise BadRecipeError(
            f"The source {label} has no BatchNorm layers, which adabn adapts",
            remedy="Write params.align: coral, mmd or dann",
        )
    if align != "adabn" and learner.feature_layer == "none":
        raise BadRecipeError(
            f"The source {label} gives no features that could be aligned", remedy="Choose another source"
        )


def _objective(
    env: Environment, learner: Learner, task: Task, pairs: Items, align: str
) -> tuple[Objective, nn.Module, list[dict[str, object]]]:
    """The loss of a paired batch, the module to train, and parameter groups beyond those of the learner."""
    weight, optimizer = number_of(env.recipe, "align_weight"), env.recipe.optimizer
    if align in {"adabn", "none"}:

        def label_loss(inputs: Inputs, targets: Tensor) -> Tensor:
            return task.loss(learner.predict(part_of(inputs, SOURCE_DOMAIN)), targets)

        return label_loss, learner.module, []
    distance: nn.Module | None = None
    if align == "dann":
        distance = Discriminator(learner.feature_size, env.steps(len(pairs))).to(env.device.target)
    distance_of = distance if distance is not None else {"coral": coral, "mmd": mmd}[align]

    def aligned(inputs: Inputs, targets: Tensor) -> Tensor:
        here, there = learner.features(part_of(inputs, SOURCE_DOMAIN)), learner.features(part_of(inputs, TARGET_DOMAIN))
        loss = task.loss(learner.classify(here), targets)
        return loss + weight * distance_of(here.flatten(1), there.flatten(1))

    if distance is None:
        return aligned, learner.module, []
    group = {"params": list(distance.parameters()), "lr": optimizer.lr, "initial_lr": optimizer.lr, "weight_decay": 0.0}
    return aligned, nn.ModuleDict({"model": learner.module, "domain": distance}), [group]


def _adapt_norms(env: Environment, learner: Learner, items: Items, target: Role) -> Iterator[TransferEvent]:
    """Give every BatchNorm the statistics of the target domain (Li and others 2016, AdaBN).

    This needs weights that were trained with batch statistics: weights trained with frozen statistics fail with others.
    """
    seed, epochs = env.recipe.seed, float(env.recipe.epochs)
    for done in gather(learner.predict, learner.module, items, target.targets, env.device, seed=seed, most=None):
        yield Advanced(0, epochs, "statistics of the target domain", None, done)
