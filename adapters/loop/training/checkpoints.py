"""Self-sufficient checkpoints: one safetensors file each, written atomically.

A file holds weights, optimizer moments, random states and the best weights so far as tensors, and the counters as JSON
in its header. It is written to a temporary file, synced and renamed, so if the process is killed at any moment the
previous checkpoint is intact. A checksum over all tensors reveals damaged files. Nothing is pickled.
"""

from __future__ import annotations

import json
import os
import zlib
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path

import torch
from safetensors import SafetensorError, safe_open
from safetensors.torch import save_file
from torch import Tensor

KEEP = 2
"""Number of checkpoints kept: the newest, and the one before it in case the newest is damaged."""


@dataclass(frozen=True, slots=True)
class Checkpoint:
    """The content of one file: named tensors (on the CPU) and the JSON state."""

    path: Path
    tensors: dict[str, Tensor]
    state: dict[str, object]

    def part(self, prefix: str) -> dict[str, Tensor]:
        """The tensors whose names start with `prefix.`; the prefix is removed."""
        return {name[len(prefix) + 1 :]: t for name, t in self.tensors.items() if name.startswith(prefix + ".")}


class Checkpoints:
    """The checkpoints of one step, in `folder`."""

    def __init__(self, folder: Path) -> None:
        self.folder = folder

    def save(self, step: int, tensors: Mapping[str, Tensor], state: Mapping[str, object]) -> Path:
        """Write and sync the checkpoint of `step`; keep the last two. Raises: OSError if the disk is full."""
        self.folder.mkdir(parents=True, exist_ok=True)
        plain = _unshared(tensors)
        path = self.folder / f"step-{step:09d}.safetensors"
        temporary = self.folder / f".{path.name}.partial"
        try:
            save_file(plain, temporary, metadata={"state": json.dumps(dict(state)), "crc32": str(_checksum(plain))})
            sync(temporary)
            temporary.rename(path)
        finally:
            temporary.unlink(missing_ok=True)
        sync(self.folder)
        for old in self._paths()[KEEP:]:
            old.unlink(missing_ok=True)
        return path

    def newest(self) -> Checkpoint | None:
        """The newest undamaged checkpoint, or None."""
        for path in self._paths():
            if (found := _read(path)) is not None:
                return found
        return None

    def clear(self) -> None:
        """Delete every checkpoint, so that a step that starts again does not find those of an earlier attempt."""
        for path in self.folder.glob("*.safetensors*"):
            path.unlink()

    def _paths(self) -> list[Path]:
        return sorted(self.folder.glob("step-*.safetensors"), reverse=True)


def sync(path: Path) -> None:
    """Flush a file, or the directory entries of a folder, to disk (fsync)."""
    handle = os.open(path, os.O_RDONLY)
    try:
        os.fsync(handle)
    finally:
        os.close(handle)


def _unshared(tensors: Mapping[str, Tensor]) -> dict[str, Tensor]:
    """CPU tensors that share no memory, as safetensors requires."""
    plain: dict[str, Tensor] = {}
    seen: set[int] = set()
    for name, tensor in tensors.items():
        flat = tensor.detach().cpu().contiguous()
        plain[name] = flat.clone() if flat.data_ptr() in seen else flat
        seen.add(flat.data_ptr())
    return plain


def _checksum(tensors: Mapping[str, Tensor]) -> int:
    total = 0
    for name in sorted(tensors):
        flat = tensors[name].reshape(-1).view(torch.uint8) if tensors[name].numel() else torch.empty(0)
        total = zlib.crc32(flat.numpy().data, zlib.crc32(name.encode(), total))
    return total


def _read(path: Path) -> Checkpoint | None:
    try:
        with safe_open(path, "pt") as file:
            header = file.metadata() or {}
            tensors = {name: file.get_tensor(name) for name in file.keys()}  # noqa: SIM118 -- not a mapping
        if int(header["crc32"]) != _checksum(tensors):
            return None
        return Checkpoint(path, tensors, json.loads(header["state"]))
    except (SafetensorError, KeyError, ValueError, OSError):
        return None  # incomplete or damaged: the previous checkpoint is used
