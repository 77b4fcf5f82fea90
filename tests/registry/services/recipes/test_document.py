"""The schema of recipes, their examples and their page of documentation are what the code does."""

from __future__ import annotations

import re
from collections.abc import Mapping
from pathlib import Path

import pytest
import yaml

from adapters.gensim.offer import OFFER as GENSIM
from adapters.torch.offer import OFFER as TORCH
from adapters.transformers.offer import OFFER as TRANSFORMERS
from registry.domain.catalog.models import Modality
from registry.domain.recipes.recipe import Recipe
from registry.ports.transfers import AdapterOffer
from registry.services.recipes.document import RecipeDocument
from registry.services.recipes.recipes import complete, read_recipe, recipe_schema
from tests.registry.json_schema import misfits
from tests.registry.services.parameter_table import table

ROOT = Path(__file__).resolve().parents[4]
OFFERS = {"gensim": GENSIM, "torch": TORCH, "transformers": TRANSFORMERS}
PROBE_TEXT = """\
schema: forebear/recipe/v1
output: vision/digits-probe
method: feature_extraction
source: models:/library/lite0/1
data: {train: datasets:/data/mnist/1}
"""
TUNE_TEXT = PROBE_TEXT.replace("feature_extraction", "fine_tuning")


def cooked(text: str, modality: Modality = Modality.IMAGE, offers: Mapping[str, AdapterOffer] = OFFERS) -> Recipe:
    return complete(read_recipe(text), modality=modality, offers=offers)


# --- schema, examples, documentation ---------------------------------------------------------------------------------


def test_the_published_schema_describes_every_key() -> None:
    schema = recipe_schema()
    assert schema["$id"] == "forebear/recipe/v1"
    assert schema["required"] == ["schema", "output", "method"]
    assert schema["additionalProperties"] is False
    for name, key in schema["properties"].items():
        assert key.get("description"), name
    assert misfits(yaml.safe_load(PROBE_TEXT), schema) == []
    assert misfits(yaml.safe_load(PROBE_TEXT) | {"epochs": 0}, schema)
    assert misfits(yaml.safe_load(PROBE_TEXT) | {"epoch": 3}, schema)
    assert misfits(yaml.safe_load(PROBE_TEXT) | {"head": "big"}, schema)


EXAMPLES = sorted((ROOT / "examples/recipes").glob("*.yaml"))
PAGE = (ROOT / "docs/recipes.md").read_text(encoding="utf-8")
PRINTED = re.findall(r"^```yaml\n(schema: .*?)^```", PAGE, re.MULTILINE | re.DOTALL)


@pytest.mark.parametrize("path", EXAMPLES, ids=lambda path: str(path.name))
def test_every_example_is_a_recipe(path: Path) -> None:
    text = path.read_text(encoding="utf-8")
    modality = Modality.TEXT if "minilm" in text else Modality.IMAGE
    assert cooked(text, modality).description
    assert misfits(yaml.safe_load(text), recipe_schema()) == []


def test_the_examples_tell_one_story() -> None:
    recipes = {path.stem: read_recipe(path.read_text(encoding="utf-8")) for path in EXAMPLES}
    assert recipes.keys() == {"digits-probe", "digits-finetune", "news-classifier"}
    assert str(recipes["digits-finetune"].source) == f"models:/{recipes['digits-probe'].output}/1"


@pytest.mark.parametrize("text", PRINTED)
def test_every_recipe_in_the_documentation_is_one(text: str) -> None:
    modality = Modality.TEXT if "output: text/" in text else Modality.IMAGE
    architecture = "static_embeddings" if "glove" in text else ""
    complete(read_recipe(text), modality=modality, offers=OFFERS, architecture=architecture)


def test_every_key_is_in_the_documentation() -> None:
    assert len(PRINTED) >= 3
    for name, field in RecipeDocument.model_fields.items():
        assert f"| `{field.alias or name}` |" in PAGE


def test_the_table_of_parameters_is_what_the_code_knows() -> None:
    assert table() in PAGE, "run: python -m tests.registry.services.parameter_table"
