"""Transfers of text encoders: what goes out is a stock transformers folder, loaded by `from_pretrained` alone."""

from __future__ import annotations

import json
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import torch
import transformers
from torch import Tensor, nn
from transformers import AutoModelForSequenceClassification

from adapters.loop.learner import Items, Learner
from adapters.loop.loop import Inputs
from adapters.loop.roles import Role
from adapters.loop.tasks import Task
from adapters.loop.transfer import run
from adapters.transformers.heads import ProbeHead, encoder_layers, features_of, probe_head, renew, whole_head
from adapters.transformers.offer import OFFER
from adapters.transformers.text import Tokens
from lineage import Digest
from registry.domain.data import LabelKind
from registry.domain.transfers import Method, Recipe
from registry.errors import BadArtifactError, BadRecipeError
from registry.ports import ModelInput, TransferEvent, TransferJob

PROBLEMS = {
    LabelKind.CLASS: "single_label_classification",
    LabelKind.MANY: "multi_label_classification",
    LabelKind.NUMBER: "regression",
}
"""What transformers calls the kinds of labels that a sequence classifier can answer."""


class TransformersTransfers:
    """Feature extraction and fine-tuning of text encoders into sequence classifiers."""

    offer = OFFER

    def run(self, job: TransferJob) -> Iterator[TransferEvent]:
        """Do `job`, yielding events. Raises: errors of `registry.errors` only."""
        return run(job, self)

    def libraries(self) -> Mapping[str, str]:
        """What computes here beside torch."""
        return {"transformers": transformers.__version__}

    def parent_classes(self, source: ModelInput) -> tuple[str, ...] | None:
        """The classes of a sequence classifier in the order of its logits; None for an encoder or unnamed classes."""
        config = read_config(source.folder)
        names = config.get("id2label")
        head = any(str(name).endswith("ForSequenceClassification") for name in config.get("architectures") or ())
        if not head or not isinstance(names, dict):
            return None
        ordered = tuple(str(names[key]) for key in sorted(names, key=int))
        if config.get("problem_type") == PROBLEMS[LabelKind.NUMBER]:
            return None
        return None if all(name == f"LABEL_{n}" for n, name in enumerate(ordered)) else ordered

    def open(self, source: ModelInput, recipe: Recipe, task: Task, *, keep_head: bool, fresh: bool) -> Learner:
        """Load the encoder in fp32 under a head for `task`: its own when `keep_head`, else the stock one, new.

        Raises: BadRecipeError for a head that a stock folder cannot hold, or a probe on an encoder that was never
        trained up to where that head begins; BadArtifactError for a folder that transformers cannot read.
        """
        if recipe.head.kind not in {"linear", "ridge"}:
            raise BadRecipeError(
                f"head.kind is {recipe.head.kind!r}, and a stock transformers classifier has no such head",
                remedy="Leave head out: the head is the one that transformers gives this model",
            )
        model, missing = _load(source.folder, task, recipe.head.dropout)
        if fresh:
            model, missing = type(model)(model.config), set(model.state_dict())
        head = probe_head(model)
        whole = head if head is not None else whole_head(model)
        ours = {f"{name}." for name, part in model.named_children() if part is not model.base_model}
        untrained = sorted(name for name in missing if not name.startswith(tuple(ours)))
        if recipe.method is Method.FEATURE_EXTRACTION and (head is None or untrained):
            why = f"these weights are missing: {', '.join(untrained)}" if untrained else "its head is not known here"
            raise BadRecipeError(
                f"{source.label} ({type(model).__name__}) cannot be probed: {why}", remedy="Use method: fine_tuning"
            )
        problem = read_config(source.folder).get("problem_type") or PROBLEMS[LabelKind.CLASS]
        keeps = keep_head and len(untrained) == len(missing) and problem == PROBLEMS[task.labels]
        if not keeps:
            renew(whole, float(getattr(model.config, "initializer_range", 0.02)))
        room = Tokens(source.folder, _room(model, recipe.max_length))
        return TextLearner(model, head, whole, room, keeps_head=keeps)


class TextLearner:
    """A sequence classifier on its way through a transfer."""

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
        self._model, self._head = model, probe

    @property
    def preprocessing(self) -> Digest:
        """What happens to a text before the model sees it."""
        return self.tokens.digest

    def items(self, role: Role) -> Items:
        """The texts of `role`, tokenised."""
        return self.tokens.read(role.rows, role.data)

    @property
    def _probe(self) -> ProbeHead:
        assert self._head is not None  # noqa: S101 -- `open` refuses a probe where there is none
        return self._head

    def predict(self, inputs: Inputs) -> Tensor:
        """Logits (N x classes) of a batch of tokens."""
        assert isinstance(inputs, dict)  # noqa: S101 -- told to the type checker
        logits: Tensor = self._model(**inputs).logits
        return logits

    def features(self, inputs: Inputs) -> Tensor:
        """What the stock head takes in (N x D)."""
        return features_of(self._model, self._probe, inputs)

    def classify(self, features: Tensor) -> Tensor:
        """Logits of features."""
        logits: Tensor = self.head(features)
        return logits

    def entrance(self) -> nn.Linear:
        """The head's first linear layer."""
        return self._probe.entrance()

    def exit(self) -> nn.Linear:
        """The head's last linear layer."""
        return [part for part in self.head.modules() if isinstance(part, nn.Linear)][-1]

    def save(self, folder: Path, task: Task) -> None:
        """A stock folder: config, safetensors, and a tokenizer that cuts where training did."""
        model, names = self._model, _names(task)
        model.config.id2label = dict(enumerate(names))
        model.config.label2id = {name: n for n, name in enumerate(names)}
        with quiet():
            model.save_pretrained(folder, max_shard_size="1000GB")
            self.tokens.load().save_pretrained(folder)


def read_config(folder: Path) -> dict[str, Any]:
    """The folder's config.json. Raises: BadArtifactError."""
    try:
        config = json.loads((folder / "config.json").read_bytes())
    except (OSError, ValueError) as error:
        raise BadArtifactError(f"the source has no config.json that can be read: {error}") from error
    if not isinstance(config, dict):
        raise BadArtifactError("the source's config.json is not an object")
    return config


def _names(task: Task) -> tuple[str, ...]:
    """What config.json calls the outputs."""
    return task.classes or ("value",)


def _load(folder: Path, task: Task, dropout: float) -> tuple[Any, set[str]]:
    """The model, and the names of tensors that the folder did not have."""
    names = _names(task)
    try:
        with quiet():
            model, info = AutoModelForSequenceClassification.from_pretrained(
                folder,
                num_labels=len(names),
                id2label=dict(enumerate(names)),
                label2id={name: n for n, name in enumerate(names)},
                problem_type=PROBLEMS[task.labels],
                ignore_mismatched_sizes=True,
                dtype=torch.float32,
                local_files_only=True,
                use_safetensors=True,
                output_loading_info=True,
                **_dropout(folder, dropout),
            )
    except (OSError, ValueError, KeyError, TypeError) as error:
        raise BadArtifactError(
            f"transformers cannot read the source as a sequence classifier: {error}",
            remedy="Use a text encoder such as BERT, RoBERTa or DistilBERT",
        ) from error
    return model, set(info["missing_keys"])


def _dropout(folder: Path, dropout: float) -> dict[str, float]:
    """The config's key for dropout before the last layer; DistilBERT has a name of its own for it."""
    distil = read_config(folder).get("model_type") == "distilbert"
    return {"seq_classif_dropout" if distil else "classifier_dropout": dropout}


def _room(model: Any, wanted: int) -> int:
    """Tokens per text: as wanted, but no more than there are positions (RoBERTa's kin lose those up to padding)."""
    embeddings = getattr(model.base_model, "embeddings", None)
    table = getattr(embeddings, "position_embeddings", None)
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
