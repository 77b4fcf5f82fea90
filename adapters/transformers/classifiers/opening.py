"""What is settled about a stock classifier just loaded: its head for probes, its padding token, what was not loaded."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from typing import Any

import torch
from torch import nn
from transformers import MODEL_FOR_CAUSAL_LM_MAPPING, MODEL_FOR_MASKED_LM_MAPPING

from adapters.transformers.classifiers.heads import ProbeHead, features_of, probe_head
from adapters.transformers.classifiers.trial import alike, sample
from adapters.transformers.models import Loaded
from adapters.transformers.texts.tokens import Tokens


def proved_head(model: Any, tokens: Tokens) -> ProbeHead | None:
    """The stock head of `model` for a probe, if it gives what the whole model gives on a text; else None.

    Longformer's classifier, for one, runs its encoder with other attention than its base class does.
    """
    head = probe_head(model)
    if head is None:
        return None
    text = sample(model, tokens)
    try:
        with torch.inference_mode():
            apart, whole = head.eval()(features_of(model, head, text)), model.eval()(**text).logits
    except (ValueError, TypeError, RuntimeError, AttributeError, KeyError, IndexError, AssertionError):
        return None  # a head that takes something else, such as the states of all tokens
    return head if alike(apart, whole) else None


def name_padding(model: Any, tokens: Tokens) -> None:
    """Name the padding token in the config of a decoder, whose stock class answers at the last token that is another.

    Configs of decoders often name none, and a config for several kinds of input holds the one of its texts apart.
    """
    config, score = model.config, getattr(model, "score", None)
    if getattr(config, "is_encoder_decoder", False):
        return
    decoder = type(config) in MODEL_FOR_CAUSAL_LM_MAPPING and type(config) not in MODEL_FOR_MASKED_LM_MAPPING
    last = decoder or (isinstance(score, nn.Linear) and score.bias is None)
    for part in {id(one): one for one in (config, config.get_text_config())}.values():
        if last or getattr(part, "pad_token_id", None) is None:
            part.pad_token_id = tokens.padding


def outside_head(model: Any, names: Iterable[str]) -> list[str]:
    """Those of `names` of tensors that belong to the encoder of `model`."""
    base = model.base_model
    own = tuple(f"{name}." for name, part in model.named_children() if base is not model and part is not base)
    return sorted(name for name in names if not name.startswith(own))


def notes_of(model: Any, loaded: Loaded, *, fresh: bool) -> list[str]:
    """What the step's record says about tensors that were not loaded, or not used."""
    if fresh:
        return []
    notes = []
    if loaded.absent:
        notes.append(f"the source has no weights for {_some(loaded.absent)}, which started at random")
    if loaded.unused:
        name = type(model).__name__
        notes.append(f"weights of the source that {name} does not use were left out: {_some(loaded.unused)}")
    return notes


def _some(names: Iterable[str]) -> str:
    """The modules that hold the tensors `names`, at most eight of them."""
    layers: Sequence[str] = sorted({name.rpartition(".")[0] or name for name in names})
    return ", ".join(layers[:8]) + (f" and {len(layers) - 8} more" if len(layers) > 8 else "")
