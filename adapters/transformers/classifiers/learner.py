"""A stock classifier, regressor or tagger of texts, during a transfer."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import numpy as np
from torch import Tensor, nn

from adapters.inputs.lengths import TextsRead
from adapters.loop.tasks.roles import Role
from adapters.loop.tasks.tasks import Task
from adapters.loop.training.learner import Items
from adapters.loop.training.loop import Inputs
from adapters.transformers.classifiers.heads import ProbeHead, SentenceEndHead, encoder_layers, features_of
from adapters.transformers.classifiers.trial import by_length, padding_counts
from adapters.transformers.models import names_of, quiet
from adapters.transformers.texts.tokens import TokenItems, Tokens
from adapters.transformers.texts.words import WordItems, at_words, read_words
from lineage import Digest
from registry.domain.data.datasets import LabelKind
from registry.errors import BadDataError, BadRecipeError

PADDING_COUNTS = (
    "the answers of this model change with the padding of a text, so each text was read at its own length: "
    "give the pulled model one text at a time"
)


class TextLearner:
    """A model with a head for one kind of label; `probe` is the head if it can be trained alone."""

    def __init__(
        self, model: Any, probe: ProbeHead | None, head: nn.Module, tokens: Tokens, *, keeps_head: bool
    ) -> None:
        self.module: nn.Module = model
        self.head = head
        self.layers = encoder_layers(model.base_model)
        self.architecture = f"transformers:{type(model).__name__}"
        self.keeps_head = keeps_head
        self.feature_size = probe.first_linear().in_features if probe else 0
        self.feature_layer = probe.layer if probe else "none"
        self.tokens, self.texts = tokens, TextsRead(tokens.limit)
        self.model, self._head = model, probe
        self._alone = padding_counts(self._stock, model, tokens)
        self.notes = [PADDING_COUNTS] if self._alone else []

    @property
    def preprocessing(self) -> Digest:
        """The digest of how texts become tokens."""
        return self.tokens.digest

    def items(self, role: Role) -> Items:
        """The texts of `role`, tokenised; with the places of their words where each word is answered."""
        if role.data.labels is LabelKind.TAGS:
            words = read_words(self.tokens, role.rows, role.data)
            self.texts.add(role.name, words.reading)
            return words
        items = self.tokens.read(role.rows, role.data)
        self.texts.add(role.name, items.reading)
        if isinstance(self._head, SentenceEndHead):
            self._check_sentence_ends(items, role)
        return items

    def _check_sentence_ends(self, items: TokenItems, role: Role) -> None:
        """The stock class answers at the end-of-sentence token. Raises: BadDataError where it is not there once."""
        end = self.model.config.eos_token_id
        found = np.add.reduceat(items.tokens == end, items.starts[:-1], dtype=np.int64)
        wrong = next((n for n, count in enumerate(found) if count != 1), None)
        if wrong is not None:
            raise BadDataError(
                f"Row {role.rows[wrong].key} of {role.data.label} has {found[wrong]} end-of-sentence tokens (number "
                f"{end}) after tokenising, and {type(self.model).__name__} reads its answer at the only one",
                remedy="Import the source with a tokenizer that ends each text with this token, or use "
                "method: feature_extraction with params: {layer: mean}",
            )

    @property
    def _probe(self) -> ProbeHead:
        if self._head is None:
            raise BadRecipeError(
                f"The features of {type(self.model).__name__} cannot be read apart from its head",
                remedy="Use method: fine_tuning, or another encoder such as BERT or RoBERTa",
            )
        return self._head

    def predict(self, inputs: Inputs) -> Tensor:
        """Outputs for a batch of tokens: N x classes, or N x words x classes."""
        assert isinstance(inputs, dict)  # noqa: S101 -- for the type checker
        if WordItems.PLACES in inputs:
            tokens = {name: tensor for name, tensor in inputs.items() if name != WordItems.PLACES}
            return at_words(self._answers(tokens), inputs[WordItems.PLACES])
        return self._answers(inputs)

    def _answers(self, inputs: dict[str, Tensor]) -> Tensor:
        return by_length(self._stock, inputs) if self._alone else self._stock(inputs)

    def _stock(self, inputs: Inputs) -> Tensor:
        assert isinstance(inputs, dict)  # noqa: S101 -- for the type checker
        logits: Tensor = self.model(**inputs).logits
        return logits

    def features(self, inputs: Inputs) -> Tensor:
        """The input of the stock head (N x D)."""
        assert isinstance(inputs, dict)  # noqa: S101 -- for the type checker
        head = self._probe
        if self._alone:
            return by_length(lambda part: features_of(self.model, head, part), inputs)
        return features_of(self.model, head, inputs)

    def classify(self, features: Tensor) -> Tensor:
        """Logits of features."""
        logits: Tensor = self.head(features)
        return logits

    def first_linear(self) -> nn.Linear:
        """The head's first linear layer."""
        return self._probe.first_linear()

    def last_linear(self) -> nn.Linear:
        """The head's last linear layer."""
        return [part for part in self.head.modules() if isinstance(part, nn.Linear)][-1]

    def name_outputs(self, task: Task) -> None:
        """Write the names of the outputs into the config."""
        names = names_of(task)
        self.model.config.id2label = dict(enumerate(names))
        self.model.config.label2id = {name: n for n, name in enumerate(names)}

    def save(self, folder: Path, task: Task) -> None:
        """Write a stock folder: config, safetensors, and a tokenizer that truncates where training did."""
        self.name_outputs(task)
        with quiet():
            self.model.save_pretrained(folder, max_shard_size="1000GB")
            self.tokens.save(folder)
