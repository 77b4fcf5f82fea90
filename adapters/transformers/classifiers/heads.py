"""The parts of a stock sequence classifier: the layers of its encoder, its features, and its head.

A probe trains the stock head and nothing else, so `from_pretrained` loads the result without code of ours. The
cached features are the input of that head:

- BERT and its kin (`classifier` is linear): the pooler's output, tanh(W h_first + b);
- RoBERTa and its kin (`classifier.dense`, `classifier.out_proj`), DistilBERT (`pre_classifier`, `classifier`) and
  DeBERTa (`pooler`, `classifier`): the last hidden state of the first token;
- XLNet (`sequence_summary`, `logits_proj`): that of the last token;
- BART and T5 (`classification_head`): the decoder's state at the end-of-sentence token.

All but BERT's have a hidden layer, which is trained too. Decoders such as GPT-2 and OPT (`score`) have one linear layer
without a bias, into which standardised features cannot be folded: a probe on them has a head of our own (`headed`).
"""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

import torch
from torch import Tensor, nn

from adapters.loop.training.loop import Inputs
from registry.errors import BadRecipeError


class PoolerHead(nn.Module):
    """Dropout and one linear layer on the pooler's output."""

    layer = "pooler"

    def __init__(self, model: Any) -> None:
        super().__init__()
        self.dropout, self.classifier = model.dropout, model.classifier

    def forward(self, features: Tensor) -> Tensor:
        """Logits of pooled features (N x D)."""
        return self.classifier(self.dropout(features))  # type: ignore[no-any-return]

    def first_linear(self) -> nn.Linear:
        """The first linear layer."""
        return self.classifier  # type: ignore[no-any-return]


class FirstTokenHead(nn.Module):
    """A stock head of two layers that selects the first token's state itself."""

    layer = "first-token"

    def __init__(self, model: Any) -> None:
        super().__init__()
        self.classifier = model.classifier

    def forward(self, features: Tensor) -> Tensor:
        """Logits of first-token states (N x D)."""
        return self.classifier(features[:, None, :])  # type: ignore[no-any-return]

    def first_linear(self) -> nn.Linear:
        """The first linear layer."""
        return self.classifier.dense  # type: ignore[no-any-return]


class DistilHead(nn.Module):
    """DistilBERT's two layers on the first token's state."""

    layer = "first-token"

    def __init__(self, model: Any) -> None:
        super().__init__()
        self.pre_classifier, self.dropout, self.classifier = model.pre_classifier, model.dropout, model.classifier

    def forward(self, features: Tensor) -> Tensor:
        """Logits of first-token states (N x D)."""
        hidden = torch.relu(self.pre_classifier(features))
        return self.classifier(self.dropout(hidden))  # type: ignore[no-any-return]

    def first_linear(self) -> nn.Linear:
        """The first linear layer."""
        return self.pre_classifier  # type: ignore[no-any-return]


class ContextHead(nn.Module):
    """DeBERTa's pooler, which is part of its head, and one linear layer."""

    layer = "first-token"

    def __init__(self, model: Any) -> None:
        super().__init__()
        self.pooler, self.dropout, self.classifier = model.pooler, model.dropout, model.classifier

    def forward(self, features: Tensor) -> Tensor:
        """Logits of first-token states (N x D)."""
        return self.classifier(self.dropout(self.pooler(features[:, None, :])))  # type: ignore[no-any-return]

    def first_linear(self) -> nn.Linear:
        """The first linear layer."""
        return self.pooler.dense  # type: ignore[no-any-return]


class SummaryHead(nn.Module):
    """XLNet's two layers on the last token's state; its texts are padded on the left."""

    layer = "last-token"

    def __init__(self, model: Any) -> None:
        super().__init__()
        self.sequence_summary, self.logits_proj = model.sequence_summary, model.logits_proj

    def forward(self, features: Tensor) -> Tensor:
        """Logits of last-token states (N x D)."""
        return self.logits_proj(self.sequence_summary(features[:, None, :]))  # type: ignore[no-any-return]

    def first_linear(self) -> nn.Linear:
        """The first linear layer."""
        return self.sequence_summary.summary  # type: ignore[no-any-return]


class SentenceEndHead(nn.Module):
    """BART's and T5's two layers on the decoder's state at the last end-of-sentence token."""

    layer = "sentence-end"

    def __init__(self, model: Any) -> None:
        super().__init__()
        self.classification_head = model.classification_head

    def forward(self, features: Tensor) -> Tensor:
        """Logits of the states at the sentences' ends (N x D)."""
        return self.classification_head(features)  # type: ignore[no-any-return]

    def first_linear(self) -> nn.Linear:
        """The first linear layer."""
        return self.classification_head.dense  # type: ignore[no-any-return]


ProbeHead = PoolerHead | FirstTokenHead | DistilHead | ContextHead | SummaryHead | SentenceEndHead


def probe_head(model: Any) -> ProbeHead | None:
    """The stock head of `model` if a probe can train it alone; None for a family whose head is not known here."""
    classifier, linear = getattr(model, "classifier", None), nn.Linear
    if hasattr(model, "pre_classifier"):
        return DistilHead(model)
    if isinstance(getattr(classifier, "dense", None), linear) and hasattr(classifier, "out_proj"):
        return FirstTokenHead(model)
    if isinstance(getattr(getattr(model, "pooler", None), "dense", None), linear) and isinstance(classifier, linear):
        return ContextHead(model)
    if isinstance(getattr(getattr(model, "sequence_summary", None), "summary", None), linear):
        last = model.sequence_summary.summary_type == "last"
        return SummaryHead(model) if last and hasattr(model, "logits_proj") else None
    if isinstance(getattr(getattr(model, "classification_head", None), "dense", None), linear):
        return SentenceEndHead(model)
    pooler = getattr(model.base_model, "pooler", None)
    if pooler is not None and isinstance(classifier, linear) and hasattr(model, "dropout"):
        return PoolerHead(model)
    return None


def features_of(model: Any, head: ProbeHead, inputs: Inputs) -> Tensor:
    """The input of `head` (N x D)."""
    assert isinstance(inputs, dict)  # noqa: S101 -- a batch of tokens: for the type checker
    if isinstance(head, SentenceEndHead):
        return _sentence_ends(model, inputs)
    out = model.base_model(**inputs)
    if isinstance(head, PoolerHead):
        pooled: Tensor = out.pooler_output
        return pooled
    states: Tensor = out.last_hidden_state
    return states[:, -1 if isinstance(head, SummaryHead) else 0]


def _sentence_ends(model: Any, inputs: dict[str, Tensor]) -> Tensor:
    """The input of the stock head, recorded while the stock class runs: it starts its decoder itself."""
    taken: list[Tensor] = []
    hook = model.classification_head.register_forward_pre_hook(lambda _, given: taken.append(given[0]))
    try:
        model(**inputs)
    finally:
        hook.remove()
    return taken[0]


def whole_head(model: Any) -> nn.Module:
    """All parts of `model` outside its encoder. Raises: BadRecipeError when there are none."""
    parts = {name: part for name, part in model.named_children() if part is not model.base_model}
    if not any(True for part in parts.values() for _ in part.parameters()):
        raise BadRecipeError(f"{type(model).__name__} has no head to train")
    return nn.ModuleDict(parts)


def renew(head: nn.Module, deviation: float) -> None:
    """Draw every linear layer of `head` afresh from N(0, deviation²), biases 0, as BERT's authors do."""
    for part in head.modules():
        if isinstance(part, nn.Linear):
            nn.init.normal_(part.weight, std=deviation)
            if part.bias is not None:
                nn.init.zeros_(part.bias)


def encoder_layers(base: nn.Module) -> list[tuple[str, nn.Module]]:
    """The layers of the encoder from input to output: embeddings, every block, and what follows them."""
    return list(_walk(base, ""))


def _walk(module: nn.Module, prefix: str) -> Iterator[tuple[str, nn.Module]]:
    for name, child in module.named_children():
        if isinstance(child, nn.ModuleList):
            yield from ((f"{prefix}{name}.{n}", block) for n, block in enumerate(child))
        elif any(isinstance(inner, nn.ModuleList) for inner in child.children()):
            yield from _walk(child, f"{prefix}{name}.")
        elif any(True for _ in child.parameters()):
            yield f"{prefix}{name}", child
