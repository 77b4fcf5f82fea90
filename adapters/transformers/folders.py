"""The files of a Hugging Face folder, by name, and what its config says. Needs no library."""

from __future__ import annotations

import json
from collections.abc import Mapping
from pathlib import Path
from typing import Any

from registry.errors import BadArtifactError

WEIGHTS = "model.safetensors"
INDEX = "model.safetensors.index.json"
PICKLED = "pytorch_model.bin"
PICKLED_INDEX = "pytorch_model.bin.index.json"
CARD = "README.md"
PYTHON_JSON = frozenset({"config.json", "generation_config.json", "tokenizer_config.json", "preprocessor_config.json"})
"""Files that transformers reads with Python's own JSON, and into which it wrote Infinity until 2025."""
VOCABULARIES = (
    "tokenizer.json",
    "vocab.txt",
    "vocab.json",
    "tokenizer.model",
    "spiece.model",
    "sentencepiece.bpe.model",
)
"""Files of which a tokenizer needs at least one."""


def has_tokenizer(folder: Path) -> bool:
    """True when `folder` has a vocabulary; without one, transformers would build a tokenizer that knows no word."""
    return any((folder / name).is_file() for name in VOCABULARIES)


def read_config(folder: Path) -> dict[str, Any]:
    """The folder's config.json. Raises: BadArtifactError."""
    try:
        config = json.loads((folder / "config.json").read_bytes())
    except (OSError, ValueError) as error:
        raise BadArtifactError(f"The source has no readable config.json: {error}") from error
    if not isinstance(config, dict):
        raise BadArtifactError("The source's config.json is not a JSON object")
    return config


def read_settings(folder: Path) -> Mapping[str, Any]:
    """The folder's tokenizer_config.json; empty where there is none that can be read: defaults are used then."""
    try:
        settings = json.loads((folder / "tokenizer_config.json").read_bytes())
    except (OSError, ValueError):
        return {}
    return settings if isinstance(settings, dict) else {}


def architecture_of(config: Mapping[str, Any]) -> str:
    """The class that a config names; empty when it names none."""
    return str((config.get("architectures") or [""])[0])
