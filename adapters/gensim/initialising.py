"""Embedding initialisation: a new classifier whose vectors begin with the source's, and learn along or stay."""

from __future__ import annotations

from collections.abc import Iterator

from adapters.loop.environment import Environment
from adapters.loop.training.flops import learning_flops, one_item, reading_flops
from adapters.loop.training.optimizers import freeze, parameter_groups
from registry.ports.transfers import TransferEvent


def embedding_initialisation(around: Environment) -> Iterator[TransferEvent]:
    """Train the head, and unless `freeze` says backbone the vectors too, on the training texts' own words."""
    recipe, device = around.recipe, around.device
    roles, learner = around.open(keep_head=False)
    frozen = freeze(learner.layers, learner.head, recipe.freeze)
    groups = parameter_groups(learner.module, learner.layers, learner.head, recipe.optimizer)
    device.place(learner.module)
    yield around.started(learner.module, len(roles.train.rows))
    items = {role.name: learner.items(role) for role in roles.chosen_on}
    sample, task, held_out = one_item(items["train"], device), around.weighted(roles), roles.validation
    reading = reading_flops(learner.predict, learner.module, sample)
    learning = learning_flops(learner.predict, learner.module, sample)
    fit = around.fit(
        lambda inputs, targets: task.loss(learner.predict(inputs), targets),
        learner.module,
        groups,
        items["train"],
        roles.train.targets,
        judge=around.judge(learner.predict, learner.module, items["validation"], held_out, task) if held_out else None,
        frozen=frozen,
    )
    yield from fit.run()
    roles.task.settle(learner.exit())
    items |= {role.name: learner.items(role) for role in roles.tested}
    test = yield from around.answers(learner.predict, learner.module, items, roles, fit)
    read = sum(len(role.rows) for role in (held_out, roles.test) if role is not None)
    read += fit.progress.epoch * len(held_out.rows) if held_out else 0
    flops = learning * fit.progress.samples * around.ranks.world + reading * read
    yield around.learnt(learner, roles, fit, test, flops, {"frozen_layers": len(frozen), "layers": len(learner.layers)})
