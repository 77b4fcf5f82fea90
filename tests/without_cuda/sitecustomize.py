"""Lets a torchvision built for CUDA be imported beside a CPU build of torch, where this folder is on PYTHONPATH.

Its compiled operators cannot be loaded there, and its Python code asks for two of them by name while it is imported.
They are declared here with nothing behind them: torch tells whoever calls one. timm calls neither; both libraries stay
as they are.
"""

from __future__ import annotations

import sys
from collections.abc import Sequence
from importlib.machinery import ModuleSpec
from types import ModuleType
from typing import Any

OPERATORS = ("nms", "qnms")
"""Those that `_meta_registrations.py` of torchvision 0.28.0 asks for, though its library was not loaded."""


class Declaring:
    """Finds no module; before torchvision is looked for, it declares the operators."""

    declared: Any = None
    """What holds the declarations for as long as the process runs."""

    def find_spec(
        self, name: str, path: Sequence[str] | None = None, target: ModuleType | None = None
    ) -> ModuleSpec | None:
        if name == "torchvision" and self.declared is None:
            import torch  # not before somebody asks for torchvision

            self.declared = torch.library.Library(name, "DEF")  # type: ignore[no-untyped-call]
            for operator in OPERATORS:
                self.declared.define(f"{operator}(Tensor dets, Tensor scores, float iou_threshold) -> Tensor")
        return None


sys.meta_path.insert(0, Declaring())
