"""Continues the training of language models on bare text: masked words, the next word, or contrasting sentences.

- masked (Devlin and others 2019): 15 % of the tokens are predicted; of these 80 % are masked, 10 % replaced;
- causal (Radford and others 2018): each token from those before it;
- simcse (Gao and others 2021): a sentence under two dropouts is matched against the others of its batch.

The result has the class of the source; a head that only training needed is discarded.
"""

from __future__ import annotations

import math
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass, replace

from torch import nn

from adapters.inputs.lengths import TextsRead
from adapters.loop.environment import Environment
from adapters.loop.tasks.metrics import selection_metric
from adapters.loop.tasks.roles import Role, has_labels, unlabelled_role
from adapters.loop.training.evaluate import evaluate
from adapters.loop.training.fit import ModelSelector
from adapters.loop.training.flops import learning_flops, one_item
from adapters.loop.training.optimizers import freeze, parameter_groups
from adapters.transformers.classifiers.heads import encoder_layers
from adapters.transformers.language_models.embeddings import alignment, knn_accuracy, uniformity
from adapters.transformers.language_models.language_model import open_language_model
from adapters.transformers.language_models.objectives import Contrast, Objective, objective_of
from adapters.transformers.texts.tokens import TokenItems, Tokens, packed
from registry.domain.data.datasets import LabelKind
from registry.domain.recipes.methods import TEST, TRAIN, UNLABELLED, VALIDATION
from registry.domain.recipes.params import value_of, whole_of
from registry.domain.recipes.recipe import WHOLE_TEXT, Method, Recipe
from registry.errors import BadRecipeError
from registry.ports.transfers import Measured, TransferEvent

PIECE = 128
"""Tokens of a piece of packed text where a recipe names no length. Packing leaves nothing out, whatever the size."""


def language_modelling(env: Environment) -> Iterator[TransferEvent]:
    """Train the source's weights further; the best epoch is chosen on held-out text.

    With `method: adapter` the source is frozen and an adapter is trained. Raises: BadRecipeError.
    """
    recipe, device = env.recipe, env.device
    roles = {name: unlabelled_role(name, data) for name, data in env.job.data.items()}
    train = roles[TRAIN if recipe.method is Method.ADAPTER else UNLABELLED]
    model = open_language_model(env.job.sources[0], recipe)
    objective = objective_of(model, recipe)
    module: nn.Module = model.module
    layers = encoder_layers(model.module.base_model)
    frozen = [] if model.adapted is not None else freeze(layers, model.head, recipe.freeze)
    groups = parameter_groups(module, layers, model.head, recipe.optimizer)
    device.place(module)
    texts_read = TextsRead(model.tokens.limit)
    items = {name: _read(model.tokens, role, recipe, objective, texts_read) for name, role in roles.items()}
    yield env.started(module, len(items[train.name]))
    held = {name: _Held(env, module, objective, items[name], roles[name]) for name in roles if name != train.name}
    selector = None
    if VALIDATION in held:
        known = held[VALIDATION].measures
        selector = ModelSelector(
            held[VALIDATION].values, selection_metric(recipe.metrics, known), VALIDATION, _patience(recipe)
        )
    for name in recipe.metrics:
        if any(name not in one.measures for one in held.values()):
            least = sorted(set.intersection(*(set(one.measures) for one in held.values())))
            raise BadRecipeError(
                f"The metric {name!r} does not exist for {objective.name} on this data",
                remedy=f"Choose one of {', '.join(least)}",
            )
    texts = items[train.name]
    fit = env.fit(
        lambda inputs, _: objective.loss(inputs),
        module,
        groups,
        texts,
        train.targets[[0] * len(texts)],  # the text itself is the target
        selector=selector,
        frozen=frozen,
    )
    yield from fit.run()
    for name in (VALIDATION, TEST):
        for metric, value in held[name].values().items() if name in held else ():
            if metric in {*recipe.metrics, "loss", "perplexity"}:
                yield Measured(metric, value, name, fit.progress.best_epoch, fit.progress.step, final=True)
    per_item = learning_flops(objective.predict, module, one_item(texts, device)) * objective.passes
    yield env.finished(
        model.save,
        model.architecture,
        flops=per_item * fit.progress.samples * env.group.size,
        fit=fit,
        facts={
            "objective": objective.name,
            "unlabelled_rows": len(train.rows),
            "sequences": len(texts),
            "tokens": int(texts.lengths.sum()),
            "head_kept": model.keeps_head,
            "notes": [*model.notes, *texts_read.notes()],
            **texts_read.facts(),
        },
    )


def _patience(recipe: Recipe) -> int:
    return whole_of(recipe, "patience")


def _read(tokens: Tokens, role: Role, recipe: Recipe, objective: Objective, texts_read: TextsRead) -> TokenItems:
    """The texts of `role`: joined and cut into pieces of `max_length` tokens, or each truncated there."""
    packing = value_of(recipe, "packing")
    if packing is False or (packing == "auto" and objective.name != "causal") or isinstance(objective, Contrast):
        items = tokens.read(role.rows, role.data)
        texts_read.add(role.name, items.reading)
        return items
    whole = replace(tokens, max_length=10**9).read(role.rows, role.data)
    size = tokens.max_length if recipe.max_length < WHOLE_TEXT else min(PIECE, tokens.max_length)
    return packed(whole, size, tokens.load().eos_token_id if objective.name == "causal" else None)


@dataclass(frozen=True, slots=True)
class _Held:
    """Held-out text and its metrics."""

    env: Environment
    module: nn.Module
    objective: Objective
    items: TokenItems
    role: Role

    @property
    def measures(self) -> Mapping[str, Callable[..., float]]:
        """By name; the first is the usual metric."""
        if not isinstance(self.objective, Contrast):
            return {"loss": float, "perplexity": float}
        labelled: dict[str, Callable[..., float]] = {"knn_accuracy": knn_accuracy, "alignment": alignment}
        return {"loss": float, "uniformity": uniformity, **(labelled if self._labelled else {})}

    @property
    def _labelled(self) -> bool:
        return has_labels(self.role.data) and self.role.data.labels is LabelKind.CLASS

    def values(self) -> dict[str, float]:
        """All metrics, with the same masked words and the same dropouts every time."""
        env, zeros = self.env, self.role.targets[[0] * len(self.items)]
        sums = evaluate(self.objective.score, self.module, self.items, zeros, env.device, env.group)
        loss = float(sums[:, 0].sum(dtype=float) / max(1.0, float(sums[:, 1].sum(dtype=float))))
        if not isinstance(self.objective, Contrast):
            return {"loss": loss, "perplexity": math.exp(min(loss, 700.0))}
        embedded = evaluate(self.objective.embed, self.module, self.items, zeros, env.device, env.group)
        found = {"loss": loss, "uniformity": uniformity(embedded)}
        if self._labelled:
            labels = [str(row.label) for row in self.role.rows]
            found |= {"knn_accuracy": knn_accuracy(embedded, labels), "alignment": alignment(embedded, labels)}
        return found
