"""Quantisation of weights to symmetric integers with scales, rounded by torch's own operators.

8 bits: one scale per output channel. 4 bits: one scale per group of `group` weights of a channel, two weights per byte.
Every floating-point tensor of two or more dimensions and at least `LEAST` elements is quantised; biases, norms and
small tensors are not. A tensor `w` is stored as `w.int8` or `w.int4` and `w.scale`, its shape in `quantization.json`.
"""

from __future__ import annotations

import json
import shutil
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

import torch
from safetensors.torch import load_file, save_file
from torch import Tensor

from registry.errors import BadArtifactError
from registry.ports.transfers import TransferJob

WEIGHTS, SETTINGS = "model.safetensors", "quantization.json"
LEAST = 1024
"""Smallest number of elements of a tensor that is quantised: with fewer, no space would be saved."""


@dataclass(frozen=True, slots=True)
class Packed:
    """One quantised tensor: `codes` (int8, or uint8 with two values per byte) and `scale` (channels x groups)."""

    codes: Tensor
    scale: Tensor
    largest: float
    """Largest |w - dequantised w|, in units of its scale: at most one half."""


def pack(weight: Tensor, bits: int, group: int) -> Packed:
    """Quantise `weight` (float, out x …): round half to even of w / scale, within -127..127 or -7..7."""
    flat = weight.detach().float().reshape(weight.shape[0], -1)
    top = 2 ** (bits - 1) - 1
    width = flat.shape[1] if bits == 8 else min(group, flat.shape[1])
    short = -flat.shape[1] % width
    groups = torch.nn.functional.pad(flat, (0, short)).reshape(-1, width)
    scale = (groups.abs().amax(dim=1) / top).clamp_min(torch.finfo(torch.float32).tiny)
    zero = torch.zeros(len(scale), dtype=torch.int32)
    back = torch.fake_quantize_per_channel_affine(groups, scale, zero, 0, -top, top)
    codes = torch.round(back / scale[:, None]).to(torch.int8)
    largest = float(((groups - back).abs() / scale[:, None]).max())
    scale = scale.reshape(len(flat), -1)
    if bits == 8:
        return Packed(codes.reshape(weight.shape), scale, largest)
    return Packed(_pack_nibbles(codes.reshape(-1)), scale, largest)


def unpack(codes: Tensor, scale: Tensor, shape: tuple[int, ...], bits: int, group: int) -> Tensor:
    """The float32 weights, dequantised from codes and scales."""
    length = 1
    for size in shape[1:]:
        length *= size
    if bits == 8:
        return (codes.reshape(shape[0], -1).float() * scale).reshape(shape)
    width = min(group, length)
    padded = length + (-length % width)
    values = _unpack_nibbles(codes)[: shape[0] * padded].reshape(-1, width).float() * scale.reshape(-1, 1)
    return values.reshape(shape[0], padded)[:, :length].reshape(shape)


def quantise(source: Path, target: Path, bits: int, group: int) -> Iterator[tuple[str, float]]:
    """Write the new folder `target`: `source` with quantised weights. Yields (tensor, largest error in scales)."""
    shutil.copytree(source, target, ignore=shutil.ignore_patterns(WEIGHTS, "predictions*.json"))
    tensors = load_file(source / WEIGHTS)
    kept, shapes = {}, {}
    for name in sorted(tensors):
        tensor = tensors[name]
        if not tensor.is_floating_point() or tensor.ndim < 2 or tensor.numel() < LEAST:
            kept[name] = tensor
            continue
        packed = pack(tensor, bits, group)
        kept |= {f"{name}.int{bits}": packed.codes, f"{name}.scale": packed.scale}
        shapes[name] = {"shape": list(tensor.shape), "dtype": str(tensor.dtype).removeprefix("torch.")}
        yield name, packed.largest
    save_file({name: kept[name].contiguous() for name in sorted(kept)}, target / WEIGHTS, metadata={"format": "pt"})
    settings = {"schema": "forebear/quantization/v1", "bits": bits, "group": group, "tensors": shapes}
    (target / SETTINGS).write_text(json.dumps(settings, indent=1, sort_keys=True) + "\n", encoding="utf-8")


def is_quantised(folder: Path) -> bool:
    """True for a folder that `quantise` wrote."""
    return (folder / SETTINGS).is_file()


def dequantise(source: Path, target: Path) -> None:
    """Write the new folder `target`: `source` with dequantised weights. Raises: BadArtifactError."""
    try:
        settings: Mapping[str, Any] = json.loads((source / SETTINGS).read_bytes())
        bits, group, described = int(settings["bits"]), int(settings["group"]), dict(settings["tensors"])
        tensors = load_file(source / WEIGHTS)
        plain = {}
        for name, one in described.items():
            codes, scale = tensors.pop(f"{name}.int{bits}"), tensors.pop(f"{name}.scale")
            plain[name] = unpack(codes, scale, tuple(one["shape"]), bits, group).to(getattr(torch, one["dtype"]))
    except (OSError, ValueError, KeyError, TypeError, RuntimeError) as error:
        raise BadArtifactError(f"The quantised weights cannot be read: {error!r}") from error
    shutil.copytree(source, target, ignore=shutil.ignore_patterns(WEIGHTS, SETTINGS))
    save_file({n: t.contiguous() for n, t in sorted((plain | tensors).items())}, target / WEIGHTS, {"format": "pt"})


@contextmanager
def plain_sources(job: TransferJob) -> Iterator[TransferJob]:
    """`job` with every quantised source dequantised, so that methods can use it like any other source.

    The dequantised folders are in the step's working folder and are removed afterwards.
    """
    sources = []
    for number, source in enumerate(job.sources):
        folder = job.work / f".plain-{number}"
        if is_quantised(source.folder):
            shutil.rmtree(folder, ignore_errors=True)
            dequantise(source.folder, folder)
            plain = source.architecture.partition(":")[2]
            source = replace(source, folder=folder, architecture=plain)  # noqa: PLW2901 -- the same source in another form
        sources.append(source)
    try:
        yield replace(job, sources=tuple(sources))
    finally:
        for number in range(len(sources)):
            shutil.rmtree(job.work / f".plain-{number}", ignore_errors=True)


def _pack_nibbles(codes: Tensor) -> Tensor:
    """Pack two 4-bit values into each byte, the first one in the low half."""
    even = torch.nn.functional.pad(codes, (0, len(codes) % 2)).view(torch.uint8) & 15
    return even[0::2] | (even[1::2] << 4)


def _unpack_nibbles(codes: Tensor) -> Tensor:
    """The inverse of `_pack_nibbles`, as int8."""
    both = torch.stack([codes & 15, codes >> 4], dim=1).reshape(-1).to(torch.int8)
    return torch.where(both > 7, both - 16, both)
