"""Embedding initialisation: a new classifier whose vectors start as the source's, trained with the head or frozen."""

from __future__ import annotations

from collections.abc import Iterator

from adapters.loop.environment import Environment
from adapters.loop.training.flops import learning_flops, one_item, reading_flops
from adapters.loop.training.optimizers import freeze, parameter_groups
from registry.ports.transfers import TransferEvent


def embedding_initialisation(env: Environment) -> Iterator[TransferEvent]:
    """Train the head, and the vectors too unless `freeze: backbone`, on the words of the training texts."""
    recipe, device = env.recipe, env.device
    roles, learner = env.open(keep_head=False)
    frozen = freeze(learner.layers, learner.head, recipe.freeze)
    groups = parameter_groups(learner.module, learner.layers, learner.head, recipe.optimizer)
    device.place(learner.module)
    yield env.started(learner.module, len(roles.train.rows))
    items = {role.name: learner.items(role) for role in roles.chosen_on}
    sample, task, held_out = one_item(items["train"], device), env.weighted(roles), roles.validation
    reading = reading_flops(learner.predict, learner.module, sample)
    learning = learning_flops(learner.predict, learner.module, sample)
    fit = env.fit(
        lambda inputs, targets: task.loss(learner.predict(inputs), targets),
        learner.module,
        groups,
        items["train"],
        roles.train.targets,
        selector=env.selector(learner.predict, learner.module, items["validation"], held_out, task)
        if held_out
        else None,
        frozen=frozen,
    )
    yield from fit.run()
    roles.task.fold_scale(learner.last_linear())
    items |= {role.name: learner.items(role) for role in roles.tested}
    test = yield from env.measure_model(learner.predict, learner.module, items, roles, fit)
    read = sum(len(role.rows) for role in (held_out, roles.test) if role is not None)
    read += fit.progress.epoch * len(held_out.rows) if held_out else 0
    flops = learning * fit.progress.samples * env.group.size + reading * read
    yield env.finished_training(
        learner, roles, fit, test, flops, {"frozen_layers": len(frozen), "layers": len(learner.layers)}
    )
