"""Which artifacts of an MLflow model are its weights, by its flavour or by the names of the files.

Layouts: `mlflow.transformers` writes the model into `model` (`model_binary` in MLmodel), tokenizer and the like into
`components/…`, the card into `model_card.md` and `model_card_data.yaml`.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import PurePosixPath

from registry.errors import BadArtifactError, UnsafeArtifactError

DESCRIPTION = "MLmodel"
CARD, FRONT, README = "model_card.md", "model_card_data.yaml", "README.md"
READ = (".safetensors", ".keras", ".onnx", ".weights.h5")
"""Files that are weights by themselves."""
PICKLES = (".pkl", ".pickle", ".pth", ".pt", ".bin", ".joblib", ".cloudpickle", ".ckpt")
_IN_FOLDERS = (".safetensors", ".onnx", ".bin")


@dataclass(frozen=True, slots=True)
class Layout:
    """Where the weights lie: a folder, or one file. `beside` are files elsewhere that belong into it, by name."""

    place: str
    beside: Mapping[str, str] = field(default_factory=dict)
    carded: bool = False
    """Whether the card of MLflow becomes the README of the folder."""
    base: str = ""
    """What the model says that it was made from."""

    def name_of(self, path: str) -> str | None:
        """The path in the folder that the artifact `path` has; None for what does not belong there."""
        if path == self.place:
            return PurePosixPath(path).name
        before = f"{self.place}/" if self.place else ""
        return path.removeprefix(before) if path.startswith(before) else self.beside.get(path)


def layout_of(paths: Sequence[str], flavours: Mapping[str, object]) -> Layout:
    """The layout of the artifacts at `paths`. `flavours`: those in MLmodel, by name.

    Raises: UnsafeArtifactError for a pickle, BadArtifactError for no weights, or several.
    """
    flavour = flavours.get("transformers")
    return _as_on_the_hub(paths, flavour) if isinstance(flavour, Mapping) else _by_names(paths)


def card_of(front: str | None, text: str) -> str:
    """The card of MLflow as the Hub has it."""
    return text if front is None else f"---\n{front.strip()}\n---\n{text}"


def _as_on_the_hub(paths: Sequence[str], flavour: Mapping[str, object]) -> Layout:
    """The folder of the model with tokenizer and card beside the weights, as the Hub has them."""
    named = str(flavour.get("model_binary", "model"))
    parts = PurePosixPath(named).parts
    if named.startswith("/") or ".." in parts:
        raise UnsafeArtifactError(f"Its {DESCRIPTION} names a folder outside of the model: {named[:120]!r}")
    folder = "/".join(parts)
    before = f"{folder}/" if folder else ""
    there = {one.removeprefix(before) for one in paths if one.startswith(before)}
    if not there:
        adapter = flavour.get("peft_adaptor")
        raise BadArtifactError(
            f"MLflow has {'an adapter' if adapter else 'a reference'} and no weights of the whole model",
            remedy="Import the base model, and what was made from it with the weights that save_pretrained writes",
        )
    beside: dict[str, str] = {}
    for path in sorted(paths):
        first, _, rest = path.partition("/")
        name = PurePosixPath(path).name
        if first == "components" and rest.count("/") == 1 and name not in there | set(beside.values()):
            beside[path] = name
    base = flavour.get("source_model_name")
    return Layout(folder, beside, CARD in paths and README not in there, base if isinstance(base, str) else "")


def _by_names(paths: Sequence[str]) -> Layout:
    folders = _shallowest({_parent(one) for one in paths if _name(one) == "config.json" and _has_weights(paths, one)})
    single = _shallowest(one for one in paths if one.endswith(READ))
    for found in (folders, single):
        if len(found) == 1:
            return Layout(found[0])
        if found:
            raise BadArtifactError(
                f"Several of its artifacts are weights: {', '.join(found[:5])}", remedy="Import each by its path"
            )
    refuse_pickles(paths)
    raise BadArtifactError("None of its artifacts are weights of a kind that forebear model import takes")


def refuse_pickles(paths: Iterable[str]) -> None:
    """Raises: UnsafeArtifactError where one of `paths` is a pickle."""
    named = next((one for one in paths if one.endswith(PICKLES)), None)
    if named is not None:
        raise UnsafeArtifactError(
            f"Its weights are a pickle ({named}), which could run code when it is read",
            remedy="Save them as safetensors, and import that: forebear model import",
        )


def _has_weights(paths: Sequence[str], config: str) -> bool:
    return any(_parent(one) == _parent(config) and one.endswith(_IN_FOLDERS) for one in paths)


def _parent(path: str) -> str:
    return path.rpartition("/")[0]


def _name(path: str) -> str:
    return path.rpartition("/")[2]


def _shallowest(found: Iterable[str]) -> list[str]:
    """Those with the shortest path: a shard, or a part of a model in a folder of its own, lies deeper."""
    every = sorted(found)
    least = min((len(PurePosixPath(one).parts) for one in every), default=0)
    return [one for one in every if len(PurePosixPath(one).parts) == least]
