"""Fine-tuning of all layers, or of those from `freeze.until` on, with discriminative learning rates; or pretraining.

Options of a recipe: a linear probe first (LP-FT), gradual unfreezing, a penalty on the distance from the initial
weights (L2-SP), an average with them (WiSE-FT), and MixUp.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator

from torch import nn

from adapters.loop.environment import Environment
from adapters.loop.machine.determinism import compile_module
from adapters.loop.tasks.roles import Roles, few
from adapters.loop.tasks.tasks import Task
from adapters.loop.techniques.anchoring import Anchor, mixed
from adapters.loop.techniques.augmenting import augmentation, augmented
from adapters.loop.techniques.probe import Extraction, Standard, extract
from adapters.loop.techniques.solving import logistic
from adapters.loop.training.flops import learning_flops, one_item, reading_flops
from adapters.loop.training.learner import Learner
from adapters.loop.training.loop import Objective
from adapters.loop.training.optimizers import freeze, parameter_groups
from registry.domain.recipes.params import number_of, value_of, whole_of
from registry.domain.recipes.recipe import Method, Recipe
from registry.errors import BadRecipeError
from registry.ports.transfers import TransferEvent


def fine_tuning(env: Environment) -> Iterator[TransferEvent]:
    """Train from the source's weights, or with `pretraining` its architecture from random weights.

    The source's own head is kept if it has the same classes; otherwise the head is new.
    """
    recipe, device, fresh = env.recipe, env.device, env.recipe.method is Method.PRETRAINING
    tuning = recipe.method is Method.FINE_TUNING  # pretraining and adapters have other params
    roles, learner = env.open(keep_head=True, fresh=fresh)
    frozen = freeze(learner.layers, learner.head, recipe.freeze)
    groups = parameter_groups(learner.module, learner.layers, learner.head, recipe.optimizer)
    device.place(learner.module)
    yield env.started(learner.module, len(roles.train.rows))
    probed = tuning and bool(value_of(recipe, "lp_ft"))
    if probed:
        yield from _probe(env, learner, roles)
    _check_average(env, shared_head=probed or learner.keeps_head)
    items = {role.name: learner.items(role) for role in roles.chosen_on}
    sample = one_item(items["train"], device)
    reading = reading_flops(learner.predict, learner.module, sample)
    learning = learning_flops(learner.predict, learner.module, sample)
    anchor = Anchor.of(learner.module) if tuning and _anchored(recipe) else None
    task = env.weighted(roles)
    objective = _objective(env, learner, task, anchor)
    # A record from before there was a choice has none: nothing was changed then.
    augment = augmentation(str(recipe.params.get("augment", "none")), items["train"])
    objective = augmented(objective) if augment == "light" else objective
    if device.compiles(recipe.params.get("compile", "auto"), env.steps(len(roles.train.rows))):
        compile_module(learner.module)
    fit = env.fit(
        objective,
        learner.module,
        groups,
        items["train"],
        roles.train.targets,
        selector=env.selector(learner.predict, learner.module, items["validation"], roles.validation, task)
        if roles.validation
        else None,
        frozen=frozen,
        settle=env.settling(learner, items["train"], roles.train.targets) if fresh else None,
        before_epoch=_unfreezing(env, learner, frozen),
    )
    yield from fit.run()
    if anchor is not None and number_of(recipe, "wise_ft") < 1:
        anchor.average(learner.module, number_of(recipe, "wise_ft"))
    roles.task.fold_scale(learner.last_linear())
    items |= {role.name: learner.items(role) for role in roles.tested}
    test = yield from env.measure_model(learner.predict, learner.module, items, roles, fit)
    read = sum(len(role.rows) for role in (roles.validation, roles.test) if role is not None)
    read += fit.progress.epoch * len(roles.validation.rows) if roles.validation else 0
    facts: dict[str, object] = {"frozen_layers": len(frozen), "layers": len(learner.layers)}
    facts |= {"augmentation": augment} if "augment" in recipe.params else {}
    flops = learning * fit.progress.samples + reading * read
    yield env.finished_training(learner, roles, fit, test, flops, facts)


def _objective(env: Environment, learner: Learner, task: Task, anchor: Anchor | None) -> Objective:
    recipe = env.recipe
    objective: Objective = lambda inputs, targets: task.loss(learner.predict(inputs), targets)  # noqa: E731
    if recipe.method is Method.FINE_TUNING and (mixup := number_of(recipe, "mixup")) > 0:
        objective = mixed(objective, mixup)
    if anchor is not None and (alpha := number_of(recipe, "l2_sp")) > 0:
        new = nn.Module() if learner.keeps_head else learner.head
        objective = anchor.l2_sp(objective, learner.module, new, alpha, number_of(recipe, "l2_sp_head"))
    return objective


def _anchored(recipe: Recipe) -> bool:
    """True if the initial weights are needed later: a copy of them is as large as the model."""
    return number_of(recipe, "l2_sp") > 0 or number_of(recipe, "wise_ft") < 1


def _probe(env: Environment, learner: Learner, roles: Roles) -> Iterator[TransferEvent]:
    """Set the head to a linear probe: trained alone on cached features, to the minimum of its loss."""
    if learner.feature_layer == "none" or learner.first_linear() is not learner.last_linear():
        raise BadRecipeError("'params.lp_ft' needs a head of one linear layer on features", remedy="Leave lp_ft out")
    extraction = Extraction()
    whole = roles.train if not whole_of(env.recipe, "shots") else env.whole_train(roles.task)
    yield from extract(env.job, learner, [whole], env.device, env.name, extraction)
    features = extraction.features["train"][few(whole, whole_of(env.recipe, "shots"), env.recipe.seed)]
    standard = Standard.of(features)
    solved = logistic(
        standard.apply(features).numpy(), env.weighted(roles), roles.train.targets, device=env.device.target
    )
    solved.write(learner.last_linear())
    standard.fold(learner.first_linear())


def _check_average(env: Environment, *, shared_head: bool) -> None:
    if env.recipe.method is Method.FINE_TUNING and number_of(env.recipe, "wise_ft") < 1 and not shared_head:
        raise BadRecipeError(
            "'params.wise_ft' averages with the initial weights, but those of a new head are random",
            remedy="Add params.lp_ft: true, or start from a version with a head for the same classes",
        )


def _unfreezing(env: Environment, learner: Learner, frozen: list[nn.Module]) -> Callable[[int], None]:
    """What to do before each epoch: nothing, or with `unfreeze: gradual` to unfreeze more layers, from the last one on.

    In the first epoch only the head is trained, in the last one everything that `freeze` leaves trainable.
    """
    recipe = env.recipe
    if recipe.method is not Method.FINE_TUNING or value_of(recipe, "unfreeze") == "all":
        return lambda _: None
    if env.group.size > 1:
        raise BadRecipeError(
            "'params.unfreeze: gradual' works with one process only", remedy="Write unfreeze: all, or use one GPU"
        )
    layers = [layer for _, layer in learner.layers if layer not in frozen]

    def thaw(epoch: int) -> None:
        trainable = len(layers) * epoch // max(1, recipe.epochs - 1) if recipe.epochs > 1 else len(layers)
        still = layers[: len(layers) - trainable]
        for layer in layers:
            layer.requires_grad_(layer not in still)
        frozen[:] = [*(layer for layer in frozen if layer not in layers), *still]

    return thaw
