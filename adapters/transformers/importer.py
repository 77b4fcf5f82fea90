"""Imports Hugging Face folders: config, safetensors (one file or shards), tokenizer, and nothing that could run."""

from __future__ import annotations

import shutil
from dataclasses import dataclass, field
from pathlib import Path

from adapters.transformers.fitting import Fit, fit_folder
from adapters.transformers.folders import CARD, INDEX, PICKLED, PICKLED_INDEX, PYTHON_JSON, WEIGHTS, has_tokenizer
from adapters.transformers.onnx_weights import prove_encoder, write_weights
from adapters.weights.claims import check_claims, check_config_size
from adapters.weights.foreign.onnx_encoders import Encoder, read_encoder
from adapters.weights.foreign.onnx_graphs import looks_like_onnx
from adapters.weights.pickled_weights import pieces_of as pickled_pieces
from adapters.weights.pickled_weights import read_state_dict
from adapters.weights.safetensors_files import Header, keep_file, looks_untrained, pieces_of, read_header, write_pieces
from adapters.weights.source_files import MAX_TEXT, Kind, files_in, front_matter, kind_of, read_json, read_text
from adapters.weights.wrappers import unwrapped_names
from registry.domain.catalog.models import Modality
from registry.domain.catalog.notices import is_notice
from registry.errors import BadArtifactError, UnsafeArtifactError
from registry.ports.importing import ConvertedSource, SourceFacts

NO_AUDIO = (
    "models of audio cannot be trained yet: this one can be kept, compared, promoted and pulled, but no recipe can "
    "start from it, and no dataset of sounds can be added"
)
UNTRAINED = "these weights look untrained: every running mean of their normalisations is zero"


@dataclass
class _Reading:
    """What became of the weights: their header, the files that they came from, and notes on what was done."""

    header: Header
    used: frozenset[str]
    notes: list[str] = field(default_factory=list)
    encoder: Encoder | None = None
    """The ONNX model that they came from, which says what the class must answer."""


class HuggingFaceImporter:
    """A folder with a config.json that names a model of transformers, and its weights."""

    name = "huggingface"

    def detect(self, source: Path) -> SourceFacts | None:
        """A folder whose config.json has `model_type` or `architectures`."""
        if not (source / "config.json").is_file() or kind_of(source / "config.json") is not Kind.JSON:
            return None
        check_config_size(source / "config.json")
        config = read_json(source / "config.json", constants=[])
        if not isinstance(config, dict) or not ({"model_type", "architectures"} & config.keys()):
            return None
        named = config.get("architectures")
        first = named[0] if isinstance(named, list) and named else None
        architecture = f"transformers:{first}" if isinstance(first, str) else None
        return SourceFacts(format=self.name, architecture=architecture, modality=None, task=None)

    def convert(self, source: Path, target: Path, *, architecture: str | None) -> ConvertedSource:
        """Keep JSON and text, write one model.safetensors, and let transformers say whether they fit.

        Raises: UnsafeArtifactError for a folder that brings code to run or an unsafe pickle, BadArtifactError,
        MisfitError, InvalidError for an architecture that transformers does not have.
        """
        files = files_in(source)
        _refuse_code(files)
        reading = _weights(files, target, architecture)
        check_claims(read_json(source / "config.json", constants=[]), len(reading.header.entries))
        reading.notes += _keep_documents(files, target, reading.used)
        fit: Fit = fit_folder(target, architecture, [entry.name for entry in reading.header.entries])
        if reading.encoder is not None:
            reading.notes.append(prove_encoder(reading.encoder, target, fit.architecture))
        if looks_untrained(target / WEIGHTS, reading.header):
            reading.notes.append(UNTRAINED)
        if fit.modality is Modality.IMAGE and not (target / "preprocessor_config.json").exists():
            reading.notes.append(
                "no preprocessor_config.json: images get ImageNet's mean and standard deviation, at the size "
                "that config.json names, or 224 pixels"
            )
        if fit.modality is Modality.TEXT and not has_tokenizer(target):
            reading.notes.append("no tokenizer: import the folder again with its tokenizer.json before training")
        if fit.modality is Modality.AUDIO:
            reading.notes.append(NO_AUDIO)
        card = read_text(files[CARD]) if CARD in files else None
        return ConvertedSource(
            folder=target,
            facts=self._facts(fit, card),
            tensors=len(reading.header.entries),
            parameters=reading.header.parameters,
            notes=(*reading.notes, *fit.notes),
        )

    def _facts(self, fit: Fit, card: str | None) -> SourceFacts:
        matter = front_matter(card or "")
        task, licence = matter.get("pipeline_tag"), matter.get("license")
        return SourceFacts(
            format=self.name,
            architecture=fit.architecture,
            modality=fit.modality,
            task=task if isinstance(task, str) else fit.task,
            licence=licence if isinstance(licence, str) else None,
            card=card,
        )


_CODE = ("auto_map", "custom_pipelines", "kernel_config")
"""Keys that send transformers to Python files of the folder, or to compiled code of a hub."""


def _refuse_code(files: dict[str, Path]) -> None:
    """Refuse a folder that names code, in any of its configurations and at whatever depth.

    Raises: UnsafeArtifactError, BadArtifactError.
    """
    for name, path in files.items():
        if kind_of(path) is not Kind.JSON or not name.endswith("config.json"):
            continue
        if key := _code_key(read_json(path, constants=[])):
            raise UnsafeArtifactError(
                f"{name} needs code of its own ({key})",
                remedy="Use a model whose class is part of the library transformers",
            )


def _code_key(document: object) -> str | None:
    """The first key of `_CODE` with a value, anywhere in `document`; walked without recursion."""
    waiting = [document]
    while waiting:
        one = waiting.pop()
        if isinstance(one, dict):
            for key in _CODE:
                if one.get(key):
                    return key
            waiting += one.values()
        elif isinstance(one, list):
            waiting += one
    return None


# --- weights -------------------------------------------------------------------------------------------------------


def _weights(files: dict[str, Path], target: Path, architecture: str | None) -> _Reading:
    """One model.safetensors in `target`, from a file, shards, a pickled state dict, or an ONNX model."""
    if WEIGHTS in files:  # whatever an index beside it says: transformers reads the whole file first, too
        return _from_file(WEIGHTS, files[WEIGHTS], target)
    if INDEX in files:
        return _from_shards(files, target)
    if PICKLED in files:
        return _from_pickle(files[PICKLED], target)
    single = [name for name, path in files.items() if "/" not in name and kind_of(path) is Kind.SAFETENSORS]
    if len(single) == 1:
        return _from_file(single[0], files[single[0]], target)
    if PICKLED_INDEX in files:
        raise BadArtifactError(
            f"The weights are shards of {PICKLED}, which are not read here",
            remedy="Load the model with transformers and save it with save_pretrained, which writes safetensors",
        )
    if graphs := [name for name, path in files.items() if kind_of(path) is Kind.OTHER and looks_like_onnx(path)]:
        return _from_onnx(graphs, files, target, architecture)
    raise BadArtifactError(
        f"The folder has no {WEIGHTS}, {INDEX}, {PICKLED} or ONNX model", remedy="Save the model with save_pretrained"
    )


def _from_file(name: str, path: Path, target: Path) -> _Reading:
    if kind_of(path) in {Kind.PICKLE, Kind.ZIP}:
        raise UnsafeArtifactError(
            f"{path.name!r} is a pickle, although its name says safetensors", remedy="Get the file again"
        )
    header = read_header(path)
    names, notes = unwrapped_names(header.shapes)
    if notes:
        header = write_pieces(target / WEIGHTS, pieces_of(path, header, names))
    else:
        keep_file(path, target / WEIGHTS)
    return _Reading(header, frozenset({name}), notes)


def _from_shards(files: dict[str, Path], target: Path) -> _Reading:
    """Join the shards that the index names; it must name every tensor once, and in the right file."""
    index = read_json(files[INDEX])
    places = index.get("weight_map") if isinstance(index, dict) else None
    if not isinstance(places, dict) or not places or not all(isinstance(v, str) for v in places.values()):
        raise BadArtifactError(f"{INDEX} has no weight_map of names to files")
    absent = sorted(set(places.values()) - files.keys())
    if absent:
        raise BadArtifactError(f"{INDEX} names files that are not there: {', '.join(absent[:5])}")
    headers = {shard: read_header(files[shard]) for shard in sorted(set(places.values()))}
    held = {entry.name: shard for shard, header in headers.items() for entry in header.entries}
    if held != places or len(held) != sum(len(header.entries) for header in headers.values()):
        wrong = sorted(name for name in held.keys() | places.keys() if held.get(name) != places.get(name))
        raise BadArtifactError(f"{INDEX} and its files disagree about {', '.join(wrong[:5]) or 'a tensor held twice'}")
    names, notes = unwrapped_names(held)
    pieces = [piece for shard, header in headers.items() for piece in pieces_of(files[shard], header, names)]
    header = write_pieces(target / WEIGHTS, pieces)
    notes = [f"joined {len(headers)} shards into {WEIGHTS}", *notes]
    return _Reading(header, frozenset({INDEX, *headers}), notes)


def _from_pickle(path: Path, target: Path) -> _Reading:
    tensors, notes = read_state_dict(path)
    header = write_pieces(target / WEIGHTS, pickled_pieces(tensors))
    notes = [f"rewrote {PICKLED} as {WEIGHTS} and compared every tensor", *notes]
    return _Reading(header, frozenset({PICKLED}), notes)


def _from_onnx(graphs: list[str], files: dict[str, Path], target: Path, architecture: str | None) -> _Reading:
    """From the one ONNX model, or of several the one in full precision that optimum writes."""
    known = [name for name in ("model.onnx", "onnx/model.onnx") if name in graphs]
    if not known and len(graphs) > 1:
        raise BadArtifactError(
            f"The folder has several ONNX models: {', '.join(graphs[:5])}", remedy="Keep the one in full precision"
        )
    name = (known or graphs)[0]
    encoder = read_encoder(files[name])
    header, notes = write_weights(encoder, files["config.json"].parent, target, architecture)
    return _Reading(header, frozenset({name}), [f"took the weights from {name}", *notes], encoder)


# --- everything else -----------------------------------------------------------------------------------------------


def _keep_documents(files: dict[str, Path], target: Path, used: frozenset[str]) -> list[str]:
    """Copy sound JSON and text, and a licence as `LICENSE.txt`; the notes say what was not copied.

    The card is stored apart, with the version.
    """
    left, notes = [], []
    for name, path in files.items():
        if name == CARD or name in used:
            continue
        kind = kind_of(path) if path.stat().st_size <= MAX_TEXT else Kind.OTHER
        json_file = name.endswith(".json") and not name.endswith(".index.json")  # an unused index names unused files
        named = name.endswith(".txt") or (is_notice(name) and f"{name}.txt" not in files)
        text = named and kind in {Kind.TEXT, Kind.JSON}
        if text or (json_file and kind is Kind.JSON):
            if json_file and _has_infinity(path):
                notes.append(f"{name} holds Infinity or NaN, which strict JSON readers refuse; kept as it is")
            kept = target / (name if json_file or name.endswith(".txt") else f"{name}.txt")
            kept.parent.mkdir(parents=True, exist_ok=True)
            shutil.copyfile(path, kept)
        else:
            left.append(name)
    if left:
        notes.append(f"left out: {', '.join(left[:20])}{', …' if len(left) > 20 else ''}")
    return notes


def _has_infinity(path: Path) -> bool:
    """True for a config with numbers that JSON does not have. Raises: BadArtifactError for any other bad JSON."""
    numbers: list[float] = []
    read_json(path, constants=numbers if path.name in PYTHON_JSON else None)
    return bool(numbers)
