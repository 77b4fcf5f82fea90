"""Measuring a finished model as it is, on the data of a recipe: nothing learns, nothing is chosen."""

from __future__ import annotations

from collections.abc import Iterator

from adapters.loop.environment import Environment, check_task
from adapters.loop.flops import one_item, reading_flops
from adapters.loop.roles import read_roles
from registry.errors import BadRecipeError
from registry.ports import TransferEvent


def evaluation(around: Environment) -> Iterator[TransferEvent]:
    """What a recipe of no epochs does; the output holds the answers and the model as it was.

    Raises: BadRecipeError for a source whose head is for other classes than the data has.
    """
    source, device = around.job.sources[0], around.device
    parent = around.workshop.parent_classes(source)
    roles = read_roles(around.job, parent)
    check_task(around.recipe.metrics, roles.task)
    learner = around.workshop.open(source, around.recipe, roles.task, keep_head=True, fresh=False)
    if not learner.keeps_head or (roles.task.classes and parent != roles.task.classes):
        raise BadRecipeError(
            f"{source.label} does not answer in the classes of the data", remedy="Measure it on data of its own classes"
        )
    learner.module.requires_grad_(False)
    device.place(learner.module)
    yield around.started(learner.module, 0)
    held_out = [role for role in (roles.validation, roles.test) if role is not None]
    items = {role.name: learner.items(role) for role in held_out}
    test = yield from around.answers(learner.predict, learner.module, items, roles, None)
    flops = 0.0
    if held_out:
        one = one_item(items[held_out[0].name], device)
        flops = reading_flops(learner.predict, learner.module, one) * sum(len(role.rows) for role in held_out)
    yield around.learnt(learner, roles, None, test, flops, {})
