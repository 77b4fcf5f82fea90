"""Whatever is wrong with a recipe or a policy is said in our own sentences, with the line and what was expected."""

from __future__ import annotations

import copy
import datetime
import math
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
import yaml
from pydantic import BaseModel, ValidationError

from registry.domain.recipes.params import METHOD_PARAMS
from registry.domain.recipes.places import PLACES
from registry.errors import BadPolicyError, BadRecipeError, InvalidError
from registry.services.document_errors import EXPECTED, sentences
from registry.services.documents import read_document
from registry.services.governance.policies.parts import PolicyDocument
from registry.services.governance.policies.stored import default_policy_text
from registry.services.recipes.document import RecipeDocument
from registry.services.recipes.recipes import read_recipe

RECIPE = """\
schema: forebear/recipe/v1
output: vision/digits
method: fine_tuning
source: models:/library/lite0/1
sources: [{model: models:/library/lite0/1, as: source}]
data: {train: {dataset: datasets:/data/mnist/1, split: train}}
head: {kind: mlp, hidden: 3, dropout: 0.1}
freeze: {what: none, until: a}
optimizer: {name: sgd, lr: 0.1, backbone_lr: 0.1, layer_decay: 0.5, weight_decay: 0.1, momentum: 0.5, clip: 1.0}
schedule: {name: cosine, warmup: 0.1, drops: [0.1, 0.5]}
resources: {cpus: 1, gpus: 1}
epochs: 1
batch_size: 1
seed: 1
metrics: [loss]
max_length: 16
image_size: 16
checkpoint_every: 1
description: a
licence: MIT
tags: {a: b}
adapter: torch
forgetting: true
params: {patience: 1}
"""
WRONG = [
    None, True, -1, 0, 1.5, 10**400, "", "x" * 6000, "abc", [], [1], {}, {1: 2}, {"a": {"b": 1}},
    datetime.date(2026, 11, 23), math.nan, math.inf, b"x",
]  # fmt: skip
FOREIGN = ("Input should", "valid dictionary", "valid list", "valid string", "Field required", "Extra inputs", "[key]")


def places_in(node: Any, above: tuple[Any, ...] = ()) -> Iterator[tuple[Any, ...]]:
    """Every path of a document, outermost first."""
    if above:
        yield above
    for key, value in node.items() if isinstance(node, dict) else enumerate(node) if isinstance(node, list) else ():
        yield from places_in(value, (*above, key))


def changed(document: Any, path: tuple[Any, ...], value: object) -> Any:
    copied = copy.deepcopy(document)
    holder = copied
    for key in path[:-1]:
        holder = holder[key]
    holder[path[-1]] = value
    return copied


@pytest.mark.parametrize(("model", "text"), [(RecipeDocument, RECIPE), (PolicyDocument, default_policy_text())])
def test_no_wrong_value_at_any_place_is_answered_in_pydantics_words(model: type[BaseModel], text: str) -> None:
    document, root = yaml.safe_load(text), yaml.compose(text, Loader=yaml.SafeLoader)
    kinds: set[str] = set()
    for path in places_in(document):
        for value in WRONG:
            try:
                model.model_validate(changed(document, path, value))
            except ValidationError as error:
                kinds |= {problem["type"] for problem in error.errors()}
                for sentence in sentences(error.errors(), root, model, PLACES):
                    assert sentence.startswith("Line ")
                    assert not any(words in sentence for words in FOREIGN), sentence
                    assert len(sentence) < 1500
    assert kinds - EXPECTED.keys() == {"extra_forbidden", "invalid_key", "missing", "value_error"}


def test_every_sentence_is_about_an_error_that_our_models_raise() -> None:
    raised: set[str] = set()
    for model, text in ((RecipeDocument, RECIPE), (PolicyDocument, default_policy_text())):
        document = yaml.safe_load(text)
        for path in places_in(document):
            for value in WRONG:
                try:
                    model.model_validate(changed(document, path, value))
                except ValidationError as error:
                    raised |= {problem["type"] for problem in error.errors()}
    assert EXPECTED.keys() <= raised


SHORT = "\n".join(RECIPE.splitlines()[:4]) + "\n"


@pytest.mark.parametrize(
    ("lines", "sentence"),
    [
        ("lr: 0.001", "Line 5: the key 'lr' belongs under optimizer, not at the top level"),
        ("learning_rate: 0.001", "Line 5: there is no key 'learning_rate', did you mean 'optimizer.lr'?"),
        ("optimizer:\n  learning_rate: 1", "Line 6: there is no key 'optimizer.learning_rate', did you mean 'lr'?"),
        ("optimizer:\n  epochs: 1", "Line 6: the key 'epochs' belongs at the top level, not under optimizer"),
        ("wieght_decay: 0.1", "Line 5: there is no key 'wieght_decay', did you mean 'optimizer.weight_decay'?"),
        ("rank: 8", "Line 5: the key 'rank' belongs under params, not at the top level"),
        ("r: 8", "Line 5: there is no key 'r', did you mean 'params.rank'?"),
        ("epoch: 3", "Line 5: there is no key 'epoch', did you mean 'epochs'?"),
        ("base_model: a/b", "Line 5: there is no key 'base_model', did you mean 'source'?"),
        ("head: {zzz: 1}", "Line 5: there is no key 'head.zzz': there are dropout, hidden, kind"),
        ("data: {train: {dataset: data/a/1, rows: 5}}", "there is no key 'data.train.rows': there are dataset, split"),
        ("resources: many", "Line 5: resources: expected keys with values (`key: value`), not 'many'"),
        ("metrics: loss", "Line 5: metrics: expected a list (`[a, b]`), not 'loss'"),
        ("epochs: 0", "Line 5: epochs: expected a number of at least 1, not 0"),
        ("tags: {year: 2026}", "Line 5: tags.year: expected text, not 2026: put it in quotes"),
        ("description: [a]", "Line 5: description: expected text, not a list"),
        ("1: 2", "Line 5: the key 1 is not text: put it in quotes"),
    ],
)
def test_a_mistake_in_a_recipe_says_what_was_expected_or_meant(lines: str, sentence: str) -> None:
    with pytest.raises(BadRecipeError) as caught:
        read_recipe(SHORT + lines + "\n")
    assert sentence in caught.value.message


@pytest.mark.parametrize(
    ("before", "after", "sentence"),
    [
        ("v1', producer: system", "v1', producer: 7", "producer: expected 'system' or a list (`[a, b]`), not 7"),
        ("v1', producer: system", "v1', producer: [Bad]", "producer.0: 'Bad' is not a valid role"),
        ("quorum: 1", "quorum: 0", "quorum: expected a number of at least 1, not 0"),
    ],
)
def test_a_value_of_several_forms_is_one_mistake(before: str, after: str, sentence: str) -> None:
    text = default_policy_text()
    assert before in text
    with pytest.raises(BadPolicyError) as caught:
        read_document(text.replace(before, after, 1), PolicyDocument, error=BadPolicyError, what="policy")
    problems = caught.value.facts["problems"]
    assert isinstance(problems, list)
    assert len(problems) == 1
    assert sentence in problems[0]


def test_every_suggested_place_is_one_that_a_recipe_has() -> None:
    known = {"data.train"} | {f"params.{name}" for table in METHOD_PARAMS.values() for name in table}
    for path in places_in(yaml.safe_load(RECIPE)):
        known.add(".".join(map(str, path)))
    assert set(PLACES.values()) <= known


def test_a_suggestion_is_never_about_a_key_that_is_right_where_it_is() -> None:
    names = [field.alias or name for name, field in RecipeDocument.model_fields.items()]
    assert [name for name in names if PLACES.get(name, name) != name] == []


def test_the_documents_of_this_repository_have_no_mistake() -> None:
    for path in Path("examples/recipes").glob("*.yaml"):
        try:
            read_recipe(path.read_text(encoding="utf-8"))
        except InvalidError as error:
            raise AssertionError(path) from error
