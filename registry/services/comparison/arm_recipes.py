"""The recipes of the arms that a step is compared with, and which steps can be compared at all."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, replace

from registry.domain.codec import from_json
from registry.domain.names import VersionRef
from registry.domain.recipes.params import AUGMENTING, SUPERVISED
from registry.domain.recipes.recipe import DataChoice, Freeze, Method, Optimizer, Recipe
from registry.errors import BadRecipeError
from registry.ports.transfers import AdapterOffer, DataInput
from registry.services.recipes.defaults import defaults_for, probe_head

SEEDS, MOST_SEEDS = 3, 20
"""Seeds of each trained arm, by default and at most. Fewer than three show too little of the spread between seeds."""
RATES: Mapping[str, tuple[float, ...]] = {"adamw": (3e-4, 1e-3, 3e-3), "sgd": (1e-2, 3e-2, 1e-1)}
"""The learning rates that are tried when the same architecture is trained from scratch, by optimizer."""
LEARNING = ("train", "source-domain")
"""Roles whose labelled rows a baseline can learn from: the first that there is."""


@dataclass(frozen=True, slots=True)
class Plan:
    """What a step was asked to run beside its recipe; kept with its submission, so that every attempt does the same."""

    seeds: tuple[int, ...]
    """The recipe's own seed first."""
    production: VersionRef | None = None
    """The version to compare with. Its number stands for its bytes: a version never changes."""
    looks: int = 1
    """The how many-th verdict on these test rows it is to be, counted in the registry when the step was submitted."""


def plan_of(submitted: Mapping[str, object]) -> Plan | None:
    """The plan in a step's record; None for a step without baselines."""
    record = submitted.get("baselines")
    return None if record is None else from_json(Plan, record)


def check_baselines(recipe: Recipe, offer: AdapterOffer, seeds: int) -> None:
    """Raises: BadRecipeError where baselines have nothing to learn from or nothing to answer."""
    if not SEEDS <= seeds <= MOST_SEEDS:
        raise BadRecipeError(
            f"Baselines with {seeds} seeds cannot be compared", remedy=f"Give --seeds {SEEDS} to {MOST_SEEDS}"
        )
    learns = [role for role in LEARNING if role in recipe.data]
    if not learns:
        raise BadRecipeError(
            f"{recipe.method} has no labelled training rows that a baseline could learn from",
            remedy="Leave --baselines out, and compare a model that is made from the result",
        )
    if recipe.params.get("export", "none") != "none":
        raise BadRecipeError(
            "A recipe that exports features answers no test row, so there is nothing to compare",
            remedy="Leave --baselines out, or params.export",
        )
    if "test" not in recipe.data:
        raise BadRecipeError("Baselines are compared on test data, and this recipe has none", remedy="Add data.test")
    if Method.PRETRAINING not in offer.methods:
        raise BadRecipeError(
            f"The adapter {recipe.adapter} cannot train from scratch, so there is nothing to compare with",
            remedy="Leave --baselines out",
        )


def from_scratch(recipe: Recipe, offer: AdapterOffer, data: DataInput, seed: int, rate: float) -> Recipe:
    """The same architecture and budget from random weights: all layers at one rate, the usual decay and schedule."""
    usual = defaults_for(Method.PRETRAINING, data.modality, offer)
    name = recipe.optimizer.name
    optimizer = Optimizer(name=name, lr=rate, weight_decay=usual.rates[name].weight_decay, clip=usual.clip)
    scratch = _baseline(recipe, offer, Method.PRETRAINING, seed)
    return replace(
        scratch,
        # Random weights may learn nothing for long, and then everything: this arm has the whole budget.
        params=dict(scratch.params) | ({"patience": 0} if "patience" in scratch.params else {}),
        freeze=Freeze("none"),
        optimizer=optimizer,
        schedule=usual.schedule,
    )


def linear_probe(recipe: Recipe, offer: AdapterOffer, data: DataInput, seed: int) -> Recipe:
    """A linear head on the frozen source, as feature_extraction does it by default."""
    usual = defaults_for(Method.FEATURE_EXTRACTION, data.modality)
    rates = usual.rates["adamw"]
    return replace(
        _baseline(recipe, offer, Method.FEATURE_EXTRACTION, seed),
        head=probe_head(data.labels),
        freeze=usual.freeze,
        optimizer=Optimizer(lr=rates.lr, weight_decay=rates.weight_decay, clip=usual.clip),
        schedule=usual.schedule,
        epochs=usual.epochs,
        batch_size=usual.batch_size,
    )


def as_it_is(recipe: Recipe, offer: AdapterOffer) -> Recipe:
    """No epochs: the model answers with the head that it has."""
    recipe_from_scratch = _baseline(recipe, offer, Method.FINE_TUNING, recipe.seed)
    return replace(recipe_from_scratch, freeze=Freeze("none"), optimizer=Optimizer(), epochs=0)


def _baseline(recipe: Recipe, offer: AdapterOffer, method: Method, seed: int) -> Recipe:
    """What stays of the recipe in a baseline: data, sizes, metrics, budget, and what says how to learn from labels.

    Parameters of the recipe's own method go: one of the same name may mean another thing to `method`.
    """
    known = offer.known(method)
    shared = known.keys() & {*SUPERVISED, *AUGMENTING, *offer.params.get(method, {})}
    kept = {name: value for name, value in recipe.params.items() if name in shared}
    return replace(
        recipe,
        method=method,
        sources=tuple(choice for choice in recipe.sources if choice.role == "source"),
        data=_roles(recipe.data),
        seed=seed,
        params={name: param.default for name, param in known.items()} | kept,
    )


def _roles(data: Mapping[str, DataChoice]) -> dict[str, DataChoice]:
    """Training, validation and test data; what a method of two domains learns from labels is its source domain."""
    learns = next(role for role in LEARNING if role in data)
    return {"train": data[learns], **{role: data[role] for role in ("validation", "test") if role in data}}
