"""What can be wrong with a recipe beyond its keys: contradictions, and what no adapter here does.

Every sentence has its line and says what to do.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping, Sequence
from itertools import combinations

from pydantic import BaseModel

from registry.domain.catalog.models import MAX_TAGS, Modality, check_tag
from registry.domain.codec.recipe import SCHEMA
from registry.domain.data.datasets import LabelKind
from registry.domain.manifests import canonical_json
from registry.domain.recipes.methods import VALIDATION, misfits, split_role
from registry.domain.recipes.params import problems as param_problems
from registry.domain.recipes.recipe import SOLVED, Head, Method, Optimizer
from registry.domain.text import did_you_mean
from registry.errors import BadRecipeError, InvalidError
from registry.ports.transfers import AdapterOffer
from registry.services.documents import Found
from registry.services.recipes.defaults import MAX_LENGTH, split_of
from registry.services.recipes.document import RecipeDocument

KEYS = f"A recipe begins with `schema: {SCHEMA}`; all keys are in docs/recipes.md and in `forebear recipe schema`"
"""The remedy of every mistake in a recipe."""
_HEAD, _OPTIMIZER = Head(), Optimizer()
_OF_CLASSES = frozenset({"accuracy", "macro_f1", "balanced_accuracy", "loss", "baseline_accuracy"})
GIVES: Mapping[LabelKind, frozenset[str]] = {
    LabelKind.CLASS: _OF_CLASSES,
    LabelKind.MANY: frozenset(
        {"macro_f1", "micro_f1", "subset_accuracy", "loss", "baseline_macro_f1", "baseline_subset_accuracy"}
    ),
    LabelKind.NUMBER: frozenset({"mae", "rmse", "r2", "pearson", "spearman", "loss", "baseline_mae", "baseline_rmse"}),
    LabelKind.TAGS: _OF_CLASSES | {"entity_f1"},
    LabelKind.NONE: frozenset({"loss", "perplexity", "knn_accuracy", "alignment", "uniformity"}),
}
"""What each kind of label is measured by, as `loop.tasks.metrics` has it; an adapter may have more of its own."""


def contradictions(document: RecipeDocument) -> Iterator[Found]:
    """What contradicts itself in the document, whatever the source is."""
    yield from _empty(document, ())
    yield from _sources(document)
    yield from _training(document)
    yield from _metrics(document)
    yield from _leaks(document)
    if document.forgetting and document.resources is not None and (document.resources.gpus or 0) > 1:
        yield (
            ("forgetting",),
            "forgetting is measured in one process, and this recipe asks for several GPUs: leave out one of the two",
        )
    if len(document.tags or {}) > MAX_TAGS:
        yield ("tags",), f"expected at most {MAX_TAGS} tags, not {len(document.tags or {}):,}"
    for key, value in (document.tags or {}).items():
        try:
            check_tag(key, value)
        except InvalidError as error:
            yield ("tags", key), str(error)
    try:
        canonical_json(document.params or {})
    except InvalidError as error:
        yield ("params",), str(error)


def _empty(part: BaseModel, path: tuple[str | int, ...]) -> Iterator[Found]:
    """Keys that were written without a value."""
    for name in sorted(part.model_fields_set):
        here = (*path, type(part).model_fields[name].alias or name)
        value = getattr(part, name)
        if value is None:
            yield here, f"{here[-1]} has no value: give it one, or leave the key out"
        elif isinstance(value, BaseModel):
            yield from _empty(value, here)
        elif isinstance(value, list | dict):
            for key, item in enumerate(value) if isinstance(value, list) else value.items():
                if isinstance(item, BaseModel):
                    yield from _empty(item, (*here, key))


def _sources(document: RecipeDocument) -> Iterator[Found]:
    if document.source is not None and document.sources is not None:
        yield ("sources",), "source and sources are both given: source is short for one, so keep one of the two"
    elif not document.given():
        yield ("output",), "no source model is named: add source: models:/team/name/1"
        return
    for key, sentence in misfits(document.method, [s.role for s in document.given()], document.data or {}):
        first, _, role = key.partition(".")
        yield ((first, role) if role else (first,)), sentence


def _training(document: RecipeDocument) -> Iterator[Found]:
    """Keys that cannot both hold. A record carries every key, so a value that changes nothing passes."""
    freeze, method = document.freeze, document.method
    if freeze is not None:
        if freeze.until is not None and freeze.what not in {None, "until"}:
            yield ("freeze", "until"), f"freeze is {freeze.what} and until a layer: keep one of the two"
        elif freeze.what == "until" and freeze.until is None:
            yield ("freeze",), "freeze names no layer: write freeze: {until: LAYER}"
        elif method is Method.FEATURE_EXTRACTION and freeze.what != "backbone":
            yield ("freeze",), "feature_extraction freezes the whole backbone: leave freeze out, or use fine_tuning"
        elif method in {Method.FINE_TUNING, Method.PRETRAINING} and freeze.what == "backbone":
            yield ("freeze",), "with the backbone frozen this is feature_extraction: use that method, or freeze less"
    head = document.head
    if head is not None and head.kind in SOLVED and method is not Method.FEATURE_EXTRACTION:
        yield ("head",), f"{head.kind} is solved on features that stay: {method} takes a linear or an mlp head"
    if head is not None and head.kind in SOLVED and head.dropout:
        yield (
            ("head", "dropout"),
            f"a {head.kind} head is solved, not trained: leave dropout out, or write kind: linear",
        )
    if head is not None and head.kind != "mlp" and head.hidden not in {None, _HEAD.hidden}:
        yield ("head", "hidden"), "a linear head has no hidden layer: write kind: mlp, or leave hidden out"
    yield from _optimizer(document)


def _optimizer(document: RecipeDocument) -> Iterator[Found]:
    text = document.optimizer
    if text is None:
        return
    if text.name != "sgd" and text.momentum not in {None, _OPTIMIZER.momentum}:
        yield ("optimizer", "momentum"), "adamw has no momentum to set: write name: sgd, or leave momentum out"
    if document.method is Method.FEATURE_EXTRACTION:
        if text.backbone_lr is not None:
            yield (
                ("optimizer", "backbone_lr"),
                "in feature_extraction the backbone does not learn: leave backbone_lr out",
            )
        if text.layer_decay not in {None, _OPTIMIZER.layer_decay}:
            yield ("optimizer", "layer_decay"), "in feature_extraction only the head learns: leave layer_decay out"


def _metrics(document: RecipeDocument) -> Iterator[Found]:
    metrics = document.metrics or []
    for number, metric in enumerate(metrics):
        if metric in metrics[:number]:
            yield ("metrics", number), f"the metric {metric[:80]!r} is named twice"


def _leaks(document: RecipeDocument) -> Iterator[Found]:
    """Data that a model learns from cannot also measure how good it is."""
    used = {role: (data.dataset, data.split or split_of(role)) for role, data in (document.data or {}).items()}
    for (first, one), (second, two) in combinations(used.items(), 2):
        if one == two:
            yield ("data", second), f"{second} is the same split as {first}: name another one"


def choose_adapter(
    document: RecipeDocument, modality: Modality, offers: Mapping[str, AdapterOffer], architecture: str = ""
) -> str:
    """The adapter that is named, or the one for this modality and source architecture. Raises: BadRecipeError."""
    owners = {name for name, offer in offers.items() if offer.owns(architecture)}
    taking = sorted(name for name, offer in offers.items() if modality in offer.modalities)
    fitting = [name for name in taking if (name in owners if owners else not offers[name].architectures)]
    named = document.adapter
    if named is None:
        able = [name for name in fitting if document.method in offers[name].methods] or fitting
        if not able:
            raise bad(document, [((), f"no installed adapter takes {modality} models{_those(offers)}")])
        return next((name for name in able if modality in offers[name].preferred_for), able[0])
    if named not in offers:
        problem = f"there is no adapter {named[:80]!r}{did_you_mean(named, offers)}"
        raise bad(document, [(("adapter",), problem)])
    if named in taking and named not in fitting:
        other = ", ".join(fitting) or "none"
        problem = (
            f"the adapter {named} does not start from {architecture or 'this source'}: of those here, {other} does"
        )
        raise bad(document, [(("adapter",), problem)])
    if named not in fitting:
        takes = ", ".join(sorted(offers[named].modalities))
        raise bad(
            document, [(("adapter",), f"the adapter {named} takes {takes} models, and this source is {modality}")]
        )
    return named


def _those(offers: Mapping[str, AdapterOffer]) -> str:
    return f": there are {', '.join(sorted(offers))}" if offers else ": none is installed"


def unoffered(document: RecipeDocument, name: str, offer: AdapterOffer, modality: Modality) -> Iterator[Found]:
    """What the adapter `name` does not do."""
    if document.method not in offer.methods:
        does = ", ".join(sorted(offer.methods))
        yield ("method",), f"the adapter {name} does not do {document.method}: it does {does}"
    for number, metric in enumerate(document.metrics or ()):
        if metric not in offer.metrics:
            hint = did_you_mean(metric, offer.metrics)
            yield ("metrics", number), f"the adapter {name} has no metric {metric[:80]!r}{hint}"
    for key, sentence in param_problems(document.params or {}, offer.known(document.method, modality)):
        yield ("params", key), sentence


def unmeasurable(document: RecipeDocument, kinds: Sequence[LabelKind], roles: Iterable[str]) -> Iterator[Found]:
    """Metrics that labels of `kinds` cannot give, and waiting for a better validation value where there is none.

    `kinds` are those of what is learnt from (several where there are several tasks), `roles` those of the data.
    """
    params, bare = document.params or {}, document.method is Method.CONTINUED_PRETRAINING
    kinds = (LabelKind.NONE,) if bare else kinds
    gives = frozenset[str]().union(*(GIVES[kind] for kind in kinds))
    of_others = frozenset[str]().union(*GIVES.values()) - gives
    measured = kinds and params.get("export", "none") == "none"
    for number, metric in enumerate(document.metrics or ()) if measured else ():
        if metric in of_others:
            what = " or ".join(kind.value for kind in kinds)
            hint = f"choose among {', '.join(sorted(gives))}"
            yield ("metrics", number), f"{metric} does not measure labels of the kind {what}: {hint}"
    patience = params.get("patience")
    if type(patience) is int and patience > 0 and VALIDATION not in {split_role(role)[0] for role in roles}:
        yield ("params", "patience"), "patience waits for a better value on validation data: add data.validation"


def meaningless(document: RecipeDocument, modality: Modality) -> Iterator[Found]:
    """Keys that have no meaning for this modality. A record carries `max_length` always, so its default passes."""
    if modality is Modality.TEXT and document.image_size is not None:
        yield ("image_size",), "image_size has no meaning for a text model: leave it out"
    if modality is not Modality.TEXT and document.max_length not in {None, MAX_LENGTH}:
        yield ("max_length",), f"max_length has no meaning for a model of {modality} data: leave it out"


def bad(document: RecipeDocument, problems: Iterable[Found]) -> BadRecipeError:
    """One error with all of `problems`, each with its line."""
    lines = [f"Line {document.line(*path)}: {sentence}" for path, sentence in problems]
    return BadRecipeError("; ".join(lines), remedy=KEYS, facts={"problems": lines})
