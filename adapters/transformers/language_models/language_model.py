"""Loads a source as a language model for an objective, and saves it again."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import transformers
from torch import Tensor, nn
from transformers import AutoModel, AutoModelForCausalLM, AutoModelForMaskedLM

from adapters.transformers.classifiers.opening import outside_head
from adapters.transformers.classifiers.trial import check
from adapters.transformers.folders import architecture_of, read_config
from adapters.transformers.models import open_stock, quiet
from adapters.transformers.parameter_efficient.four_bits import four_bits, keep_packing, notes, wants_four_bits
from adapters.transformers.parameter_efficient.optional import load_adapted
from adapters.transformers.texts.tokens import Tokens, tokens_for
from registry.domain.recipes.params import value_of
from registry.domain.recipes.recipe import Method, Recipe
from registry.errors import BadArtifactError
from registry.ports.transfers import ModelInput

KINDS = {"masked": AutoModelForMaskedLM, "causal": AutoModelForCausalLM, "simcse": AutoModel}
_AUTO = transformers.models.auto.modeling_auto


@dataclass(frozen=True, slots=True)
class LanguageModel:
    """A model with what its training on text needs. `head` is all outside the encoder but tied weights."""

    kind: str
    module: Any
    head: nn.Module
    tokens: Tokens
    architecture: str
    """Of what `save` writes."""
    keeps_head: bool
    save: Callable[[Path], None]
    adapted: Any = None
    """PEFT's model, where only an adapter is trained."""
    notes: tuple[str, ...] = ()
    """What the step's record says about it."""


def open_language_model(source: ModelInput, recipe: Recipe) -> LanguageModel:
    """Load `source` in fp32 as a model for the objective of `recipe`. Raises: BadArtifactError, BadRecipeError."""
    config = read_config(source.folder)
    kind = str(value_of(recipe, "objective"))
    kind = kind_of(config) if kind == "auto" else kind
    what = f"a {kind} language model" if kind != "simcse" else "an encoder"
    small = four_bits(source.folder, KINDS[kind]) if wants_four_bits(recipe) else {}
    model, missing = _load(source.folder, KINDS[kind], what, **small)
    if small:
        keep_packing(model)
    tokens = tokens_for(source.folder, model, recipe.max_length)
    _check(source, model, missing, tokens, kind)
    inside = {id(p) for p in model.base_model.parameters()}
    own = nn.ParameterList(p for p in model.parameters() if id(p) not in inside)
    if recipe.method is Method.ADAPTER:
        return _with_adapter(source, recipe, model, missing, kind, tokens)
    keeps = type(model).__name__ == architecture_of(config) or kind == "simcse"
    name = type(model).__name__ if keeps else _base_name(source.folder)

    def save(folder: Path) -> None:
        whole, lacking = (model, missing) if keeps else _around(source.folder, model)
        state = {name: tensor for name, tensor in whole.state_dict().items() if name not in lacking or keeps_head}
        with quiet():
            whole.save_pretrained(folder, state_dict=state, max_shard_size="1000GB")
            tokens.save(folder)

    keeps_head = keeps and kind != "simcse"
    return LanguageModel(kind, model, own, tokens, f"transformers:{name}", keeps_head, save)


def _check(source: ModelInput, model: Any, missing: set[str], tokens: Tokens, kind: str) -> None:
    """Raises: BadArtifactError for an encoder that lacks weights, BadRecipeError for one that cannot be trained."""
    tied = set(getattr(model, "all_tied_weights_keys", None) or ())
    lost = [name for name in outside_head(model, missing - tied) if "pooler" not in name.split(".")]
    if lost:
        raise BadArtifactError(
            f"{source.label} has no weights for {len(lost)} tensors of {type(model).__name__}: {', '.join(lost[:5])}",
            remedy="Import the model again, with all its weights",
            facts={"missing": lost},
        )

    def answer(inputs: Any) -> Tensor:
        found = model(**inputs)
        states: Tensor = found.last_hidden_state if kind == "simcse" else found.logits
        if states.shape[:2] != inputs["input_ids"].shape:
            raise ValueError(f"it gives {states.shape[1]} outputs for {inputs['input_ids'].shape[1]} tokens")
        return states

    check(answer, model, tokens, trains=True)


def kind_of(config: dict[str, Any]) -> str:
    """`causal` for a class with a causal head, or a model type that has no masked one; else `masked`."""
    name, model = architecture_of(config), config.get("model_type")
    if name.endswith(("ForCausalLM", "LMHeadModel")):
        return "causal"
    known = model in _AUTO.MODEL_FOR_MASKED_LM_MAPPING_NAMES
    return "causal" if not known and model in _AUTO.MODEL_FOR_CAUSAL_LM_MAPPING_NAMES else "masked"


def _with_adapter(
    source: ModelInput, recipe: Recipe, model: Any, missing: set[str], kind: str, tokens: Tokens
) -> LanguageModel:
    peft = load_adapted()
    adapted = peft.adapt(model, recipe, missing, head=False)

    def save(folder: Path) -> None:
        peft.save(adapted, folder, peft.Pin(source.label, source.digest))
        with quiet():
            tokens.save(folder)

    architecture = peft.PREFIX + type(model).__name__
    remarks = notes() if wants_four_bits(recipe) else ()
    return LanguageModel(kind, model, nn.Module(), tokens, architecture, not missing, save, adapted, remarks)


def _load(folder: Path, auto: Any, what: str, **more: Any) -> tuple[Any, set[str]]:
    model, loaded = open_stock(
        auto,
        folder,
        f"The source cannot be read by transformers as {what}",
        remedy="Choose another params.objective: masked for encoders, causal for decoders",
        **more,
    )
    return model, set(loaded.absent)


def _base_name(folder: Path) -> str:
    config = transformers.AutoConfig.from_pretrained(folder, local_files_only=True)
    known = transformers.MODEL_MAPPING[type(config)]
    return str((known[0] if isinstance(known, tuple) else known).__name__)


def _around(folder: Path, model: Any) -> tuple[Any, set[str]]:
    """The source's encoder with the trained weights of `model`; parts that only the source has (a pooler) stay."""
    whole, missing = _load(folder, AutoModel, "an encoder")
    learnt = model.base_model.state_dict()
    whole.load_state_dict(learnt, strict=False)
    return whole, missing - learnt.keys()
