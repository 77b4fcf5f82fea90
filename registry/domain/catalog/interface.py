"""How a model is spoken to: its preprocessing, tokenizer, labels and input size, compared with those of its parent."""

from __future__ import annotations

import hashlib
import json
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, replace
from enum import StrEnum

from lineage import Relation

CONFIG = "config.json"
PREPROCESSING = "preprocessor_config.json"
_TOKENIZER = "tokenizer.json"
SETTINGS = ("special_tokens_map.json", "tokenizer_config.json")
"""The files that name special tokens; the second overrides the first. Both are read, whether they differ or not."""
_VOCABULARIES = ("merges.txt", "sentencepiece.bpe.model", "spiece.model", "tokenizer.model", "vocab.json", "vocab.txt")

READ = frozenset({CONFIG, PREPROCESSING, _TOKENIZER, *SETTINGS})
"""The files of which the contents are compared; all lie at the top of a version."""
COMPARED = READ | frozenset(_VOCABULARIES)
"""The files of which at least the digests are compared."""
MOST_BYTES = 64 * 1024**2
"""A larger file is compared by its digest alone."""

_SIZES = frozenset({"size", "crop_size", "image_size", "input_size"})
_BY_IMAGE_SIZE = _SIZES | {"do_center_crop"}
"""What `image_size` of a recipe sets."""
_NEW_VOCABULARY = "embedding_initialisation"
"""The method of which another tokenizer is the purpose."""
_OF_THE_TOOL = frozenset({"processor_class", "image_processor_type", "feature_extractor_type"})
_PICTURES = frozenset({"crop_size", "do_resize", "image_mean", "image_std", "size"})
_UNSAID: Mapping[str, object] = {
    "do_convert_rgb": True,
    "do_normalize": True,
    "do_rescale": True,
    "do_resize": True,
    "image_mean": [0.485, 0.456, 0.406],
    "image_std": [0.229, 0.224, 0.225],
    "resample": 2,
    "rescale_factor": 1 / 255,
    "size": 224,
}
"""What the absence of a key means to the image processors of the Hub; what is false or null may be absent too."""
_WAYS_OF_A_BATCH = frozenset({"truncation", "padding", "version"})
_SAME_HEAD = frozenset({Relation.IDENTICAL, Relation.CAST, Relation.QUANTISED, Relation.PRUNED})
_LONGEST = 80
_CROPS_BELOW = 384
"""Pixels; ConvNeXt's processor enlarges by `crop_pct` and cuts the middle out where the input is smaller."""
_ABSENT = "absent"


class Part(StrEnum):
    """What of an interface differs."""

    PREPROCESSING = "preprocessing"
    INPUT_SIZE = "input size"
    TOKENIZER = "tokenizer"
    SPECIAL_TOKENS = "special tokens"
    LABELS = "labels"


@dataclass(frozen=True, slots=True)
class InterfaceDifference:
    """One thing that a version expects or answers otherwise than its parent. `what` is a file, and a key in it.

    `parent` and `child` are the values as JSON; a long one is its SHA-256, and `absent` is none. `declared` says that
    the recipe asks for it; any other is silent.
    """

    part: Part
    what: str
    parent: str
    child: str
    declared: bool = False


@dataclass(frozen=True, slots=True)
class Side:
    """What is known of one of the two: the digest of each of the files `COMPARED` that it has, and some contents."""

    digests: Mapping[str, str]
    contents: Mapping[str, bytes]


def differences(parent: Side, child: Side, relation: Relation) -> tuple[InterfaceDifference, ...]:
    """Where the interface of `child` is another than that of `parent`, without what a new head declares.

    Labels differ silently where the same names have other numbers, or where the weights, the head among them, are
    still the parent's; other names under a head of its own are the declared purpose of a training.
    """
    found = []
    whole = _TOKENIZER in parent.digests and _TOKENIZER in child.digests
    for name in sorted(COMPARED - {*SETTINGS} - (set(_VOCABULARIES) if whole else set())):
        before, after = parent.digests.get(name), child.digests.get(name)
        if before == after:
            continue
        ours, theirs = _effective(name, _document(child, name)), _effective(name, _document(parent, name))
        if name not in READ or ours is None or theirs is None:
            if name != CONFIG or (before and after):
                found.append(InterfaceDifference(_part(name, ""), name, before or _ABSENT, after or _ABSENT))
            continue
        for key in sorted(ours.keys() | theirs.keys()):
            if theirs.get(key) != ours.get(key) and _tells(name, key, theirs, ours, relation):
                said = _shown(theirs, key), _shown(ours, key)
                found.append(InterfaceDifference(_part(name, key), f"{name}: {key}", *said))
    old, new = _special(parent), _special(child)
    changed = [key for key in sorted(old.keys() | new.keys()) if old.get(key) != new.get(key)]
    found += [InterfaceDifference(_part(SETTINGS[1], key), key, _shown(old, key), _shown(new, key)) for key in changed]
    return tuple(found)


def silent(found: Iterable[InterfaceDifference]) -> tuple[InterfaceDifference, ...]:
    """Those that no recipe asks for."""
    return tuple(one for one in found if not one.declared)


def as_declared(found: Iterable[InterfaceDifference], recipe: Mapping[str, object]) -> tuple[InterfaceDifference, ...]:
    """The same, those marked that `recipe`, after defaults, asks for: another input size, or another vocabulary."""
    parts = {Part.TOKENIZER, Part.SPECIAL_TOKENS} if recipe.get("method") == _NEW_VOCABULARY else set()
    sized = recipe.get("image_size") is not None
    return tuple(
        replace(one, declared=one.part in parts or (sized and one.what.rpartition(": ")[2] in _BY_IMAGE_SIZE))
        for one in found
    )


def _special(side: Side) -> dict[str, object]:
    """The special tokens by what they are for, as text, whichever file names them."""
    found: dict[str, object] = {}
    for name in SETTINGS:
        for key, value in (_document(side, name) or {}).items():
            if value is not None and _names_a_token(key):
                found[key] = value.get("content") if isinstance(value, dict) else value
    return found


def _names_a_token(key: str) -> bool:
    return key == "do_lower_case" or (key.endswith("_token") and not key.startswith("add_"))


def _tells(name: str, key: str, parent: Mapping[str, object], child: Mapping[str, object], relation: Relation) -> bool:
    if name == CONFIG:
        if key == "id2label":
            return _silent(parent.get(key), child.get(key), relation)
        return key in _SIZES or key.endswith("_token_id")
    if name == PREPROCESSING:
        return key not in _OF_THE_TOOL and not key.startswith("_") and not key.endswith("_version")
    return key not in _WAYS_OF_A_BATCH


def _silent(parent: object, child: object, relation: Relation) -> bool:
    if relation in _SAME_HEAD or not isinstance(parent, dict) or not isinstance(child, dict):
        return relation in _SAME_HEAD
    return sorted(map(str, parent.values())) == sorted(map(str, child.values()))


def _part(name: str, key: str) -> Part:
    if key == "id2label":
        return Part.LABELS
    if key in _SIZES:
        return Part.INPUT_SIZE
    if name == PREPROCESSING:
        return Part.PREPROCESSING
    return Part.SPECIAL_TOKENS if key.endswith(("_token", "_token_id")) else Part.TOKENIZER


def _document(side: Side, name: str) -> Mapping[str, object] | None:
    """The keys of a file; None where it is absent, was not read, or holds no JSON object."""
    try:
        document = json.loads(side.contents[name]) if name in side.contents else None
    except (ValueError, RecursionError):
        return None
    return document if isinstance(document, dict) else None


def _effective(name: str, document: Mapping[str, object] | None) -> Mapping[str, object] | None:
    """The settings that take effect: of how pictures are prepared, with what is left unsaid, and in one form."""
    if document is None or name != PREPROCESSING or not _PICTURES & document.keys():
        return document
    said = dict(_UNSAID) | {key: value for key, value in document.items() if value is not None}
    if not said.pop("do_normalize"):
        said |= {"image_mean": [0, 0, 0], "image_std": [1, 1, 1]}
    if not said.pop("do_rescale"):
        said["rescale_factor"] = 1
    if not said.get("do_center_crop"):
        said.pop("crop_size", None)
    share, size = said.pop("crop_pct", None), _short(said["size"])
    if share and isinstance(share, int | float) and isinstance(size, int) and size < _CROPS_BELOW:
        said |= {"do_center_crop": True, "crop_size": size, "size": int(size / share)}
    said |= {key: _short(said[key]) for key in ("size", "crop_size") if key in said}
    return {key: value for key, value in said.items() if value is not False}


def _short(size: object) -> object:
    """The side of a square, or the shorter edge, as a number; any other size as it is."""
    if isinstance(size, dict):
        sides = set(size.values()) if size.keys() in ({"height", "width"}, {"shortest_edge"}) else set()
        return next(iter(sides)) if len(sides) == 1 else size
    return size


def _shown(document: Mapping[str, object], key: str) -> str:
    if key not in document:
        return _ABSENT
    text = json.dumps(document[key], sort_keys=True, ensure_ascii=False)
    return text if len(text) <= _LONGEST else f"sha256 {hashlib.sha256(text.encode()).hexdigest()[:16]}"
