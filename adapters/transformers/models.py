"""Stock models from a folder: which class answers which kind of label, loaded in fp32 without messages."""

from __future__ import annotations

from collections.abc import Collection, Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import torch
import transformers
from torch import nn
from transformers import AutoModelForSequenceClassification, AutoModelForTokenClassification

from adapters.loop.tasks.tasks import Task
from adapters.transformers.folders import architecture_of
from registry.domain.data.datasets import LabelKind
from registry.errors import BadArtifactError


@dataclass(frozen=True, slots=True)
class Answering:
    """What transformers has for one kind of label. `problem` is the config's `problem_type`, if it has one."""

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


@dataclass(frozen=True, slots=True)
class Loaded:
    """What became of the tensors of a folder, by name."""

    absent: frozenset[str]
    """Of the model, and not of the folder, or of another shape there: they start at random."""
    unused: frozenset[str]
    """Of the folder, and not of the model: left out."""

    @classmethod
    def of(cls, info: Mapping[str, Any]) -> Loaded:
        """From what `from_pretrained` gives with `output_loading_info`."""
        misshapen = (entry[0] for entry in info["mismatched_keys"])
        return cls(frozenset((*info["missing_keys"], *misshapen)), frozenset(info["unexpected_keys"]))


UNREADABLE = (OSError, ValueError, KeyError, TypeError, AttributeError, ImportError, AssertionError)
"""What transformers raises for a folder that it cannot load."""


def has_class(folder: Path, labels: LabelKind) -> bool:
    """True if transformers has a class for the model type of `folder` that answers in `labels`."""
    known = ANSWERING[labels].auto._model_mapping  # the public mappings have no name by task
    return type(_config(folder)) in known


def _config(folder: Path) -> Any:
    try:
        return transformers.AutoConfig.from_pretrained(folder, local_files_only=True)
    except UNREADABLE as error:
        raise BadArtifactError(f"The library transformers cannot read the source's config.json: {error}") from error


def load(folder: Path, task: Task, dropout: float, **more: Any) -> tuple[Any, Loaded]:
    """The model for `task`, and what became of the folder's tensors; `more` is passed on. Raises: BadArtifactError."""
    names, answering = names_of(task), ANSWERING[task.labels]
    problem = {} if answering.problem is None else {"problem_type": answering.problem}
    model, loaded = open_stock(
        answering.auto,
        folder,
        "The library transformers cannot load the source as a model " + answering.ending.replace("For", "for ", 1),
        remedy="Use a text encoder such as BERT, RoBERTa or DistilBERT",
        num_labels=len(names),
        id2label=dict(enumerate(names)),
        label2id={name: n for n, name in enumerate(names)},
        **problem,
        **_dropout(folder, dropout),
        **more,
    )
    for name, part in model.named_children():
        if part is not model.base_model and name != "pooler":  # DeBERTa's pooler has a dropout of its own
            _set_dropout(part, dropout)
    return model, loaded


def open_stock(auto: Any, folder: Path, failed: str, *, remedy: str = "", **more: Any) -> tuple[Any, Loaded]:
    """A model of the class that `auto` finds, in fp32, and what became of the folder's tensors; `more` is passed on.

    Raises: BadArtifactError, which says `failed` and the cause.
    """
    try:
        with quiet():
            model, info = auto.from_pretrained(
                folder,
                ignore_mismatched_sizes=True,
                dtype=torch.float32,
                local_files_only=True,
                use_safetensors=True,
                output_loading_info=True,
                **more,
            )
    except UNREADABLE as error:
        raise BadArtifactError(f"{failed}: {error}", remedy=remedy) from error
    loaded = Loaded.of(info)
    _start_biases(model, loaded.absent)
    return model, loaded


@torch.no_grad()
def _start_biases(model: nn.Module, absent: Collection[str]) -> None:
    """Set the biases that the folder lacks to zero, but for those of PyTorch's own layers, which are initialised.

    transformers 5.23 leaves the bias of a head that is a parameter of its own class (FNet, for one) as the memory
    happened to be, NaN at times.
    """
    for place, part in model.named_modules():
        if f"{place}.bias".lstrip(".") in absent and not type(part).__module__.startswith("torch.nn."):
            part.bias.zero_()


_DROPOUT_KEYS = ("classifier_dropout", "classifier_dropout_prob", "seq_classif_dropout", "summary_last_dropout")
"""What configs call the dropout before the last layer: BERT's kin, ALBERT, DistilBERT, and XLNet."""


def _dropout(folder: Path, dropout: float) -> dict[str, float]:
    """The config's own key for the dropout before the last layer; empty for a family without one.

    A key that a config does not have would be passed on to the model's constructor, which knows none.
    """
    known = _config(folder).to_dict()
    return {key: dropout for key in _DROPOUT_KEYS if key in known}


def _set_dropout(head: nn.Module, dropout: float) -> None:
    """Set every dropout of `head`: not every family has a key for it in its config."""
    for part in head.modules():
        if isinstance(part, nn.Dropout):
            part.p = dropout


_POSITIONS = frozenset({"position_embeddings", "position_embedding", "embed_positions", "wpe"})
"""What model classes call their table of learned positions."""


def positions_of(model: Any) -> int | None:
    """Tokens per text that the model has positions for; None where nothing limits them.

    RoBERTa's kin lose the positions up to the padding token's, OPT and BART the first two. Positions that are computed,
    as Llama's and CTRL's are, end where the config says.
    """
    tables = (part for name, part in model.base_model.named_modules() if name.rpartition(".")[2] in _POSITIONS)
    config = model.config.get_text_config(decoder=False)
    said = (getattr(config, key, None) for key in ("max_position_embeddings", "max_seq_len"))
    computed = [limit for limit in said if isinstance(limit, int) and limit > 0]
    learned = (_positions(table) for table in tables if isinstance(table, nn.Embedding))
    return min((*computed, *learned), default=None)


def _positions(table: nn.Embedding) -> int:
    unused = 0 if table.padding_idx is None else table.padding_idx + 1
    return table.num_embeddings - int(getattr(table, "offset", unused))


@contextmanager
def quiet() -> Iterator[None]:
    """No warnings and no progress bars from transformers: a new head is intended."""
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
