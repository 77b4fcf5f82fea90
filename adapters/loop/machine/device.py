"""The device and the precision of a run, determined by testing the hardware, not by a table of GPU names."""

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
"""Planned steps from which `compile: auto` compiles on a GPU; with fewer, compiling costs more than it gains."""

PRECISIONS = ("auto", "fp64", "fp32", "bf16")
"""The values of `params.precision`."""


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
        """The context for forward passes."""
        return torch.autocast("cuda", dtype=torch.bfloat16) if self.precision == "bf16" else nullcontext()

    def place(self, module: nn.Module) -> nn.Module:
        """Move `module` to this device; convolutions get channels-last memory (a third faster on CPUs, more on GPUs).

        In fp64 the weights, and all floating-point inputs of its layers, are converted to float64.
        """
        module.to(self.target)
        if self.precision == "fp64":
            _to_float64(module)
        if any(isinstance(part, nn.Conv2d) for part in module.modules()):
            whole: Any = module  # torch's stubs leave this argument out
            whole.to(memory_format=torch.channels_last)
        return module

    def compiles(self, setting: object, steps: int) -> bool:
        """Whether to use `torch.compile`; `setting` is true, false or auto (on a GPU, with enough steps).

        Raises: BadRecipeError for any other value.
        """
        if setting not in {True, False, "auto"}:
            raise BadRecipeError(f"'params.compile' is {setting!r}", remedy="Write true, false or auto")
        return self.is_gpu and steps >= COMPILE_WORTH_STEPS if setting == "auto" else bool(setting)

    def synchronise(self) -> None:
        """Wait until all queued GPU work is done; does nothing on a CPU."""
        if self.is_gpu:
            torch.cuda.synchronize(self.target)


def probe(name: str, precision: object = "auto") -> Device:
    """The device called `name` (`auto`, `cpu`, `cuda`, `cuda:N`) in `precision` (`auto`, `fp64`, `fp32`, `bf16`).

    Under torchrun a process takes the GPU of its local rank. bf16 is used only on a GPU that torch reports as capable
    and whose bf16 product agrees with fp32; on a CPU without bf16 units it would be many times slower. fp64 is for
    comparing runs that sum in a different order, such as runs on one and on several processes.
    Raises: UnavailableError if the machine lacks the device or the precision, BadRecipeError for an unknown precision.
    """
    target = _target(name)
    if precision not in PRECISIONS:
        raise BadRecipeError(f"'params.precision' is {precision!r}", remedy=f"Write one of {', '.join(PRECISIONS)}")
    able = target.type == "cuda" and _bf16_works(target)
    if precision == "bf16" and not able:
        raise UnavailableError(
            f"The device {target} does not support bf16", remedy="Write params.precision: fp32, or auto"
        )
    if target.type == "cuda":
        torch.cuda.set_device(target)
        torch.backends.cuda.matmul.allow_tf32 = True
        torch.backends.cudnn.allow_tf32 = True
    if precision == "auto":
        precision = "bf16" if able else "fp32"
    return Device(target, str(precision), _hardware(target))


def _to_float64(module: nn.Module) -> None:
    module.to(torch.float64)
    for layer in module.modules():
        if not any(layer.children()):
            layer.register_forward_pre_hook(_float64_inputs, with_kwargs=True)


def _float64_inputs(
    _layer: nn.Module, positional: tuple[Any, ...], named: dict[str, Any]
) -> tuple[tuple[Any, ...], dict[str, Any]]:
    def double(value: object) -> object:
        return value.double() if isinstance(value, torch.Tensor) and value.is_floating_point() else value

    return tuple(double(value) for value in positional), {name: double(value) for name, value in named.items()}


def _target(device: str) -> torch.device:
    name, _, number = device.partition(":")
    if name not in {"auto", "cpu", "cuda"} or (number and not (name == "cuda" and number.isdecimal())):
        raise UnavailableError(f"Unknown device {device!r}", remedy="Write auto, cpu, cuda or cuda:N")
    if name == "cpu" or (name == "auto" and not torch.cuda.is_available()):
        return torch.device("cpu")
    index = int(number) if number else int(os.environ.get("LOCAL_RANK", "0"))
    if not torch.cuda.is_available() or index >= torch.cuda.device_count():
        raise UnavailableError(
            f"The device {device!r} is not available: torch {torch.__version__} finds no such GPU",
            remedy="Use the device auto or cpu, or install a CUDA build of torch",
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
