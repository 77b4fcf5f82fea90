"""Weights in 8 or 4 bits back into plain ones, in one file: needs torch and safetensors.

Lying beside `model.safetensors` and `quantization.json`, it writes the folder that its library loads:

    from few_bits import restore

    restore(target="plain-model")     # then, for example, AutoModel.from_pretrained("plain-model")

A weight w was stored as whole numbers (`w.int8`; or `w.int4`, two to a byte, the first one low) and `w.scale`, one per
output channel or per group of weights of a channel: w = number * scale.
"""

from __future__ import annotations

import json
import math
import shutil
from pathlib import Path

import torch
from safetensors.torch import load_file, save_file
from torch import Tensor

HERE = Path(__file__).resolve().parent


def weight(codes: Tensor, scale: Tensor, shape: list[int], bits: int, group: int) -> Tensor:
    """The float32 weight of `shape` that codes and scales stand for."""
    length = math.prod(shape[1:])
    if bits == 8:
        return (codes.reshape(shape[0], -1).float() * scale).reshape(shape)
    both = torch.stack([codes & 15, codes >> 4], dim=1).reshape(-1).to(torch.int8)
    numbers = torch.where(both > 7, both - 16, both)
    width = min(group, length)
    padded = length + (-length % width)
    values = numbers[: shape[0] * padded].reshape(-1, width).float() * scale.reshape(-1, 1)
    return values.reshape(shape[0], padded)[:, :length].reshape(shape)


def restore(folder: str | Path = HERE, target: str | Path = "plain-model") -> Path:
    """Write `target` (not there yet) as the plain model that `folder` stands for, and give its path."""
    source, made = Path(folder), Path(target)
    settings = json.loads((source / "quantization.json").read_text())
    bits, tensors = settings["bits"], load_file(source / "model.safetensors")
    for name, entry in settings["tensors"].items():
        codes, scale = tensors.pop(f"{name}.int{bits}"), tensors.pop(f"{name}.scale")
        plain = weight(codes, scale, entry["shape"], bits, settings["group"])
        tensors[name] = plain.to(getattr(torch, entry["dtype"])).contiguous()
    shutil.copytree(source, made, ignore=shutil.ignore_patterns("model.safetensors", "quantization.json", "*.py"))
    save_file({name: tensors[name] for name in sorted(tensors)}, made / "model.safetensors", {"format": "pt"})
    return made
