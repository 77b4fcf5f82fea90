"""Heads on the mean of tokens, over the layers that a recipe names: for probes that no stock class can hold.

The encoder's tensors stay the parent's, bit for bit. Any model that `AutoModel` loads can be the source, decoders too;
of a model with an encoder and a decoder, the encoder is kept. The result loads with the one-file definition
`transformers_text_head`.
"""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import torch
from safetensors import SafetensorError
from safetensors.torch import save_file
from torch import Tensor, nn
from transformers import AutoModel, PreTrainedModel

from adapters.inputs.lengths import TextsRead
from adapters.loop.tasks.roles import Role
from adapters.loop.tasks.tasks import Task
from adapters.loop.training.learner import Items
from adapters.loop.training.loop import Inputs
from adapters.transformers.classifiers.heads import encoder_layers
from adapters.transformers.classifiers.learner import PADDING_COUNTS
from adapters.transformers.classifiers.trial import by_length, check, padding_counts, sample
from adapters.transformers.definitions.transformers_text_head import TextWithHead, load, reader
from adapters.transformers.folders import read_config
from adapters.transformers.models import has_class, names_of, open_stock, quiet
from adapters.transformers.texts.tokens import Tokens, tokens_for
from adapters.transformers.texts.words import WordItems, at_words, read_words
from lineage import Digest
from registry.domain.data.datasets import LabelKind
from registry.domain.recipes.params import value_of
from registry.domain.recipes.recipe import Head, Method, Recipe
from registry.errors import BadArtifactError, BadRecipeError
from registry.ports.transfers import ModelInput

NAME = "transformers_text_head"
"""The architecture's name in the catalog, and the entry point of its definition."""
LAST = [-1]
"""The hidden states of the last block, by their number."""
NO_MEAN = "the blocks of this model differ in size and have no mean, so features are those of its last block"
ELSEWHERE = frozenset({"_name_or_path", "architectures", "id2label", "label2id", "transformers_version"})
"""Keys of a config that are about the model's origin or its old head."""


def wants_own_head(source: ModelInput, recipe: Recipe, task: Task) -> bool:
    """True where a stock class cannot hold the requested head, or the source has such a head already."""
    if source.architecture == NAME:
        return True
    if not has_class(source.folder, task.labels):
        if task.labels is LabelKind.TAGS:
            raise BadRecipeError(
                f"The library transformers has no class of the source's family that labels each word ({source.label})",
                remedy="Use a model of another family",
            )
        return True
    if recipe.method is not Method.FEATURE_EXTRACTION or task.labels is LabelKind.TAGS:
        return False
    return recipe.head.kind == "mlp" or value_of(recipe, "layer") != "last"


class HeadedLearner:
    """A backbone under a head of our own, during a transfer."""

    architecture = NAME

    def __init__(
        self, model: TextWithHead, config: dict[str, Any], tokens: Tokens, *, keeps_head: bool, layer: str
    ) -> None:
        self.layer = layer
        self.module: nn.Module = model
        self.head = model.classifier
        self.layers = encoder_layers(model.backbone)
        self.keeps_head = keeps_head
        self.feature_size = model.width
        self.feature_layer = f"mean of tokens, of layers {', '.join(map(str, model.layers))}"
        self.tokens, self.texts = tokens, TextsRead(tokens.limit)
        self._model, self._config = model, config
        model.alone = padding_counts(self._embed, model.backbone, tokens)
        self._config["head"]["alone"] = model.alone
        self.notes = [PADDING_COUNTS] if model.alone else []

    @property
    def preprocessing(self) -> Digest:
        """The digest of how texts become tokens."""
        return self.tokens.digest

    def items(self, role: Role) -> Items:
        """The texts of `role`, tokenised."""
        items = self.tokens.read(role.rows, role.data)
        self.texts.add(role.name, items.reading)
        return items

    def word_items(self, role: Role) -> WordItems:
        """The texts of `role`, tokenised, with the places of their words."""
        items = read_words(self.tokens, role.rows, role.data)
        self.texts.add(role.name, items.reading)
        return items

    def word_features(self, inputs: Inputs) -> Tensor:
        """The mean of layers at the first token of each word (N x words x D), zeros where there is none."""
        assert isinstance(inputs, dict)  # noqa: S101 -- a batch of words: for the type checker
        tokens = {name: tensor for name, tensor in inputs.items() if name != WordItems.PLACES}
        states = by_length(self._states, tokens) if self._model.alone else self._states(tokens)
        return at_words(states, inputs[WordItems.PLACES])

    def _states(self, inputs: Inputs) -> Tensor:
        assert isinstance(inputs, dict)  # noqa: S101 -- as above
        inner = self._model.layers != LAST
        out = self._model.backbone(**inputs, output_hidden_states=inner)
        found: Tensor = out.last_hidden_state
        return torch.stack([out.hidden_states[n] for n in self._model.layers]).mean(dim=0) if inner else found

    def predict(self, inputs: Inputs) -> Tensor:
        """Outputs (N x outputs) of a batch of tokens."""
        return self.classify(self.features(inputs))

    def features(self, inputs: Inputs) -> Tensor:
        """The mean of tokens and layers (N x D)."""
        assert isinstance(inputs, dict)  # noqa: S101 -- a batch of tokens: for the type checker
        return by_length(self._embed, inputs) if self._model.alone else self._embed(inputs)

    def _embed(self, inputs: Inputs) -> Tensor:
        assert isinstance(inputs, dict)  # noqa: S101 -- as above
        return self._model.embed(**inputs)

    def classify(self, features: Tensor) -> Tensor:
        """Outputs of features."""
        outputs: Tensor = self.head(features)
        return outputs

    def _linears(self) -> list[nn.Linear]:
        return [part for part in self.head.modules() if isinstance(part, nn.Linear)]

    def first_linear(self) -> nn.Linear:
        """The head's first linear layer."""
        return self._linears()[0]

    def last_linear(self) -> nn.Linear:
        """The head's last linear layer."""
        return self._linears()[-1]

    def save(self, folder: Path, task: Task) -> None:
        """Write config, safetensors, and a tokenizer that truncates where training did."""
        labels = {"labels": task.labels.value, "id2label": {str(n): name for n, name in enumerate(names_of(task))}}
        with quiet():
            self.tokens.save(folder)
        (folder / "config.json").write_text(json.dumps(self._config | labels, indent=2, sort_keys=True) + "\n")
        save_file(_apart(self._model.state_dict()), folder / "model.safetensors", metadata={"format": "pt"})


def open_headed(source: ModelInput, recipe: Recipe, task: Task, *, keep_head: bool, fresh: bool) -> HeadedLearner:
    """`source` under a head of our own for `task`. Raises: BadRecipeError for a layer that does not exist."""
    if source.architecture == NAME:
        config = read_config(source.folder)
        parent = _read_own(source.folder)
        backbone, layers, layer = parent.backbone, parent.layers, "last"  # those that its own head reads
        tokens = tokens_for(source.folder, backbone, recipe.max_length)
        width = parent.width
        keep_head = keep_head and not fresh and config.get("labels") == task.labels.value
    else:
        parent, keep_head = None, False
        whole = _read(source.folder)
        backbone = reader(whole)
        if not isinstance(backbone, PreTrainedModel):  # FSMT's encoder has no config of its own
            raise BadRecipeError(
                f"The part of {type(whole).__name__} that reads texts cannot be used without its other parts",
                remedy="Use a model of another family",
            )
        tokens = tokens_for(source.folder, backbone, recipe.max_length)
        layer = str(value_of(recipe, "layer")) if recipe.method is Method.FEATURE_EXTRACTION else "last"
        layers, width = layers_of(backbone, layer, tokens)
        settings = whole.config.to_dict() | {"model_type": whole.config.model_type}
        settings = {name: value for name, value in settings.items() if name not in ELSEWHERE}
        config = {"backbone": settings | {"architectures": [type(whole).__name__]}}
    if not keep_head:
        config = config | {"head": _shape(recipe.head, layers, task.outputs, width)}
    model = TextWithHead(config, None if fresh else backbone).eval()
    if keep_head and parent is not None:
        model.classifier.load_state_dict(parent.classifier.state_dict())
    trains = recipe.method is not Method.FEATURE_EXTRACTION
    check(lambda inputs: model.embed(**inputs), model.backbone, tokens, trains=trains)
    learner = HeadedLearner(model.float(), config, tokens, keeps_head=keep_head, layer=layer)
    learner.notes += [NO_MEAN] if layer == "mean" and layers == LAST else []
    return learner


def layers_of(backbone: Any, layer: str, tokens: Tokens) -> tuple[list[int], int]:
    """The hidden states that `layer` stands for (`last`, `mean` of every block, or a block by its name); their width.

    Where blocks differ in size, `mean` is the last one. Raises: BadRecipeError naming the blocks that exist.
    """
    *inner, final = _states(backbone, tokens)
    shapes = [tuple(state.shape) if isinstance(state, Tensor) else () for state in (*inner, final)]
    count = len(inner) - 1
    blocks = [name for name, _ in encoder_layers(backbone) if name.rpartition(".")[2].isdigit()]
    if len(blocks) != count:  # ALBERT runs one block several times, so its states have no names
        blocks = []
    same = count > 0 and len(set(shapes[1:])) == 1
    blocks = blocks if same else []
    if layer not in {"last", "mean", *blocks}:
        raise BadRecipeError(
            f"The source has no block {layer[:80]!r}, which params.layer names",
            remedy=f"Choose one of {', '.join(['last', 'mean', *blocks])}",
        )
    every = list(range(1, count + 1)) if same else LAST
    chosen = {"last": LAST, "mean": every}.get(layer) or [blocks.index(layer) + 1]
    return chosen, shapes[-1][-1]


def _states(backbone: Any, tokens: Tokens) -> list[Tensor]:
    """The hidden states of a few tokens, and the last one as the model gives it. Raises: BadRecipeError."""
    try:
        with torch.inference_mode():
            found = backbone.eval()(**sample(backbone, tokens), output_hidden_states=True)
            states = [*(found.hidden_states or ()), found.last_hidden_state]
    except (ValueError, TypeError, RuntimeError, AttributeError, KeyError, IndexError, AssertionError) as error:
        raise BadRecipeError(
            f"{type(backbone).__name__} cannot be run on tokens alone: {str(error)[:300]}",
            remedy="Use a model of another family, one that reads nothing but text",
        ) from error
    return states


def _apart(state: dict[str, Tensor]) -> dict[str, Tensor]:
    """Tensors for a safetensors file, which holds none twice: of those that share memory, as Zamba's do, copies."""
    found: dict[str, Tensor] = {}
    seen: set[int] = set()
    for name, tensor in state.items():
        plain = tensor.detach().cpu().contiguous()
        found[name] = plain.clone() if plain.data_ptr() in seen else plain
        seen.add(plain.data_ptr())
    return found


def _shape(head: Head, layers: list[int], outputs: int, width: int) -> dict[str, object]:
    shape: dict[str, object] = {"layers": layers, "outputs": outputs, "width": width, "dropout": head.dropout}
    return shape | ({"hidden": head.hidden} if head.kind == "mlp" else {})


def _read_own(folder: Path) -> TextWithHead:
    try:
        return load(folder)
    except (OSError, ValueError, KeyError, TypeError, RuntimeError, SafetensorError) as error:
        raise BadArtifactError(f"The source cannot be read as a {NAME}: {error}") from error


def _read(folder: Path) -> Any:
    """The model without a head, in fp32. Raises: BadArtifactError, also where weights of its reader are missing."""
    model, loaded = open_stock(AutoModel, folder, "The source cannot be read by transformers")
    inside = {id(p) for p in reader(model).parameters()}
    used = {name for name, p in model.named_parameters() if id(p) in inside and "pooler" not in name.split(".")}
    if missing := sorted(loaded.absent & used):
        raise BadArtifactError(
            f"The source has no weights for {len(missing)} tensors of its encoder: {', '.join(missing[:5])}",
            remedy="Import the model again, with all its weights",
            facts={"missing": missing},
        )
    return model
