"""Stock models out of a folder: which class answers which kind of label, loaded in fp32 without a word."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import torch
import transformers
from torch import nn
from transformers import AutoModelForSequenceClassification, AutoModelForTokenClassification

from adapters.loop.tasks.tasks import Task
from registry.domain.data.datasets import LabelKind
from registry.errors import BadArtifactError


@dataclass(frozen=True, slots=True)
class Answering:
    """What transformers has for one kind of label. `problem` is what its config calls the kind; None: nothing."""

    auto: Any
    ending: str
    problem: str | None = None


_SEQUENCE = (AutoModelForSequenceClassification, "ForSequenceClassification")
ANSWERING: Mapping[LabelKind, Answering] = {
    LabelKind.CLASS: Answering(*_SEQUENCE, "single_label_classification"),
    LabelKind.MANY: Answering(*_SEQUENCE, "multi_label_classification"),
    LabelKind.NUMBER: Answering(*_SEQUENCE, "regression"),
    LabelKind.TAGS: Answering(AutoModelForTokenClassification, "ForTokenClassification"),
}
ENDINGS = tuple({answering.ending for answering in ANSWERING.values()})


def answers(config: Mapping[str, Any], labels: LabelKind) -> bool:
    """True for the config of a model whose own head answers in `labels`."""
    wanted = ANSWERING[labels]
    if not architecture_of(config).endswith(wanted.ending):
        return False
    usual = ANSWERING[LabelKind.CLASS].problem if wanted.problem else None
    return wanted.problem is None or (config.get("problem_type") or usual) == wanted.problem


def names_of(task: Task) -> tuple[str, ...]:
    """What config.json calls the outputs."""
    return task.classes or ("value",)


def load(folder: Path, task: Task, dropout: float) -> tuple[Any, set[str]]:
    """The model for `task`, and the names of tensors that the folder did not have. Raises: BadArtifactError."""
    names, answering = names_of(task), ANSWERING[task.labels]
    said = {} if answering.problem is None else {"problem_type": answering.problem}
    try:
        with quiet():
            model, info = answering.auto.from_pretrained(
                folder,
                num_labels=len(names),
                id2label=dict(enumerate(names)),
                label2id={name: n for n, name in enumerate(names)},
                ignore_mismatched_sizes=True,
                dtype=torch.float32,
                local_files_only=True,
                use_safetensors=True,
                output_loading_info=True,
                **said,
                **_dropout(folder, dropout),
            )
    except (OSError, ValueError, KeyError, TypeError) as error:
        raise BadArtifactError(
            f"transformers cannot read the source as a model {answering.ending.replace('For', 'for ', 1)}: {error}",
            remedy="Use a text encoder such as BERT, RoBERTa or DistilBERT",
        ) from error
    if isinstance(getattr(model, "dropout", None), nn.Dropout):
        model.dropout.p = dropout  # DistilBERT's tagger knows no key for it
    return model, set(info["missing_keys"])


def _dropout(folder: Path, dropout: float) -> dict[str, float]:
    """The config's key for dropout before the last layer; DistilBERT has a name of its own for it."""
    distil = read_config(folder).get("model_type") == "distilbert"
    return {"seq_classif_dropout" if distil else "classifier_dropout": dropout}


def room(model: Any, wanted: int) -> int:
    """Tokens per text: as wanted, but no more than there are positions (RoBERTa's kin lose those up to padding)."""
    base = model.base_model
    table = getattr(getattr(base, "embeddings", None), "position_embeddings", None) or getattr(base, "wpe", None)
    if not isinstance(table, nn.Embedding):
        return wanted
    return min(wanted, table.num_embeddings - (0 if table.padding_idx is None else table.padding_idx + 1))


@contextmanager
def quiet() -> Iterator[None]:
    """No advice and no progress bars from transformers: a new head is what was asked for."""
    log = transformers.utils.logging
    level, bars = log.get_verbosity(), log.is_progress_bar_enabled()
    log.set_verbosity_error()
    log.disable_progress_bar()
    try:
        yield
    finally:
        log.set_verbosity(level)
        if bars:
            log.enable_progress_bar()
