"""Recipes: from text to a document, and from a document to a recipe after defaults."""

from __future__ import annotations

import json
from collections.abc import Mapping, Sequence
from dataclasses import replace
from typing import Any, TypeVar

import yaml
from pydantic import BaseModel, ValidationError

from registry.domain.catalog.licences import normalise_licence
from registry.domain.catalog.models import Modality
from registry.domain.codec.recipe import SCHEMA
from registry.domain.data.datasets import LabelKind
from registry.domain.recipes.defaults import Defaults
from registry.domain.recipes.methods import NEEDS, TEST, VALIDATION, split_role
from registry.domain.recipes.params import METHOD_PARAMS
from registry.domain.recipes.places import PLACES
from registry.domain.recipes.recipe import (
    DataChoice,
    Freeze,
    Head,
    Method,
    Optimizer,
    Recipe,
    Resources,
    Schedule,
    SourceChoice,
)
from registry.errors import BadRecipeError
from registry.ports.transfers import AdapterOffer
from registry.services.documents import read_document
from registry.services.recipes.defaults import (
    FEW_SHOT,
    MAX_LENGTH,
    bit_hyperrule,
    defaults_for,
    metrics_for,
    probe_head,
    split_of,
)
from registry.services.recipes.document import FreezeText, OptimizerText, RecipeDocument
from registry.services.recipes.rules import (
    KEYS,
    bad,
    choose_adapter,
    contradictions,
    meaningless,
    unmeasurable,
    unoffered,
)

P = TypeVar("P", Head, Optimizer, Schedule, Resources)
_PLACES = {name: f"params.{name}" for table in METHOD_PARAMS.values() for name in table} | dict(PLACES)


def read_recipe(text: str) -> RecipeDocument:
    """The document that `text` (YAML) is, checked as far as it goes by itself.

    Raises: BadRecipeError with the first problems, each with its line and, for an unknown key, the one that was meant.
    """
    try:
        document = read_document(
            text, RecipeDocument, error=BadRecipeError, what="recipe", check=contradictions, places=_PLACES
        )
    except BadRecipeError as problem:
        raise BadRecipeError(problem.message, remedy=KEYS, facts=problem.facts) from problem
    return document.at(yaml.compose(text, Loader=yaml.SafeLoader))


def problem_of(record: Mapping[str, object]) -> str:
    """What `read_recipe` would say of a recorded recipe; empty where it can be read.

    YAML is parsed only for the lines of a mistake: it takes tens of milliseconds, and a plan has thousands of recipes.
    """
    try:
        if not any(contradictions(RecipeDocument.model_validate(record))):
            return ""
    except ValidationError:
        pass
    try:
        read_recipe(json.dumps(record))
    except BadRecipeError as problem:
        return problem.message
    return ""


def complete(
    document: RecipeDocument,
    *,
    modality: Modality,
    offers: Mapping[str, AdapterOffer],
    labels: LabelKind = LabelKind.CLASS,
    further: Sequence[LabelKind] = (),
    rows: int | None = None,
    weights: int = 0,
    architecture: str = "",
) -> Recipe:
    """The recipe after defaults, for sources of `modality` and data with `labels`, run by one of `offers` (by name).

    `further` kinds of labels are those of other tasks; `rows` are those of training, `weights` the bytes of the first
    source's, and `architecture` its architecture, which some adapters call their own.

    Raises: BadRecipeError with everything that no adapter here can do, or that has no meaning for this modality.
    """
    adapter = choose_adapter(document, modality, offers, architecture)
    offer = offers[adapter]
    roles = roles_of(document)
    kinds = (labels, *further) if roles else ()
    problems = [*unoffered(document, adapter, offer, modality), *meaningless(document, modality)]
    if problems := [*problems, *unmeasurable(document, kinds, roles)]:
        raise bad(document, problems)
    defaults, preset = _defaults(document, modality, offer, rows)
    defaults = defaults.slower(weights)
    batch_size = document.batch_size or defaults.batch_size
    usual_epochs = defaults.epochs if labels is LabelKind.NONE else defaults.epochs_for(rows, batch_size)
    epochs = document.epochs or usual_epochs
    if document.epochs is None and "patience" in offer.known(document.method, modality) and VALIDATION in roles:
        preset = {"patience": defaults.patience_for(epochs)} | preset
    wanted = metrics_for(document.method, labels)
    usual = tuple(name for name in wanted if name in offer.metrics) or tuple(sorted(offer.metrics))
    known = offer.known(document.method, modality)
    return Recipe(
        output=document.output,
        method=document.method,
        adapter=adapter,
        sources=tuple(SourceChoice(source.model, source.role) for source in document.given()),
        data=roles,
        head=_merged(_usual_head(document, labels), document.head),
        freeze=_freeze(document.freeze, defaults.freeze),
        optimizer=_optimizer(document.optimizer, defaults),
        schedule=_merged(defaults.schedule, document.schedule),
        epochs=epochs,
        batch_size=batch_size,
        seed=document.seed or 0,
        metrics=tuple(document.metrics or usual),
        max_length=document.max_length or offer.max_length or MAX_LENGTH,
        image_size=document.image_size,
        checkpoint_every=document.checkpoint_every or 0,
        description=document.description or "",
        licence=normalise_licence(document.licence) if document.licence else None,
        tags=dict(document.tags or {}),
        params={name: param.default for name, param in known.items()} | preset | dict(document.params or {}),
        resources=resources_of(document),
        forgetting=document.forgetting or False,
    )


def resources_of(document: RecipeDocument) -> Resources:
    """What the recipe asks of the machine."""
    return _merged(Resources(), document.resources)


def roles_of(document: RecipeDocument) -> dict[str, DataChoice]:
    """Which data plays which role. With nothing but what is learnt from, the others are splits of the same datasets.

    In domain adaptation the model is chosen on the source domain and tested on the target domain.
    """
    text, needs = document.data or {}, NEEDS[document.method]
    chosen = {role: DataChoice(data.dataset, data.split or split_of(role)) for role, data in text.items()}
    if {split_role(role)[0] for role in text} != needs.data:
        return chosen
    for role, data in text.items():
        kind, task = split_role(role)
        further: tuple[str, ...] = (VALIDATION, TEST) if kind == needs.first else ()
        if document.method is Method.DOMAIN_ADAPTATION:
            further = (VALIDATION,) if kind == needs.first else (TEST,)
        for other in further:
            chosen[f"{other}.{task}" if task else other] = DataChoice(data.dataset, split_of(other))
    return chosen


def recipe_schema() -> dict[str, Any]:
    """The JSON Schema (draft 2020-12) of a recipe, for editors and other programs."""
    schema = _tidy(RecipeDocument.model_json_schema())
    assert isinstance(schema, dict)  # noqa: S101 -- for the type checker: tidying keeps an object an object
    return {"$schema": "https://json-schema.org/draft/2020-12/schema", "$id": SCHEMA, **schema, "title": "Recipe"}


def _preset(document: RecipeDocument) -> object:
    return (document.params or {}).get("preset")


def _defaults(
    document: RecipeDocument, modality: Modality, offer: AdapterOffer, rows: int | None
) -> tuple[Defaults, dict[str, object]]:
    """The defaults of the method, or of the preset that the recipe names, and the `params` that the preset sets."""
    defaults, params = defaults_for(document.method, modality, offer), dict(document.params or {})
    if _preset(document) == "bit_hyperrule":
        return bit_hyperrule(rows or 1)
    if _preset(document) == "few_shot":
        return defaults, dict(FEW_SHOT)
    if params.get("l2_sp"):  # it pulls the weights towards their start, in place of weight decay
        defaults = replace(defaults, rates={name: replace(r, weight_decay=0.0) for name, r in defaults.rates.items()})
    return defaults, {}


# --- filling in ----------------------------------------------------------------------------------------------------


def _merged(default: P, text: BaseModel | None) -> P:
    """`default`, with the values of the text in its place."""
    given = {} if text is None else {key: value for key, value in text.model_dump().items() if value is not None}
    return replace(default, **given)


def _usual_head(document: RecipeDocument, labels: LabelKind) -> Head:
    """A probe's head is solved unless the recipe says how to train one; any other head is trained."""
    if document.method is not Method.FEATURE_EXTRACTION:
        return Head()
    if _preset(document) == "few_shot":
        return Head("ridge")
    trains = (document.optimizer, document.schedule, document.epochs, document.batch_size, document.checkpoint_every)
    if any(key is not None for key in trains) or (document.params or {}).get("patience"):
        return Head()
    if document.head is not None and document.head.dropout:
        return Head()
    return probe_head(labels)


def _freeze(text: FreezeText | None, default: Freeze) -> Freeze:
    if text is None:
        return default
    return Freeze("until", text.until) if text.until is not None else Freeze(text.what or default.what)


def _optimizer(text: OptimizerText | None, defaults: Defaults) -> Optimizer:
    """The backbone learns slower than the head, unless the text makes the difference by layer."""
    text = text or OptimizerText.model_validate({})
    name = text.name or defaults.optimizer
    rates = defaults.rates[name]
    lr = text.lr or rates.lr
    slower = None
    if defaults.head_start is not None:
        slower = lr / (defaults.head_start if text.layer_decay is None else 1)
    usual = Optimizer(name, lr, slower, weight_decay=rates.weight_decay, momentum=rates.momentum, clip=defaults.clip)
    return _merged(usual, text)


# --- the published schema ------------------------------------------------------------------------------------------


def _tidy(node: Any) -> Any:
    """Without Pydantic's noise: titles made of key names, and `null` for what is simply left out."""
    if isinstance(node, list):
        return [_tidy(item) for item in node]
    if not isinstance(node, dict):
        return node
    kept = {key: _tidy(value) for key, value in node.items() if not (key == "title" and isinstance(value, str))}
    if kept.get("default", ...) is None:
        del kept["default"]
    choices = [choice for choice in kept.get("anyOf", ()) if choice != {"type": "null"}]
    if len(choices) == 1:
        del kept["anyOf"]
        return {**choices[0], **kept}
    return kept
