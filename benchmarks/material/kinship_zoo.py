"""A zoo of small real models and children of each in every way that weights are passed on: for tests and benchmarks.

Parents are trained from scratch on the handwritten digits of scikit-learn, each with a seed of its own: a convolutional
network, and a transformer that reads a picture as eight rows. Two parents of one kind saw the same data under the same
recipe, so they are the hardest pairs to tell from parent and child.
"""

from __future__ import annotations

import copy
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass
from functools import cache
from typing import Any

import numpy as np
import torch
import torch.nn.functional as F  # noqa: N812 -- its name in the field
from numpy.typing import NDArray
from torch import Tensor, nn

from lineage.kinship.tensors import TensorInfo, encode

_NAMES = {"float32": "F32", "float16": "F16", "uint16": "BF16", "int64": "I64"}
State = Mapping[str, NDArray[Any]]


@dataclass(frozen=True)
class Arrays:
    """Implements `Weights` over arrays; those of `uint16` hold BF16."""

    arrays: State

    @property
    def tensors(self) -> dict[str, TensorInfo]:
        return {name: TensorInfo(name, _NAMES[str(a.dtype)], a.shape) for name, a in self.arrays.items()}

    def raw(self, name: str) -> NDArray[Any]:
        return self.arrays[name].reshape(-1)


# --- parents -------------------------------------------------------------------------------------------------------


class Convolutions(nn.Module):
    """Two convolutions with batch normalisation, a hidden layer and a head."""

    def __init__(self) -> None:
        super().__init__()
        self.conv1, self.norm1 = nn.Conv2d(1, 32, 3, padding=1), nn.BatchNorm2d(32)
        self.conv2, self.norm2 = nn.Conv2d(32, 64, 3, padding=1), nn.BatchNorm2d(64)
        self.hidden, self.head = nn.Linear(64 * 4, 96), nn.Linear(96, 10)

    def forward(self, x: Tensor) -> Tensor:
        x = F.max_pool2d(F.relu(self.norm1(self.conv1(x))), 2)
        x = F.max_pool2d(F.relu(self.norm2(self.conv2(x))), 2)
        scores: Tensor = self.head(F.relu(self.hidden(x.flatten(1))))
        return scores


class Block(nn.Module):
    """Attention and a feed-forward layer, normalised before."""

    def __init__(self, width: int, heads: int) -> None:
        super().__init__()
        self.heads = heads
        self.norm1, self.norm2 = nn.LayerNorm(width), nn.LayerNorm(width)
        self.query, self.key, self.value = nn.Linear(width, width), nn.Linear(width, width), nn.Linear(width, width)
        self.attention_out = nn.Linear(width, width)
        self.up, self.down = nn.Linear(width, 2 * width), nn.Linear(2 * width, width)

    def forward(self, x: Tensor) -> Tensor:
        n, length, width = x.shape
        given = self.norm1(x)
        q, k, v = (f(given).view(n, length, self.heads, -1).transpose(1, 2) for f in (self.query, self.key, self.value))
        seen = F.scaled_dot_product_attention(q, k, v).transpose(1, 2).reshape(n, length, width)
        x = x + self.attention_out(seen)
        made: Tensor = x + self.down(F.gelu(self.up(self.norm2(x))))
        return made


class Transformer(nn.Module):
    """Two blocks of 64 over the rows of a picture, and a head over their mean."""

    def __init__(self) -> None:
        super().__init__()
        self.rows, self.positions = nn.Linear(8, 64), nn.Parameter(torch.randn(8, 64) * 0.02)
        self.blocks = nn.ModuleList([Block(64, 4), Block(64, 4)])
        self.norm, self.head = nn.LayerNorm(64), nn.Linear(64, 10)

    def forward(self, x: Tensor) -> Tensor:
        x = self.rows(x.squeeze(1)) + self.positions
        for block in self.blocks:
            x = block(x)
        scores: Tensor = self.head(self.norm(x).mean(dim=1))
        return scores


KINDS: Mapping[str, Callable[[], nn.Module]] = {"convolutional": Convolutions, "transformer": Transformer}


@cache
def digits() -> tuple[Tensor, Tensor]:
    """1,797 pictures of 8 x 8, and their classes."""
    from sklearn.datasets import load_digits

    found = load_digits()
    return torch.tensor(found.images / 16, dtype=torch.float32)[:, None], torch.tensor(found.target)


def train(model: nn.Module, epochs: float, seed: int, *, rate: float = 1e-3, rows: slice = slice(None)) -> nn.Module:
    """`model` trained in place by AdamW in batches of 64; only what requires gradients moves."""
    x, y = (one[rows] for one in digits())
    order = torch.Generator().manual_seed(seed)
    wanted = [p for p in model.parameters() if p.requires_grad]
    optimizer = torch.optim.AdamW(wanted, lr=rate)
    model.train()
    for _ in range(max(int(epochs * len(x)) // 64, 1)):
        batch = torch.randint(len(x), (64,), generator=order)
        optimizer.zero_grad()
        F.cross_entropy(model(x[batch]), y[batch]).backward()
        optimizer.step()
    return model.eval()


def parent(kind: str, seed: int, epochs: float = 4) -> nn.Module:
    """A model of `kind` initialised and trained by `seed`."""
    torch.manual_seed(seed)
    return train(KINDS[kind](), epochs, seed)


def state(model: nn.Module) -> dict[str, NDArray[Any]]:
    """The tensors of a model as arrays."""
    return {name: tensor.detach().numpy().copy() for name, tensor in model.state_dict().items()}


# --- children ------------------------------------------------------------------------------------------------------


def other_task(model: nn.Module, seed: int) -> nn.Module:
    """A copy with a new head of two classes."""
    child = copy.deepcopy(model)
    torch.manual_seed(1000 + seed)
    child.head = nn.Linear(child.head.in_features, 10)  # type: ignore[union-attr, arg-type]
    return child


def frozen(model: nn.Module, seed: int) -> State:
    child = other_task(model, seed)
    for name, parameter in child.named_parameters():
        parameter.requires_grad = name.startswith("head")
    return state(train(child, 2, seed, rate=5e-3))


def tuned(epochs: float, rate: float = 5e-4) -> Callable[[nn.Module, int], State]:
    return lambda model, seed: state(train(other_task(model, seed), epochs, 500 + seed, rate=rate))


class Adapted(nn.Module):
    """A linear layer with a trainable product of low rank beside it (LoRA: B starts at 0)."""

    def __init__(self, base: nn.Linear, rank: int) -> None:
        super().__init__()
        self.base, self.a = base, nn.Parameter(torch.randn(rank, base.in_features) / base.in_features**0.5)
        self.b = nn.Parameter(torch.zeros(base.out_features, rank))

    def forward(self, x: Tensor) -> Tensor:
        made: Tensor = self.base(x) + x @ self.a.T @ self.b.T
        return made


def adapted(rank: int, kind: str) -> Callable[[nn.Module, int], State]:
    """LoRA on the linear layers but the head, trained and merged; stored as `kind`."""

    def make(model: nn.Module, seed: int) -> State:
        torch.manual_seed(2000 + seed)
        child = copy.deepcopy(model)
        for parameter in child.parameters():
            parameter.requires_grad = False
        taken = {
            name: module
            for name, module in child.named_modules()
            if isinstance(module, nn.Linear) and min(module.weight.shape) >= 4 * rank and name != "head"
        }
        for name, module in taken.items():
            child.set_submodule(name, Adapted(module, rank))
        norms = [m for m in child.modules() if isinstance(m, nn.BatchNorm2d)]
        for norm in norms:
            norm.momentum = 0.0
        train(child, 2, 700 + seed, rate=2e-3)
        for name, module in taken.items():
            layer = child.get_submodule(name)
            module.weight.data += layer.b.detach() @ layer.a.detach()  # type: ignore[operator]
            child.set_submodule(name, module)
        return stored(state(child), kind)

    return make


def stored(arrays: State, kind: str) -> State:
    """Every tensor of float32 as `kind`."""
    made = {}
    for name, array in arrays.items():
        found = encode(array.reshape(-1), kind) if array.dtype == np.float32 else array
        made[name] = array if found is None else found.reshape(array.shape)
    return made


def rounded(bits: int) -> Callable[[nn.Module, int], State]:
    """Matrices rounded to a grid of `bits`, one scale a row, as plain float32."""

    def make(model: nn.Module, _: int) -> State:
        made = state(model)
        for name, array in made.items():
            if array.ndim >= 2 and array.size >= 256:
                rows = array.reshape(len(array), -1)
                scale = np.abs(rows).max(axis=1, keepdims=True) / ((1 << (bits - 1)) - 1)
                made[name] = (np.round(rows / scale) * scale).astype(np.float32).reshape(array.shape)
        return made

    return make


def pruned(share: float) -> Callable[[nn.Module, int], State]:
    """The smallest numbers of each matrix set to zero, and the rest trained a little further."""

    def make(model: nn.Module, seed: int) -> State:
        child = copy.deepcopy(model)
        masks = {}
        for name, parameter in child.named_parameters():
            if parameter.dim() >= 2:
                limit = torch.quantile(parameter.abs(), share)
                masks[name] = parameter.abs() > limit
                parameter.data *= masks[name]
        if seed // 2 % 2:
            train(child, 0.5, seed, rate=2e-4)
            for name, parameter in child.named_parameters():
                if name in masks:
                    parameter.data *= masks[name]
        return state(child)

    return make


def permuted(model: nn.Module, seed: int) -> State:
    """The hidden units in another order, so that the model answers as before."""
    made, draws = state(model), np.random.default_rng(seed)
    chains = (
        [("conv1", "norm1", "conv2", 1), ("conv2", "norm2", "hidden", 4), ("hidden", None, "head", 1)]
        if "conv1.weight" in made
        else [(f"blocks.{n}.up", None, f"blocks.{n}.down", 1) for n in range(2)]
    )
    for layer, norm, reader, places in chains:
        order = draws.permutation(len(made[f"{layer}.weight"]))
        for name in (f"{layer}.weight", f"{layer}.bias"):
            made[name] = made[name][order]
        for part in ("weight", "bias", "running_mean", "running_var") if norm else ():
            made[f"{norm}.{part}"] = made[f"{norm}.{part}"][order]
        inputs = (order[:, None] * places + np.arange(places)).reshape(-1)
        made[f"{reader}.weight"] = np.ascontiguousarray(made[f"{reader}.weight"][:, inputs])
    return made


CHILDREN: Mapping[str, Callable[[nn.Module, int], State]] = {
    "frozen backbone, new head": frozen,
    "fine-tuned, 1 epoch": tuned(1),
    "fine-tuned, 5 epochs": tuned(5),
    "fine-tuned, 15 epochs": tuned(15),
    "LoRA r 4, merged": adapted(4, "F32"),
    "LoRA r 4, merged in BF16": adapted(4, "BF16"),
    "LoRA r 16, merged": adapted(16, "F32"),
    "LoRA r 16, merged in BF16": adapted(16, "BF16"),
    "cast to F16": lambda model, _: stored(state(model), "F16"),
    "cast to BF16": lambda model, _: stored(state(model), "BF16"),
    "8 bits": rounded(8),
    "4 bits": rounded(4),
    "pruned 50 %": pruned(0.5),
    "pruned 90 %": pruned(0.9),
    "permuted": permuted,
}


def parents(count: int, first: int = 0) -> Iterator[tuple[str, int, nn.Module]]:
    """`count` parents, of both kinds in turn."""
    for number in range(count):
        kind = list(KINDS)[number % 2]
        yield kind, first + number, parent(kind, first + number)
