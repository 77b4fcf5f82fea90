"""Objectives of language models on bare text: the loss of a training batch, and the loss of each held-out text.

The masked tokens of a training batch are drawn from torch's global generator, so a resumed run masks the same ones. On
held-out text they are drawn with a seed made from the text: every epoch is measured on the same tokens.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Any, Protocol

import torch
import torch.nn.functional as F  # noqa: N812 -- its name in the field
from torch import Tensor

from adapters.loop.tasks.labelled import IGNORE_INDEX
from adapters.loop.training.loop import Inputs
from adapters.transformers.language_models.language_model import LanguageModel
from registry.domain.recipes.params import number_of, value_of
from registry.domain.recipes.recipe import Recipe
from registry.errors import BadRecipeError

HIDDEN, EXCHANGED = 0.8, 0.1
"""Shares of the masked tokens that become the mask token, or any token; the rest stay (Devlin and others 2019)."""


class Objective(Protocol):
    """One way to learn from text."""

    name: str
    passes: int
    """Forward passes per batch."""

    def loss(self, inputs: Inputs) -> Tensor:
        """Mean loss of a batch while learning, a scalar."""
        ...

    def score(self, inputs: Inputs) -> Tensor:
        """For each held-out text its summed loss and the number of terms (N x 2)."""
        ...

    def predict(self, inputs: Inputs) -> Tensor:
        """The model's own outputs."""
        ...

    def embed(self, inputs: Inputs) -> Tensor:
        """One vector for each text (N x D)."""
        ...


def objective_of(model: LanguageModel, recipe: Recipe) -> Objective:
    """The objective of `recipe`. Raises: BadRecipeError for too small a batch, or a tokenizer without a mask token."""
    if model.kind == "causal":
        return Causal(model.module)
    if model.kind == "simcse":
        if recipe.batch_size < 4:
            raise BadRecipeError(
                f"'batch_size' is {recipe.batch_size}, and SimCSE compares each sentence with the rest of its batch",
                remedy="Give 4 or more",
            )
        return Contrast(model.module, number_of(recipe, "simcse_temperature"), str(value_of(recipe, "pooling")))
    tokenizer = model.tokens.load()
    if tokenizer.mask_token_id is None:
        raise BadRecipeError("The source's tokenizer has no mask token", remedy="Use params: {objective: causal}")
    return Masked(model.module, tokenizer, number_of(recipe, "mask"), recipe.seed)


class _Objective:
    """The base of all objectives."""

    passes = 1

    def __init__(self, model: Any) -> None:
        self.model = model

    def predict(self, inputs: Inputs) -> Tensor:
        """Logits (N x tokens x vocabulary)."""
        assert isinstance(inputs, dict)  # noqa: S101 -- a batch of tokens: for the type checker
        logits: Tensor = self.model(**inputs).logits
        return logits

    def embed(self, inputs: Inputs) -> Tensor:
        """The mean of the last hidden states."""
        assert isinstance(inputs, dict)  # noqa: S101 -- as above
        return pooled(self.model.base_model(**inputs).last_hidden_state, inputs["attention_mask"], "mean")


class Causal(_Objective):
    """Predict each token from those before it."""

    name = "causal"

    def _terms(self, inputs: Inputs) -> tuple[Tensor, Tensor]:
        assert isinstance(inputs, dict)  # noqa: S101 -- as above
        truth = inputs["input_ids"].masked_fill(inputs["attention_mask"] == 0, IGNORE_INDEX)[:, 1:]
        return _cross_entropies(self.predict(inputs)[:, :-1], truth)

    def loss(self, inputs: Inputs) -> Tensor:
        """Mean over tokens."""
        return _mean(*self._terms(inputs))

    def score(self, inputs: Inputs) -> Tensor:
        """Summed over the tokens of each text."""
        losses, there = self._terms(inputs)
        return torch.stack([losses.sum(dim=1), there.sum(dim=1).to(losses.dtype)], dim=1)


class Masked(_Objective):
    """Predict masked tokens from all the others."""

    name = "masked"

    def __init__(self, model: Any, tokenizer: Any, share: float, seed: int) -> None:
        super().__init__(model)
        self._mask, self._words = int(tokenizer.mask_token_id), int(model.config.get_text_config().vocab_size)
        self._special, self._share, self._seed = torch.tensor(tokenizer.all_special_ids), share, seed

    def hide(self, inputs: dict[str, Tensor], draw: Callable[[], Tensor]) -> tuple[dict[str, Tensor], Tensor]:
        """Inputs with tokens hidden, and the targets: the hidden tokens, `IGNORE_INDEX` elsewhere.

        `draw` gives uniform numbers (N x tokens).
        """
        ids = inputs["input_ids"]
        free = (inputs["attention_mask"] == 1) & ~torch.isin(ids, self._special.to(ids.device))
        chosen = (draw() < self._share) & free
        how, which = draw(), (draw() * self._words).long().clamp(max=self._words - 1)
        seen = torch.where(chosen & (how < HIDDEN), self._mask, ids)
        seen = torch.where(chosen & (how >= HIDDEN) & (how < HIDDEN + EXCHANGED), which, seen)
        return inputs | {"input_ids": seen}, ids.masked_fill(~chosen, IGNORE_INDEX)

    def loss(self, inputs: Inputs) -> Tensor:
        """Mean over hidden tokens."""
        assert isinstance(inputs, dict)  # noqa: S101 -- as above
        ids = inputs["input_ids"]
        seen, truth = self.hide(inputs, lambda: torch.rand(ids.shape, device=ids.device))
        return _mean(*_cross_entropies(self.predict(seen), truth))

    def score(self, inputs: Inputs) -> Tensor:
        """Summed over the hidden tokens of each text."""
        assert isinstance(inputs, dict)  # noqa: S101 -- as above
        ids = inputs["input_ids"]
        drawn = torch.Generator().manual_seed(_content(ids, self._seed))
        seen, truth = self.hide(inputs, lambda: torch.rand(ids.shape, generator=drawn).to(ids.device))
        losses, there = _cross_entropies(self.predict(seen), truth)
        return torch.stack([losses.sum(dim=1), there.sum(dim=1).to(losses.dtype)], dim=1)


class Contrast(_Objective):
    """Match a sentence under two dropouts against all others of its batch (SimCSE, unsupervised)."""

    name = "simcse"
    passes = 2

    def __init__(self, model: Any, temperature: float, pooling: str) -> None:
        super().__init__(model)
        self._temperature, self._pooling = temperature, pooling

    def predict(self, inputs: Inputs) -> Tensor:
        """Sentence embeddings (N x D)."""
        assert isinstance(inputs, dict)  # noqa: S101 -- as above
        return pooled(self.model(**inputs).last_hidden_state, inputs["attention_mask"], self._pooling)

    def embed(self, inputs: Inputs) -> Tensor:
        """Sentence embeddings (N x D)."""
        return self.predict(inputs)

    def _losses(self, inputs: Inputs) -> Tensor:
        one, two = (F.normalize(self.predict(inputs).float(), dim=1) for _ in range(2))
        alike = one @ two.T / self._temperature
        return F.cross_entropy(alike, torch.arange(len(alike), device=alike.device), reduction="none")

    def loss(self, inputs: Inputs) -> Tensor:
        """Mean over sentences."""
        return self._losses(inputs).mean()

    def score(self, inputs: Inputs) -> Tensor:
        """The loss of each sentence; dropout is on, since without it both embeddings would be equal."""
        assert isinstance(inputs, dict)  # noqa: S101 -- as above
        devices = [inputs["input_ids"].device] if inputs["input_ids"].is_cuda else []
        with torch.random.fork_rng(devices=devices):
            torch.manual_seed(_content(inputs["input_ids"], 0))
            self.model.train()
            losses = self._losses(inputs)
            self.model.eval()
        return torch.stack([losses, torch.ones_like(losses)], dim=1)


def pooled(states: Tensor, mask: Tensor, pooling: str) -> Tensor:
    """One vector a text (N x D) of its tokens' states (N x tokens x D): their mean, or the first one's."""
    there = mask.to(states.dtype)[..., None]
    if pooling == "first":
        return states[torch.arange(len(states), device=states.device), mask.argmax(dim=1)]
    return (states * there).sum(dim=1) / there.sum(dim=1).clamp(min=1)


def _cross_entropies(logits: Tensor, truth: Tensor) -> tuple[Tensor, Tensor]:
    """Cross-entropy of each token (N x tokens), 0 where there is no target, and a mask of the targets."""
    losses = F.cross_entropy(logits.flatten(0, 1).float(), truth.flatten(), ignore_index=IGNORE_INDEX, reduction="none")
    return losses.view(truth.shape), truth != IGNORE_INDEX


def _mean(losses: Tensor, there: Tensor) -> Tensor:
    return losses.sum() / there.sum().clamp(min=1)


def _content(ids: Tensor, seed: int) -> int:
    """A seed that is the same for the same batch of texts."""
    return (seed * 1_000_003 + int(ids.sum())) % 2**31
