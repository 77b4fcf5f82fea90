"""Continued pretraining of image models on unlabelled images: SimCLR (Chen and others 2020).

The model is trained to match two random views of each image among the views of all images in the batch. A projection
head is trained with it and discarded; the output is the trunk, which every other method can use as a source.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import replace

import torch
import torch.nn.functional as F  # noqa: N812 -- its name in the field
from torch import Tensor, nn

from adapters.inputs.images import read_images
from adapters.loop.environment import Environment
from adapters.loop.tasks.roles import Role, unlabelled_role
from adapters.loop.training.feed import feed
from adapters.loop.training.fit import ModelSelector
from adapters.loop.training.flops import learning_flops, one_item
from adapters.loop.training.learner import Items
from adapters.loop.training.loop import Inputs, Objective
from adapters.loop.training.optimizers import freeze, parameter_groups
from adapters.loop.training.order import reading_order
from adapters.torch.models import ImageModel, Network, load_image_model
from adapters.torch.selfsupervised.views import random_view
from registry.domain.recipes.methods import TEST, UNLABELLED, VALIDATION
from registry.domain.recipes.params import number_of, whole_of
from registry.errors import BadRecipeError
from registry.ports.transfers import Measured, TransferEvent

PROJECTED = 128
"""Outputs of the projection head, as in the paper."""
VIEWS_SEED = 20200213
"""The seed of the views of held-out images: the same views at every epoch, so that epochs can be compared."""


def contrast(one: Tensor, two: Tensor, temperature: float) -> Tensor:
    """NT-Xent: the mean cross-entropy of finding each view's partner among the other 2N - 1 views (both N x D)."""
    views = F.normalize(torch.cat([one, two]).float(), dim=1)
    similarities = views @ views.T / temperature
    similarities = similarities.masked_fill(torch.eye(len(views), dtype=torch.bool, device=views.device), float("-inf"))
    partner = torch.arange(len(views), device=views.device).roll(len(one))
    return F.cross_entropy(similarities, partner)


def continued_pretraining(env: Environment) -> Iterator[TransferEvent]:
    """Train with SimCLR from the source's weights; the best epoch has the lowest loss on held-out images."""
    recipe, device, source = env.recipe, env.device, env.job.sources[0]
    if recipe.batch_size < 8:
        raise BadRecipeError(
            f"'batch_size' is {recipe.batch_size}, but SimCLR compares the images of a batch with one another",
            remedy="Use 8 or more",
        )
    roles = {name: unlabelled_role(name, data) for name, data in env.job.data.items()}
    model = load_image_model(source.folder, source.architecture)
    preprocess = model.preprocess.resized(recipe.image_size) if recipe.image_size else model.preprocess
    projection = nn.Sequential(nn.Linear(model.dim, model.dim), nn.ReLU(), nn.Linear(model.dim, PROJECTED))
    whole = nn.ModuleDict({"trunk": model.module.trunk, "projection": projection})
    trunk = _headless(model)
    layers = trunk.layers()
    frozen = freeze(layers, projection, recipe.freeze)
    groups = parameter_groups(whole, layers, projection, recipe.optimizer)
    device.place(whole)
    train = roles[UNLABELLED]
    yield env.started(whole, len(train.rows))
    items = {name: read_images(role.rows, role.data, preprocess) for name, role in roles.items()}
    temperature = number_of(recipe, "temperature")

    def predict(inputs: Inputs) -> Tensor:
        assert isinstance(inputs, Tensor)  # noqa: S101 -- for the type checker: images are one tensor
        projected: Tensor = projection(trunk.features(inputs))
        return projected

    def objective(inputs: Inputs, _: Tensor) -> Tensor:
        assert isinstance(inputs, Tensor)  # noqa: S101 -- as above
        return contrast(predict(random_view(inputs)), predict(random_view(inputs)), temperature)

    def held_out(name: str) -> float:
        return _loss(env, whole, items[name], roles[name], objective)

    selector = None
    if VALIDATION in roles:
        selector = ModelSelector(
            lambda: {"loss": held_out(VALIDATION)}, "loss", VALIDATION, whole_of(recipe, "patience")
        )
    fit = env.fit(objective, whole, groups, items[UNLABELLED], train.targets, selector=selector, frozen=frozen)
    yield from fit.run()
    for name in (VALIDATION, TEST):
        if name in roles:
            yield Measured("loss", held_out(name), name, fit.progress.best_epoch, fit.progress.step, final=True)
    flops = 2 * learning_flops(predict, whole, one_item(items[UNLABELLED], device)) * fit.progress.samples
    yield env.finished(
        replace(trunk, preprocess=preprocess).save,
        trunk.architecture,
        flops=flops,
        fit=fit,
        facts={"objective": "simclr", "unlabelled_rows": len(train.rows), "projection_kept": False},
    )


def _headless(model: ImageModel) -> ImageModel:
    """The same trunk (shared) without its head, which does not suit the new features."""
    return replace(
        model,
        architecture=model.family.architecture(None),
        module=Network(model.module.trunk, None),
        classes=None,
        shape=None,
    )


def _loss(env: Environment, module: nn.Module, items: Items, role: Role, objective: Objective) -> float:
    """Mean loss over batches of held-out images, with the same views every time."""
    module.eval()
    size = max(2, min(len(items), env.recipe.batch_size))
    order = [batch for batch in reading_order(len(items), size) if len(batch) > 1]
    total, seen = 0.0, 0
    with torch.random.fork_rng(devices=[]):
        torch.manual_seed(VIEWS_SEED)
        for indexes, (inputs, targets) in zip(order, feed(items, role.targets, order, env.device), strict=True):
            with torch.no_grad(), env.device.autocast():
                total += float(objective(inputs, targets)) * len(indexes)
            seen += len(indexes)
    return total / max(1, seen)
