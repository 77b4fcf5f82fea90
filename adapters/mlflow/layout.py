"""What lies among the artifacts of an MLflow model: the weights, by its flavour or by the names of the files.

Layouts: `mlflow.transformers` writes the model into `model` (`model_binary` in MLmodel), tokenizer and the like into
`components/…`, the card into `model_card.md` and `model_card_data.yaml`.
"""

from __future__ import annotations

import shutil
from collections.abc import Iterable, Mapping, Sequence
from pathlib import Path, PurePosixPath

import yaml

from registry.errors import BadArtifactError, UnsafeArtifactError
from registry.ports.registries import FetchedVersion

DESCRIPTION = "MLmodel"
_CARD, _FRONT = "model_card.md", "model_card_data.yaml"
_READ = (".safetensors", ".keras", ".onnx", ".weights.h5")
_PICKLES = (".pkl", ".pickle", ".pth", ".pt", ".bin", ".joblib", ".cloudpickle", ".ckpt")
_MOST, _MAX_TEXT = 10_000, 1024 * 1024


def fetched(root: Path) -> FetchedVersion:
    """The weights under `root`, a folder that may be changed or a single file, and the base models it names.

    Raises: UnsafeArtifactError for a pickle, BadArtifactError for none, several, or an MLmodel that cannot be read.
    """
    flavour = _flavours(root / DESCRIPTION).get("transformers") if root.is_dir() else None
    if isinstance(flavour, Mapping):
        base = flavour.get("source_model_name")
        return FetchedVersion(_joined(root, flavour), (base,) if isinstance(base, str) and base else ())
    return FetchedVersion(_by_names(root))


def _flavours(described: Path) -> Mapping[str, object]:
    if not described.is_file():
        return {}
    found = _yaml(described)
    flavours = found.get("flavors") if isinstance(found, Mapping) else None
    return flavours if isinstance(flavours, Mapping) else {}


def _yaml(path: Path) -> object:
    with path.open("rb") as opened:
        text = opened.read(_MAX_TEXT).decode("utf-8", "replace")
    try:
        return yaml.load(text, yaml.BaseLoader)  # noqa: S506 - makes nothing but texts
    except (yaml.YAMLError, RecursionError) as error:
        raise BadArtifactError(f"Its {path.name} is not YAML") from error


def _joined(root: Path, flavour: Mapping[str, object]) -> Path:
    """The folder of the model with tokenizer and card beside the weights, as the Hub has them."""
    named = str(flavour.get("model_binary", "model"))
    folder = root / named
    if PurePosixPath(named).is_absolute() or ".." in PurePosixPath(named).parts:
        raise UnsafeArtifactError(f"Its {DESCRIPTION} names a folder outside of the model: {named[:120]!r}")
    if not folder.is_dir():
        adapter = flavour.get("peft_adaptor")
        raise BadArtifactError(
            f"MLflow has {'an adapter' if adapter else 'a reference'} and no weights of the whole model",
            remedy="Import the base model, and what was made from it with the weights that save_pretrained writes",
        )
    for part in sorted((root / "components").glob("*/*")):
        if part.is_file() and not (folder / part.name).exists():
            shutil.move(part, folder / part.name)
    card, front = root / _CARD, root / _FRONT
    if card.is_file() and not (folder / "README.md").exists():
        head = f"---\n{front.read_text('utf-8', 'replace').strip()}\n---\n" if front.is_file() else ""
        (folder / "README.md").write_text(head + card.read_text("utf-8", "replace"), "utf-8")
    return folder


def _by_names(root: Path) -> Path:
    files = _files(root)
    folders = _shallowest({one.parent for one in files if one.name == "config.json" and _has_weights(one.parent)})
    single = _shallowest(one for one in files if one.name.endswith(_READ))
    for found in (folders, single):
        if len(found) == 1:
            return found[0]
        if found:
            names = ", ".join(str(one.relative_to(root)) for one in found[:5])
            raise BadArtifactError(f"Several of its artifacts are weights: {names}", remedy="Import each by its path")
    pickles = [one for one in files if one.name.endswith(_PICKLES)]
    if pickles:
        named = pickles[0].relative_to(root) if root.is_dir() else root.name
        raise UnsafeArtifactError(
            f"Its weights are a pickle ({named}), which could run code when it is read",
            remedy="Save them as safetensors, and import that: forebear model import",
        )
    raise BadArtifactError("None of its artifacts are weights of a kind that forebear model import takes")


def _files(root: Path) -> Sequence[Path]:
    found = [root] if root.is_file() else [one for one in sorted(root.rglob("*")) if one.is_file()]
    if len(found) > _MOST:
        raise BadArtifactError(f"It has more than {_MOST:,} artifacts")
    return found


def _has_weights(folder: Path) -> bool:
    return any(one.name.endswith((".safetensors", ".onnx", ".bin")) for one in folder.iterdir())


def _shallowest(found: Iterable[Path]) -> list[Path]:
    """Those with the shortest path: a shard, or a part of a model in a folder of its own, lies deeper."""
    every = sorted(found)
    least = min((len(one.parts) for one in every), default=0)
    return [one for one in every if len(one.parts) == least]
