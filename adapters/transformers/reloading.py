"""Written text models as their users load them: with stock classes, or the one-file definition pulled with them."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import torch
from transformers import AutoModelForSequenceClassification, AutoTokenizer

from adapters.inputs.row_texts import text_of
from adapters.loop.tasks.roles import Role
from adapters.loop.training.learner import Reloaded
from adapters.transformers.classifiers.headed import NAME
from adapters.transformers.definitions import transformers_text_head
from adapters.transformers.models import quiet

SEQUENCES = "ForSequenceClassification"


def reload(folder: Path, architecture: str, sample: Role) -> Reloaded | None:
    """What the model in `folder` gives for the texts of `sample`, each text by itself.

    None for taggers, and for adapters, which need their parent. Raises: whatever the library raises.
    """
    texts = [text_of(row, sample.data) for row in sample.rows]
    if architecture == NAME:
        with quiet():
            headed = transformers_text_head.load(folder)
            found = [transformers_text_head.outputs(headed, [text], folder) for text in texts]
        return Reloaded(torch.cat(found).numpy(), NAME)
    if not (architecture.startswith("transformers:") and architecture.endswith(SEQUENCES)):
        return None
    with quiet():
        tokenizer: Any = AutoTokenizer.from_pretrained(folder, local_files_only=True)
        model: Any = AutoModelForSequenceClassification.from_pretrained(
            folder, local_files_only=True, use_safetensors=True, dtype=torch.float32
        ).eval()
    read = (tokenizer(text, truncation=True, return_tensors="pt") for text in texts)
    rows = [model(**one).logits for one in read]
    return Reloaded(torch.cat(rows).numpy(), "transformers")
