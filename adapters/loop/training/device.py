"""Where a run computes, and in which precision: found out by trying, never by a table of model names."""

from __future__ import annotations

import os
from collections.abc import Mapping
from contextlib import AbstractContextManager, nullcontext
from dataclasses import dataclass
from typing import Any

import torch
from torch import nn

from registry.errors import BadRecipeError, UnavailableError
from registry.machine import this_machine

COMPILE_WORTH_STEPS = 2000
"""`compile: auto` compiles on a GPU from this many planned steps: below, start-up eats the gain."""


PRECISIONS = ("auto", "fp64", "fp32", "bf16")
"""What `params.precision` may be."""


@dataclass(frozen=True, slots=True)
class Device:
    """A probed device. `precision` is `bf16` (autocast over fp32 weights), `fp32` or `fp64`."""

    target: torch.device
    precision: str
    hardware: Mapping[str, str]

    @property
    def is_gpu(self) -> bool:
        """True for CUDA."""
        return self.target.type == "cuda"

    def autocast(self) -> AbstractContextManager[object]:
        """The context in which forward passes run."""
        return torch.autocast("cuda", dtype=torch.bfloat16) if self.precision == "bf16" else nullcontext()

    def place(self, module: nn.Module) -> nn.Module:
        """`module` on this device; convolutions in channels-last memory, a third faster on a CPU and more on a GPU.

        In fp64 its weights become doubles, and so does whatever comes into one of its layers.
        """
        module.to(self.target)
        if self.precision == "fp64":
            _in_doubles(module)
        if any(isinstance(part, nn.Conv2d) for part in module.modules()):
            whole: Any = module  # torch's stubs leave this argument out
            whole.to(memory_format=torch.channels_last)
        return module

    def compiles(self, wish: object, steps: int) -> bool:
        """Whether to `torch.compile`: `true`, `false`, or `auto` (a GPU and enough steps to pay for it).

        Raises: BadRecipeError for any other wish.
        """
        if wish not in {True, False, "auto"}:
            raise BadRecipeError(f"params.compile is {wish!r}", remedy="Write true, false or auto")
        return self.is_gpu and steps >= COMPILE_WORTH_STEPS if wish == "auto" else bool(wish)

    def synchronise(self) -> None:
        """Wait until all queued work is done; nothing to wait for on a CPU."""
        if self.is_gpu:
            torch.cuda.synchronize(self.target)


def probe(wish: str, precision: object = "auto") -> Device:
    """The device for `wish` (`auto`, `cpu`, `cuda`, `cuda:N`) in `precision` (`auto`, `fp64`, `fp32`, `bf16`).

    Under torchrun a process takes the GPU of its local rank. bf16 is used on a GPU only, and only where torch says so
    and a real multiplication agrees with fp32: on a CPU without bf16 units it is many times slower. fp64 is for
    comparing runs that add up in another order, on one process or on several.
    Raises: UnavailableError when the device or precision is not there, BadRecipeError for a precision we do not know.
    """
    target = _target(wish)
    if precision not in PRECISIONS:
        raise BadRecipeError(f"params.precision is {precision!r}", remedy=f"Write {', '.join(PRECISIONS)}")
    able = target.type == "cuda" and _bf16_works(target)
    if precision == "bf16" and not able:
        raise UnavailableError(f"{target} does not compute in bf16", remedy="Write params.precision: fp32, or auto")
    if target.type == "cuda":
        torch.cuda.set_device(target)
        torch.backends.cuda.matmul.allow_tf32 = True
        torch.backends.cudnn.allow_tf32 = True
    if precision == "auto":
        precision = "bf16" if able else "fp32"
    return Device(target, str(precision), _hardware(target))


def _in_doubles(module: nn.Module) -> None:
    module.to(torch.float64)
    for layer in module.modules():
        if not any(layer.children()):
            layer.register_forward_pre_hook(_doubled, with_kwargs=True)


def _doubled(
    _layer: nn.Module, given: tuple[Any, ...], named: dict[str, Any]
) -> tuple[tuple[Any, ...], dict[str, Any]]:
    def double(value: object) -> object:
        return value.double() if isinstance(value, torch.Tensor) and value.is_floating_point() else value

    return tuple(double(value) for value in given), {name: double(value) for name, value in named.items()}


def _target(wish: str) -> torch.device:
    name, _, number = wish.partition(":")
    if name not in {"auto", "cpu", "cuda"} or (number and not (name == "cuda" and number.isdecimal())):
        raise UnavailableError(f"the device {wish!r} is not known", remedy="Write auto, cpu, cuda or cuda:N")
    if name == "cpu" or (name == "auto" and not torch.cuda.is_available()):
        return torch.device("cpu")
    index = int(number) if number else int(os.environ.get("LOCAL_RANK", "0"))
    if not torch.cuda.is_available() or index >= torch.cuda.device_count():
        raise UnavailableError(
            f"the device {wish!r} was asked for, and torch {torch.__version__} finds no such GPU",
            remedy="Write device auto or cpu, or install a CUDA build of torch",
        )
    return torch.device("cuda", index)


def _bf16_works(target: torch.device) -> bool:
    if not torch.cuda.is_bf16_supported(including_emulation=False):
        return False
    grid = torch.arange(64 * 64, dtype=torch.float32, device=target).reshape(64, 64).remainder(7.0)
    return bool(torch.allclose((grid.bfloat16() @ grid.bfloat16()).float(), grid @ grid, rtol=0.02))


def _hardware(target: torch.device) -> dict[str, str]:
    facts = this_machine()
    if target.type == "cuda":
        seen = torch.cuda.get_device_properties(target)
        facts |= {"gpu": seen.name, "gpu_memory": str(seen.total_memory), "gpus": str(torch.cuda.device_count())}
    return facts
