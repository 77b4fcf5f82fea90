"""Training on: all layers, or those from `freeze.until` on, with discriminative rates; or the same from scratch."""

from __future__ import annotations

from collections.abc import Iterator

from adapters.loop.environment import Environment
from adapters.loop.flops import learning_flops, one_item, reading_flops
from adapters.loop.optimizers import freeze, parameter_groups
from registry.domain.transfers import Method
from registry.ports import TransferEvent


def fine_tuning(around: Environment) -> Iterator[TransferEvent]:
    """Training on from the source's weights, or (`pretraining`) of its architecture from random ones.

    A parent's head for the same classes is kept; for other classes there is a new one.
    """
    recipe, device, fresh = around.recipe, around.device, around.recipe.method is Method.PRETRAINING
    roles, learner = around.open(keep_head=True, fresh=fresh)
    frozen = freeze(learner.layers, learner.head, recipe.freeze)
    groups = parameter_groups(learner.module, learner.layers, learner.head, recipe.optimizer)
    device.place(learner.module)
    yield around.started(learner.module, len(roles.train.rows))
    items = {role.name: learner.items(role) for role in roles.chosen_on}
    sample = one_item(items["train"], device)
    reading = reading_flops(learner.predict, learner.module, sample)
    learning = learning_flops(learner.predict, learner.module, sample)
    if device.compiles(recipe.params.get("compile", "auto"), around.steps(len(roles.train.rows))):
        learner.module.compile()
    task = around.weighted(roles)
    fit = around.fit(
        lambda inputs, targets: task.loss(learner.predict(inputs), targets),
        learner.module,
        groups,
        items["train"],
        roles.train.targets,
        judge=around.judge(learner.predict, learner.module, items["validation"], roles.validation, task)
        if roles.validation
        else None,
        frozen=frozen,
        fresh=fresh,
    )
    yield from fit.run()
    roles.task.settle(learner.exit())
    items |= {role.name: learner.items(role) for role in roles.tested}
    test = yield from around.answers(learner.predict, learner.module, items, roles, fit)
    read = sum(len(role.rows) for role in (roles.validation, roles.test) if role is not None)
    read += fit.progress.epoch * len(roles.validation.rows) if roles.validation else 0
    facts = {"frozen_layers": len(frozen), "layers": len(learner.layers)}
    flops = learning * fit.progress.samples * around.ranks.world + reading * read
    yield around.learnt(learner, roles, fit, test, flops, facts)
