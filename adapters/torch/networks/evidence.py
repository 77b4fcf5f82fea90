"""Shows that tensors which were matched by their order are in their places, on stored photographs.

Weights without names bring two records of what a model saw in training. A normalisation keeps mean and variance of
each of its channels: in a model whose layers are in their places, photographs give about the same. A head of ImageNet's
1,000 classes knows what is on a photograph. By either measure the model must do well, and worse with any two
neighbouring layers of equal shape exchanged.

What this cannot show: whole blocks of a residual network, each added to its input, may change places almost without
an effect. Their order is that of the numbers in the names, or of the file; the note says so.
"""

from __future__ import annotations

from collections.abc import Iterator
from importlib.resources import files
from io import BytesIO
from pathlib import Path

import torch
import torch.nn.functional as F  # noqa: N812 - as everyone writes it
from PIL import Image
from torch import Tensor, nn
from torch.nn.modules.batchnorm import _BatchNorm

from adapters.torch.models import ImageModel, load_image_model
from registry.errors import MisfitError

PHOTOS = {"cat.jpg": (281, 282, 285), "coffee.jpg": (504, 967, 968), "rocket.jpg": (657, 744, 812)}
"""Stored photographs with the ImageNet classes that are right: tabby, tiger cat and Egyptian cat; coffee mug, espresso
and cup; missile, projectile and space shuttle. From scikit-image's data, where all three are CC0."""
CLASSES = 1000
_TOP = 5
_TYPICAL = 0.25
"""The largest divergence of the typical normalisation. Measured: 0.03 and 0.04 for real weights, 0.2 and more with two
layers exchanged near the input."""
_CAP = 2.0
"""A divergence beyond this counts as this."""


def prove_order(folder: Path, architecture: str) -> str:
    """A sentence for the provenance. Raises: MisfitError when nothing shows that the tensors are in their places."""
    model = load_image_model(folder, architecture)
    pictures = torch.stack([model.preprocess.apply(picture) for picture in _photographs()])
    norms = [part for part in model.module.trunk.modules() if isinstance(part, _BatchNorm) and part.track_running_stats]
    if len(norms) > 2:
        return _by_statistics(model, norms, pictures)
    head = model.module.head
    outputs = 0 if head is None else next(p for p in reversed(list(head.parameters()))).shape[0]
    if outputs == CLASSES:
        return _by_classes(model, pictures)
    raise MisfitError(
        "The tensors have other names than the architecture's, and nothing in the file shows that their order is right: "
        "it has no normalisations with running statistics, and no head of ImageNet's 1,000 classes",
        remedy="Give their names as 'rename' in an architecture.yaml (docs/models.md, 'An architecture of your own')",
    )


def _photographs() -> Iterator[Image.Image]:
    for name in PHOTOS:
        yield Image.open(BytesIO(files("adapters.torch.networks").joinpath("photographs", name).read_bytes()))


def _by_statistics(model: ImageModel, norms: list[_BatchNorm], pictures: Tensor) -> str:
    def measure() -> Tensor:
        return divergences(model, norms, pictures)

    found = measure()
    typical = float(found.median())
    if not typical <= _TYPICAL:
        raise _refused(f"the typical normalisation differs from its running statistics by {typical:.2g} nats")
    tried = _exchanges(model, lambda: float(measure().clamp(max=_CAP).sum()))
    return (
        "tensors have other names: matched by order and shape. On three stored photographs the typical normalisation "
        f"is {typical:.2g} nats from its running statistics, and each of {tried} exchanges of neighbouring layers of "
        f"equal shape makes that worse{_BLOCKS}"
    )


_BLOCKS = "; whole residual blocks of equal shape are in the order of the file, which outputs cannot show"


def divergences(model: ImageModel, norms: list[_BatchNorm], pictures: Tensor) -> Tensor:
    """By normalisation: the median over its channels of the divergence (Kullback and Leibler, in nats) between the
    normal distributions with the mean and variance seen here, and those that it recorded."""
    seen: dict[int, Tensor] = {}

    def hear(number: int) -> object:
        return lambda _part, inputs: seen.__setitem__(number, inputs[0])

    handles = [norm.register_forward_pre_hook(hear(number)) for number, norm in enumerate(norms)]  # type: ignore[arg-type]
    try:
        with torch.inference_mode():
            model.features(pictures)
    finally:
        for handle in handles:
            handle.remove()
    return torch.stack([_divergence(norm, seen[number]) for number, norm in enumerate(norms)])


def _divergence(norm: _BatchNorm, maps: Tensor) -> Tensor:
    over = (0, *range(2, maps.ndim))
    mean, variance = maps.mean(over), maps.var(over, correction=0) + norm.eps
    assert norm.running_mean is not None  # noqa: S101 - `prove_order` asks for statistics
    assert norm.running_var is not None  # noqa: S101 - as above
    recorded = norm.running_var + norm.eps
    return 0.5 * ((recorded / variance).log() + (variance + (mean - norm.running_mean).square()) / recorded - 1).median()


def _by_classes(model: ImageModel, pictures: Tensor) -> str:
    def scores() -> Tensor:
        with torch.inference_mode():
            return model.logits(pictures)

    right = [set(row) & set(classes) for row, classes in zip(scores().topk(_TOP).indices.tolist(), PHOTOS.values(), strict=True)]
    if sum(map(bool, right)) < 2:
        raise _refused("its head does not know the stored photographs")

    def loss() -> float:
        shares = F.softmax(scores(), 1)
        return -sum(float(row[list(classes)].sum().log()) for row, classes in zip(shares, PHOTOS.values(), strict=True))

    tried = _exchanges(model, loss)
    return (
        "tensors have other names: matched by order and shape. The head knows "
        f"{sum(map(bool, right))} of three stored photographs among its first {_TOP} classes, and each of {tried} "
        f"exchanges of neighbouring layers of equal shape makes it worse{_BLOCKS}"
    )


def _exchanges(model: ImageModel, badness: object) -> int:
    """The number of exchanges of two layers of equal shape that were tried. Raises: MisfitError when one is no worse."""
    before = badness()  # type: ignore[operator]
    tried = 0
    for (name, one), (other, two) in _pairs(model.module.trunk):
        _exchange(one, two)
        try:
            after = badness()  # type: ignore[operator]
        finally:
            _exchange(one, two)
        tried += 1
        if not after > before:
            raise _refused(f"{name} and {other} might as well have each other's weights")
    return tried


def _pairs(trunk: nn.Module) -> Iterator[tuple[tuple[str, nn.Module], tuple[str, nn.Module]]]:
    """Each layer with the next one of its kind and shape."""
    last: dict[object, tuple[str, nn.Module]] = {}
    for name, part in trunk.named_modules():
        if not isinstance(part, nn.Conv2d | nn.Linear | _BatchNorm):
            continue
        kind = type(part), tuple(tuple(tensor.shape) for tensor in part.state_dict().values())
        if kind in last:
            yield last[kind], (name, part)
        last[kind] = name, part


def _exchange(one: nn.Module, two: nn.Module) -> None:
    first = {name: tensor.clone() for name, tensor in one.state_dict().items()}
    one.load_state_dict(two.state_dict())
    two.load_state_dict(first)


def _refused(why: str) -> MisfitError:
    return MisfitError(
        f"The tensors have other names than the architecture's, and their order does not prove right: {why}",
        remedy="Name the architecture that these weights were made for, or give the names of their tensors as 'rename' "
        "in an architecture.yaml (docs/models.md, 'An architecture of your own')",
    )
