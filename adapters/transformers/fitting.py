"""Checks that the weights of a folder fit their class: transformers matches the names, without loading the tensors."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from adapters.stock_library import library_lacks, load_transformers, quiet
from adapters.weights.misfits import misfit
from adapters.weights.source_files import read_json
from registry.domain.catalog.models import Modality
from registry.errors import BadArtifactError, InvalidError

_TASKS = (
    ("ForSequenceClassification", "text-classification"),
    ("ForImageClassification", "image-classification"),
    ("ForTokenClassification", "token-classification"),
    ("ForQuestionAnswering", "question-answering"),
    ("ForMultipleChoice", "multiple-choice"),
    ("ForMaskedLM", "fill-mask"),
    ("ForPreTraining", "fill-mask"),
    ("ForCausalLM", "text-generation"),
    ("LMHeadModel", "text-generation"),
    ("ForConditionalGeneration", "text2text-generation"),
)
_INPUTS = {
    "pixel_values": Modality.IMAGE,
    "input_ids": Modality.TEXT,
    "input_values": Modality.AUDIO,
    "input_features": Modality.AUDIO,
}


@dataclass(frozen=True, slots=True)
class Fit:
    """The class that fits a folder, and what it is for."""

    architecture: str
    modality: Modality | None
    task: str
    notes: tuple[str, ...] = ()


def fit_folder(folder: Path, architecture: str | None, held: Sequence[str]) -> Fit:
    """Build the class on the meta device, where tensors have a shape and no bytes, and let transformers match names.

    `held` are the names of the file's tensors. A head that the file lacks, or one that the class does not use, becomes
    a note. Tensors of the backbone that are missing or left over are a misfit, and so is every other shape.
    Raises: MisfitError, InvalidError, BadArtifactError, MissingExtraError.
    """
    transformers = load_transformers("A Hugging Face folder")
    kind = class_of(folder, architecture)
    try:
        with quiet(transformers):
            model, report = kind.from_pretrained(
                folder,
                device_map="meta",
                ignore_mismatched_sizes=True,
                local_files_only=True,
                output_loading_info=True,
                trust_remote_code=False,
                use_safetensors=True,
            )
    except ImportError as error:
        raise library_lacks(kind.__name__, error) from error
    except (OSError, ValueError, RuntimeError, KeyError, TypeError, AttributeError) as error:
        raise BadArtifactError(
            f"The library transformers cannot build {kind.__name__} from config.json: {error}"
        ) from error
    notes = _compare(model, report, held)
    modality = _modality(model)
    return Fit(f"transformers:{kind.__name__}", modality, _task(kind.__name__, modality), notes)


def _modality(model: Any) -> Modality | None:
    """What the model reads; models of pictures and texts with a tower for each (CLIP and its kin) count as images."""
    towers = hasattr(model, "get_text_features") and hasattr(model, "get_image_features")
    names = model.main_input_name
    first = names if isinstance(names, str) else names[0]
    return Modality.IMAGE if towers else _INPUTS.get(first)


def _compare(model: Any, report: dict[str, Any], held: Sequence[str]) -> tuple[str, ...]:
    """Notes on heads that the weights lack or bring unused; `held` are all names of the file. Raises: MisfitError."""
    missing, left_over = sorted(report["missing_keys"]), sorted(report["unexpected_keys"])
    misshapen = sorted(f"{n}: {list(a)} instead of {list(b)}" for n, a, b in report["mismatched_keys"])
    name, prefix = type(model).__name__, f"{model.base_model_prefix}."

    def of_backbone(names: list[str], *, bare: bool) -> list[str]:
        return [n for n in names if ".pooler." not in f".{n}" and (bare or n.startswith(prefix))]

    # a base class names its own tensors without the prefix; a file that has the prefix was saved with a head
    absent = of_backbone(missing, bare=getattr(model, model.base_model_prefix, model) is model)
    strange = of_backbone(left_over, bare=not any(n.startswith(prefix) for n in held))
    if absent or strange or misshapen:
        raise misfit(name, absent, strange, misshapen)
    notes = []
    if missing:
        notes.append(f"the weights have no {_layers(missing)}, which {name} needs: training starts it at random")
    if left_over:
        notes.append(f"the file also has {_layers(left_over)}, which {name} does not use: left out of the model")
    return tuple(notes)


def _layers(names: Sequence[str]) -> str:
    """The modules that hold the tensors `names`, at most ten of them."""
    layers = sorted({name.rpartition(".")[0] or name for name in names})
    return ", ".join(layers[:10]) + (f" and {len(layers) - 10} more" if len(layers) > 10 else "")


def class_of(folder: Path, architecture: str | None) -> Any:
    """The class that is requested, or that the config of `folder` names. Raises: InvalidError, MissingExtraError."""
    transformers = load_transformers("A Hugging Face folder")
    return _class(transformers, _class_name(transformers, folder, architecture))


def _class_name(transformers: Any, folder: Path, architecture: str | None) -> str:
    """The requested class, else the one that config.json names, else the base class of its model type."""
    config = read_json(folder / "config.json", constants=[])
    if architecture is not None:
        if not architecture.startswith("transformers:"):
            raise InvalidError(
                f"A folder with a config.json of transformers cannot be imported as {architecture[:80]!r}",
                remedy="Leave --architecture out, or write transformers:<Class>",
            )
        return architecture.removeprefix("transformers:")
    named = config.get("architectures")
    if isinstance(named, list) and named and isinstance(named[0], str):
        return named[0]
    known = transformers.models.auto.modeling_auto.MODEL_MAPPING_NAMES.get(config.get("model_type"))
    if known is None:
        raise InvalidError(f"The library transformers has no model of type {str(config.get('model_type'))[:80]!r}")
    return str(known if isinstance(known, str) else known[0])


def _class(transformers: Any, name: str) -> Any:
    kind = getattr(transformers, name, None) if name.isidentifier() and not name.startswith("_") else None
    if not isinstance(kind, type) or not issubclass(kind, transformers.PreTrainedModel):
        raise InvalidError(
            f"The library transformers has no model class {name[:80]!r}", remedy="Use a model of transformers itself"
        )
    return kind


def _task(name: str, modality: Modality | None) -> str:
    for ending, task in _TASKS:
        if name.endswith(ending):
            return task
    return "image-feature-extraction" if modality is Modality.IMAGE else "feature-extraction"
