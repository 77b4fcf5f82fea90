"""Whether the weights of a folder fit their class, as transformers itself loads them, without loading them."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path
from typing import Any

from adapters.stock_library import load_transformers, quiet
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
    """What transformers makes of a folder."""

    architecture: str
    modality: Modality | None
    task: str
    notes: tuple[str, ...] = ()


def fit_folder(folder: Path, architecture: str | None) -> Fit:
    """Build the class on the meta device, where tensors have a shape and no bytes, and let transformers match names.

    A head that the file lacks is told in a note, as transformers would start it at random; anything else that is
    missing, left over or misshapen is a misfit. Raises: MisfitError, InvalidError, BadArtifactError, MissingExtraError.
    """
    transformers = load_transformers("a Hugging Face folder")
    kind = _class(transformers, _class_name(transformers, folder, architecture))
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
    except (OSError, ValueError, RuntimeError, KeyError, TypeError, AttributeError, ImportError) as error:
        raise BadArtifactError(f"transformers cannot build {kind.__name__} from config.json: {error}") from error
    notes = _selector(model, report)
    modality = _INPUTS.get(model.main_input_name)
    return Fit(f"transformers:{kind.__name__}", modality, _task(kind.__name__, modality), notes)


def _selector(model: Any, report: dict[str, Any]) -> tuple[str, ...]:
    missing, left_over = sorted(report["missing_keys"]), sorted(report["unexpected_keys"])
    misshapen = sorted(f"{n}: {list(a)} instead of {list(b)}" for n, a, b in report["mismatched_keys"])
    base = f"{model.base_model_prefix}."
    inside = getattr(model, model.base_model_prefix, model) is not model
    head = [name for name in missing if (inside and not name.startswith(base)) or ".pooler." in f".{name}"]
    if len(head) < len(missing) or left_over or misshapen:
        raise misfit(type(model).__name__, [n for n in missing if n not in head], left_over, misshapen)
    if not head:
        return ()
    layers = ", ".join(sorted({name.rpartition(".")[0] for name in head}))
    return (f"the weights bring no {layers}: a new one starts at random",)


def _class_name(transformers: Any, folder: Path, architecture: str | None) -> str:
    """The class that was asked for, else the one config.json names, else the base class of its model type."""
    config = read_json(folder / "config.json", constants=[])
    if architecture is not None:
        if not architecture.startswith("transformers:"):
            raise InvalidError(
                f"a folder with a config.json of transformers is no {architecture[:80]!r}",
                remedy="Leave the architecture out, or write transformers:<Class>",
            )
        return architecture.removeprefix("transformers:")
    named = config.get("architectures")
    if isinstance(named, list) and named and isinstance(named[0], str):
        return named[0]
    known = transformers.models.auto.modeling_auto.MODEL_MAPPING_NAMES.get(config.get("model_type"))
    if known is None:
        raise InvalidError(f"transformers has no model of type {str(config.get('model_type'))[:80]!r}")
    return str(known if isinstance(known, str) else known[0])


def _class(transformers: Any, name: str) -> Any:
    kind = getattr(transformers, name, None) if name.isidentifier() and not name.startswith("_") else None
    if not isinstance(kind, type) or not issubclass(kind, transformers.PreTrainedModel):
        raise InvalidError(
            f"transformers has no model class {name[:80]!r}", remedy="Use a model of transformers itself"
        )
    return kind


def _task(name: str, modality: Modality | None) -> str:
    for ending, task in _TASKS:
        if name.endswith(ending):
            return task
    return "image-feature-extraction" if modality is Modality.IMAGE else "feature-extraction"
