"""A stock classifier, regressor or tagger of texts on its way through a transfer."""

from __future__ import annotations

from pathlib import Path
from typing import Any

from torch import Tensor, nn

from adapters.loop.tasks.roles import Role
from adapters.loop.tasks.tasks import Task
from adapters.loop.training.learner import Items
from adapters.loop.training.loop import Inputs
from adapters.transformers.heads import ProbeHead, encoder_layers, features_of
from adapters.transformers.models import names_of, quiet
from adapters.transformers.text import Tokens
from adapters.transformers.words import WordItems, at_words, read_words
from lineage import Digest
from registry.domain.data.datasets import LabelKind


class TextLearner:
    """A model with a head for one kind of label; `probe` is the head that can learn alone, if there is one."""

    def __init__(
        self, model: Any, probe: ProbeHead | None, head: nn.Module, tokens: Tokens, *, keeps_head: bool
    ) -> None:
        self.module: nn.Module = model
        self.head = head
        self.layers = encoder_layers(model.base_model)
        self.architecture = f"transformers:{type(model).__name__}"
        self.keeps_head = keeps_head
        self.feature_size = int(model.config.hidden_size)
        self.feature_layer = probe.layer if probe else "none"
        self.tokens = tokens
        self.model, self._head = model, probe

    @property
    def preprocessing(self) -> Digest:
        """What happens to a text before the model sees it."""
        return self.tokens.digest

    def items(self, role: Role) -> Items:
        """The texts of `role`, tokenised; with the places of their words where each word is answered."""
        if role.data.labels is LabelKind.TAGS:
            return read_words(self.tokens, role.rows, role.data)
        return self.tokens.read(role.rows, role.data)

    @property
    def _probe(self) -> ProbeHead:
        assert self._head is not None  # noqa: S101 -- `open` refuses a probe where there is none
        return self._head

    def predict(self, inputs: Inputs) -> Tensor:
        """Outputs for a batch of tokens: N x classes, or N x words x classes."""
        assert isinstance(inputs, dict)  # noqa: S101 -- told to the type checker
        if WordItems.PLACES in inputs:
            tokens = {name: tensor for name, tensor in inputs.items() if name != WordItems.PLACES}
            return at_words(self.model(**tokens).logits, inputs[WordItems.PLACES])
        logits: Tensor = self.model(**inputs).logits
        return logits

    def features(self, inputs: Inputs) -> Tensor:
        """What the stock head takes in (N x D)."""
        return features_of(self.model, self._probe, inputs)

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
        """Let the config say what the outputs are."""
        names = names_of(task)
        self.model.config.id2label = dict(enumerate(names))
        self.model.config.label2id = {name: n for n, name in enumerate(names)}

    def save(self, folder: Path, task: Task) -> None:
        """A stock folder: config, safetensors, and a tokenizer that cuts where training did."""
        self.name_outputs(task)
        with quiet():
            self.model.save_pretrained(folder, max_shard_size="1000GB")
            self.tokens.load().save_pretrained(folder)
