"""Adapters by PEFT: small weights trained beside a frozen parent, saved without it, and merged into it for use.

Trained are low-rank or scaling weights inside the encoder, the head, and all tensors that the parent does not have
(they start at random, so they belong to the child). `PeftModel.from_pretrained(parent, folder)` loads the result.
"""

from __future__ import annotations

import copy
import json
import shutil
import warnings
from collections.abc import Iterable, Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any, cast

import peft
import torch
import transformers
from peft.tuners.tuners_utils import BaseTunerLayer
from torch import nn
from transformers.pytorch_utils import Conv1D

from adapters.loop.tasks.tasks import Task
from adapters.loop.techniques.quantizing import dequantise, is_quantised
from adapters.transformers.classifiers.learner import TextLearner
from adapters.transformers.models import quiet
from adapters.transformers.offer import PREFIX
from registry.domain.recipes.params import value_of, whole_of
from registry.domain.recipes.recipe import Recipe
from registry.domain.transfers.adapted import PIN, Pin
from registry.errors import BadArtifactError, BadRecipeError
from registry.ports.transfers import ModelInput

CONFIG = "adapter_config.json"
TASKS = (
    ("ForSequenceClassification", "SEQ_CLS"),
    ("ForTokenClassification", "TOKEN_CLS"),
    ("ForCausalLM", "CAUSAL_LM"),
    ("LMHeadModel", "CAUSAL_LM"),
)
"""PEFT's task type for a class, by the end of its name."""


def adapt(model: Any, recipe: Recipe, missing: Iterable[str], *, head: bool = True) -> Any:
    """Freeze `model`, a stock one, and put an adapter of `recipe.params` into its encoder; gives PEFT's model.

    With `head` everything outside the encoder is trained too. `missing` are the names of tensors that the parent does
    not have: these are trained in any case. Raises: BadRecipeError for a kind of adapter that PEFT does not support in
    this family.
    """
    if recipe.freeze.what != "none" or recipe.freeze.until is not None:
        raise BadRecipeError("With method: adapter the whole parent is frozen", remedy="Leave freeze out")
    lacking = {name.rpartition(".")[0] for name in missing}
    own = {name for name, part in model.named_children() if head and part is not model.base_model and _owns(part)}
    trained = sorted(own | {name for name in lacking if name.partition(".")[0] not in own})
    settings = {
        "task_type": _purpose(type(model).__name__),
        "modules_to_save": trained or None,
        "fan_in_fan_out": any(isinstance(part, Conv1D) for part in model.modules()),  # as GPT-2 stores them
    }
    if value_of(recipe, "kind") == "ia3":
        config: Any = peft.IA3Config(**settings)
    else:
        wide = value_of(recipe, "targets") == "all-linear"
        if wide and not _linear(model, trained):
            raise BadRecipeError(
                f"{type(model).__name__} has no plain linear layer that an adapter could be put beside",
                remedy="Use method: fine_tuning, or another family of models",
            )
        config = peft.LoraConfig(
            r=whole_of(recipe, "rank"),
            lora_alpha=whole_of(recipe, "alpha"),
            lora_dropout=float(str(value_of(recipe, "adapter_dropout"))),
            target_modules=_linear(model, trained) if wide else None,
            use_rslora=value_of(recipe, "rslora") is True,
            use_dora=value_of(recipe, "dora") is True,
            **settings,
        )
    try:
        with _calm():
            return peft.get_peft_model(model, config)
    except ValueError as error:
        raise BadRecipeError(
            f"PEFT cannot put {value_of(recipe, 'kind')} into a {type(model).__name__}: {error}",
            remedy="Use params: {kind: lora, targets: all-linear}",
        ) from error


def trained_parts(model: Any) -> nn.Module:
    """The trained parts of `model` outside its encoder: PEFT trains copies, and keeps the originals."""
    wrapped = peft.utils.ModulesToSaveWrapper
    parts = [part for part in model.children() if part is not model.base_model]
    return nn.ModuleList(part.modules_to_save["default"] if isinstance(part, wrapped) else part for part in parts)


class AdaptedLearner:
    """A learner of text whose parent stays frozen: `inner` has an adapter in it, and only that is saved."""

    def __init__(self, inner: TextLearner, recipe: Recipe, missing: Iterable[str], source: ModelInput) -> None:
        self._inner, self._pin = inner, Pin(source.label, source.digest)
        self._adapted = adapt(inner.model, recipe, missing)
        inner.head = trained_parts(inner.model)
        self.architecture = PREFIX + type(inner.model).__name__

    def __getattr__(self, name: str) -> Any:
        return getattr(self._inner, name)

    @contextmanager
    def without_adapter(self) -> Iterator[None]:
        """While it lasts, the adapter adds nothing; the head stays as it was trained."""
        layers = [part for part in self._adapted.modules() if isinstance(part, BaseTunerLayer)]
        for layer in layers:
            layer.enable_adapters(False)
        try:
            yield
        finally:
            for layer in layers:
                layer.enable_adapters(True)

    def save(self, folder: Path, task: Task) -> None:
        """The adapter's files, the config of the class that it belongs in, the tokenizer, and the parent's digest."""
        self._inner.name_outputs(task)
        save(self._adapted, folder, self._pin)
        with quiet():
            self._inner.tokens.save(folder)


def save(adapted: Any, folder: Path, pin: Pin) -> None:
    """PEFT's own files, deterministic to the byte, the config of the model inside, and the parent's digest."""
    inner = adapted.get_base_model()
    with quiet(), _calm():
        adapted.save_pretrained(folder, save_embedding_layers=False)
        config = copy.deepcopy(inner.config)
        config.architectures = [type(inner).__name__]
        if hasattr(config, "quantization_config"):  # of the run: the parent's files are in full precision
            del config.quantization_config
        config.save_pretrained(folder)
    (folder / "README.md").unlink(missing_ok=True)  # an empty card: the registry writes its own
    settings = json.loads((folder / CONFIG).read_bytes()) | {"base_model_name_or_path": pin.model}
    settings = {name: sorted(value) if isinstance(value, list) else value for name, value in settings.items()}
    (folder / CONFIG).write_text(json.dumps(settings, indent=2, sort_keys=True) + "\n", encoding="utf-8")
    (folder / PIN).write_bytes(pin.body)


def whole(source: ModelInput, folder: Path) -> ModelInput:
    """`source`, an adapter, merged into its parent and written into `folder` as a stock folder of transformers.

    Raises: ParentChangedError when the parent is not the one that the adapter was trained on, BadArtifactError.
    """
    if source.base is None:
        raise BadArtifactError(f"{source.label} is an adapter, and its parent is not among the inputs")
    try:
        pin = Pin.read((source.folder / PIN).read_bytes())
    except FileNotFoundError as error:
        raise BadArtifactError(f"{source.label} is an adapter without a file {PIN}") from error
    pin.check(source.base.digest)
    name = source.architecture.removeprefix(PREFIX)
    kind = getattr(transformers, name, None)
    if not isinstance(kind, type) or not issubclass(kind, transformers.PreTrainedModel):
        raise BadArtifactError(f"{source.label} is an adapter for {name[:80]!r}, which transformers does not have")
    parent = source.base.folder
    if is_quantised(parent):
        parent = folder.with_name(f"{folder.name}-parent")
        dequantise(source.base.folder, parent)
    with quiet(), _calm():
        model = cast("Any", kind).from_pretrained(
            parent,
            config=transformers.AutoConfig.from_pretrained(source.folder, local_files_only=True),
            ignore_mismatched_sizes=True,
            dtype=torch.float32,
            local_files_only=True,
            use_safetensors=True,
        )
        merged = peft.PeftModel.from_pretrained(model, source.folder).merge_and_unload(safe_merge=True)
        merged.save_pretrained(folder, max_shard_size="1000GB")
    for path in source.folder.iterdir():
        if path.is_file() and not (folder / path.name).exists() and not _of_the_adapter(path.name):
            shutil.copyfile(path, folder / path.name)
    return ModelInput(folder, source.digest, source.role, f"transformers:{name}", source.label)


@contextmanager
def _calm() -> Iterator[None]:
    """Suppress PEFT's warnings about names that the next version of transformers will drop."""
    with warnings.catch_warnings():
        warnings.simplefilter("ignore", FutureWarning)
        yield


def _of_the_adapter(name: str) -> bool:
    return name in {PIN, "predictions.json"} or name.startswith("adapter_")


def _linear(model: Any, trained: Iterable[str]) -> list[str]:
    """Every linear layer of the encoder but those that are trained whole ("all-linear": Schulman and others 2025)."""
    inside = {id(part) for part in model.base_model.modules()}
    apart = tuple(f"{name}." for name in trained)
    return [
        name
        for name, part in model.named_modules()
        if id(part) in inside and _is_plain(part) and not f"{name}.".startswith(apart)
    ]


def _is_plain(part: nn.Module) -> bool:
    """True for a linear layer that gives one tensor: Phimoe's router gives two."""
    if not isinstance(part, nn.Linear):
        return isinstance(part, Conv1D)
    if type(part).forward is nn.Linear.forward:
        return True
    try:
        with torch.inference_mode():
            given = part(torch.zeros(1, 1, part.in_features, device=part.weight.device))
    except (RuntimeError, ValueError, TypeError):
        return False
    return isinstance(given, torch.Tensor)


def _owns(part: nn.Module) -> bool:
    return any(True for _ in part.parameters())


def _purpose(name: str) -> str:
    return next((purpose for ending, purpose in TASKS if name.endswith(ending)), "FEATURE_EXTRACTION")
