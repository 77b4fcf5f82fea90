"""Proof that a training changed what it was to change, and nothing else: each tensor by its digest, before and after.

Users of adapters and of partial loads ask for it everywhere: a head that never learnt, an adapter that adds nothing, or
a frozen layer that moved all the same give a model that looks like any other.
"""

from __future__ import annotations

import hashlib
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass

import torch
from torch import Tensor, nn

from registry.errors import EffectError

SMALL = ("lora_B", "ia3_", "lora_embedding_B")
"""Parts of the names of an adapter's tensors that add nothing as long as they keep their initial values (PEFT)."""
LISTED = 20
"""Tensors that a fact lists."""
NAMED = 3
"""Tensors that a sentence names."""
REMEDY = "Check optimizer.lr, epochs and freeze; if they are right, this is an error of the adapter: please report it"


@dataclass(frozen=True, slots=True)
class Effect:
    """The digests before training of what is to change and of what is not, by name in the module."""

    trained: Mapping[str, str]
    kept: Mapping[str, str]

    @classmethod
    def expected(cls, module: nn.Module, frozen: Sequence[nn.Module], groups: Iterable[Mapping[str, object]]) -> Effect:
        """To change: every parameter of an optimizer group whose rate is above 0. To keep: all others, and what frozen
        parts hold besides parameters, such as running statistics.
        """
        learning = {
            id(parameter)
            for group in groups
            if group.get("initial_lr", group["lr"])
            for parameter in group["params"]  # type: ignore[attr-defined]
        }
        still = {id(buffer) for part in frozen for buffer in part.buffers()}
        named = dict(module.named_parameters())
        kept: dict[str, Tensor] = {name: p for name, p in named.items() if id(p) not in learning}
        kept |= {name: buffer for name, buffer in module.named_buffers() if id(buffer) in still}
        return cls(_digests({name: p for name, p in named.items() if id(p) in learning}), _digests(kept))

    def proved(self, module: nn.Module) -> dict[str, object]:
        """The fact `effect` of the manifest: tensors that changed, that were frozen, that kept their initial values.

        Raises: EffectError.
        """
        now = dict(module.named_parameters()) | dict(module.named_buffers())
        moved = [name for name, digest in self.kept.items() if _digest(now[name]) != digest]
        if moved:
            raise EffectError(
                f"{len(moved)} of {len(self.kept)} frozen tensors changed in training: {_named(moved)}",
                remedy="This is an error of the adapter: please report it with the recipe",
                facts={"changed": moved},
            )
        same = [name for name, digest in self.trained.items() if _digest(now[name]) == digest]
        adapter = [name for name in self.trained if any(part in name for part in SMALL)]
        for what, names in (("trained tensors", list(self.trained)), ("tensors of the adapter", adapter)):
            if names and set(names) <= set(same):
                raise EffectError(
                    f"Training changed none of {len(names)} {what}, such as {_named(names)}",
                    remedy=REMEDY,
                    facts={"unchanged": names},
                )
        changed = len(self.trained) - len(same)
        return {"changed": changed, "frozen": len(self.kept), "unchanged": len(same), "unchanged_names": same[:LISTED]}


def _digests(tensors: Mapping[str, Tensor]) -> dict[str, str]:
    return {name: _digest(tensor) for name, tensor in tensors.items()}


def _digest(tensor: Tensor) -> str:
    """SHA-256 of the bytes."""
    flat = tensor.detach().to("cpu").contiguous().reshape(-1).view(torch.uint8)
    return hashlib.sha256(flat.numpy().data).hexdigest()


def _named(names: Sequence[str]) -> str:
    more = f" and {len(names) - NAMED} more" if len(names) > NAMED else ""
    return ", ".join(names[:NAMED]) + more
