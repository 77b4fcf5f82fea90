"""Shows that tensors which were matched by their order are in their places, on stored photographs.

Weights without names bring one of two records of what a model saw in training. A normalisation keeps mean and variance
of each of its channels: in a model whose layers are in their places, photographs give about the same. A head of
ImageNet's 1,000 classes knows what is on a photograph. By either measure the model must do well, and worse with any two
neighbouring layers of equal shape exchanged.

What this cannot show: whole blocks of a residual network, each added to its input, may change places almost without an
effect. They are in the order of the file, which must not contradict the numbers in the names; the note says so.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping
from importlib.resources import files
from io import BytesIO
from pathlib import Path

import torch
from PIL import Image
from torch import Tensor, nn
from torch.nn.modules.batchnorm import _BatchNorm

from adapters.inputs.preprocess import Preprocess
from adapters.torch.families import definition_of, fill, read_config, read_tensors
from adapters.torch.models import ImageModel, load_image_model
from registry.errors import MisfitError

PHOTOS: Mapping[str, tuple[int, ...]] = {
    "cat.jpg": (281, 282, 285),
    "coffee.jpg": (504, 967, 968),
    "rocket.jpg": (657, 744, 812),
}
"""Stored photographs with the ImageNet classes that are right: tabby, tiger cat and Egyptian cat; coffee mug, espresso
and cup; missile, projectile and space shuttle. From scikit-image's data, where all three are CC0."""
CLASSES = 1000
_TOP = 5
_SIDE = 128
"""Pixels a side at most for the statistics: an exchange is tried for every two layers of equal shape."""
_TYPICAL = 0.5
"""The largest divergence of the typical normalisation, in nats. Measured: 0.1 for real EfficientNet and MobileNet."""
_WORSE = 1.2
"""How many times larger an exchange must make the divergence where it is first seen. Measured for the two: 1.56 and
more, for every exchange."""
_CAP = 2.0
"""The divergence of one channel, in nats, beyond which it counts as this."""
_BLOCKS = "; whole residual blocks of equal shape are in the order of the file, which outputs cannot show"


def prove_order(folder: Path, architecture: str) -> str:
    """A sentence for the provenance. Raises: MisfitError when nothing shows that the tensors are in their places."""
    model = load_image_model(folder, architecture)
    norms = [part for part in model.module.trunk.modules() if isinstance(part, _BatchNorm) and part.track_running_stats]
    if len(norms) > 2:
        return _by_statistics(model, norms)
    whole = _whole(folder, architecture, model)
    if whole is not None:
        return _by_classes(whole, model.preprocess)
    raise MisfitError(
        "The tensors have other names than the architecture's, and nothing in the file shows that their order is "
        "right: it has no normalisations, and no head of ImageNet's 1,000 classes",
        remedy="Give their names as 'rename' in an architecture.yaml (docs/models.md, 'An architecture of your own')",
    )


def _whole(folder: Path, architecture: str, model: ImageModel) -> nn.Module | None:
    """Pictures to the scores of ImageNet's classes; None where there is no such head."""
    config = read_config(folder)
    if (config.get("head") or {}).get("kind") == "convolution":  # works on maps, so it is no head of an ImageModel
        definition = definition_of(config, architecture)
        network = definition.network(definition.make_head(config))
        fill(network, read_tensors(folder), architecture)
        return network.eval() if config["num_labels"] == CLASSES else None
    head = model.module.head
    return model.module if head is not None and list(head.parameters())[-1].shape[0] == CLASSES else None


def photographs() -> Iterator[Image.Image]:
    """The stored photographs, 256 x 256 pixels, in the order of `PHOTOS`."""
    for name in PHOTOS:
        yield Image.open(BytesIO(files("adapters.torch.networks").joinpath("photographs", name).read_bytes()))


# --- by running statistics -------------------------------------------------------------------------------------------


class _SeenError(Exception):
    """Raised inside a forward pass at the first normalisation that sees something else than before."""

    def __init__(self, before: float, after: float) -> None:
        super().__init__(before, after)
        self.before, self.after = before, after


def _by_statistics(model: ImageModel, norms: list[_BatchNorm]) -> str:
    preprocess = model.preprocess.resized(min(_SIDE, model.preprocess.size))
    pictures = torch.stack([preprocess.apply(picture) for picture in photographs()])
    found: dict[int, float] = {}

    def first(norm: nn.Module, inputs: tuple[Tensor, ...]) -> None:
        found[id(norm)] = _divergence(norm, inputs[0])

    def again(norm: nn.Module, inputs: tuple[Tensor, ...]) -> None:
        before, after = found[id(norm)], _divergence(norm, inputs[0])
        if not abs(after - before) <= 1e-4:
            raise _SeenError(before, after)

    _hear(model, norms, pictures, first)
    typical = float(torch.tensor(list(found.values())).median())
    if not typical <= _TYPICAL:
        raise _refused(f"the typical normalisation differs from its running statistics by {typical:.2g} nats")

    def worse() -> bool:
        try:
            _hear(model, norms, pictures, again)
        except _SeenError as seen:
            return seen.after > _WORSE * seen.before
        return False

    tried = _exchanges(model.module.trunk, worse)
    return (
        "tensors have other names: matched by order and shape. On three stored photographs the typical normalisation "
        f"is {typical:.2g} nats from its running statistics, and each of {tried} exchanges of neighbouring layers of "
        f"equal shape makes that worse{_BLOCKS}"
    )


def _hear(
    model: ImageModel, norms: list[_BatchNorm], pictures: Tensor, hear: Callable[[nn.Module, tuple[Tensor, ...]], None]
) -> None:
    handles = [norm.register_forward_pre_hook(hear) for norm in norms]
    try:
        with torch.inference_mode():
            model.features(pictures)
    finally:
        for handle in handles:
            handle.remove()


def _divergence(norm: nn.Module, maps: Tensor) -> float:
    """The mean over channels of the divergence of Kullback and Leibler, in nats, from the recorded normal distribution.

    What is seen is a normal distribution with the mean and variance of `maps`, over pictures and pixels.
    """
    over = (0, *range(2, maps.ndim))
    eps, recorded, mean = norm.eps, norm.running_var, norm.running_mean
    assert isinstance(eps, float) and isinstance(recorded, Tensor) and isinstance(mean, Tensor)  # noqa: S101, PT018
    seen, variance = maps.mean(over), maps.var(over, correction=0) + eps
    nats = 0.5 * (((recorded + eps) / variance).log() + (variance + (seen - mean).square()) / (recorded + eps) - 1)
    return float(nats.clamp(max=_CAP).mean())


# --- by ImageNet's classes -------------------------------------------------------------------------------------------


def _by_classes(model: nn.Module, preprocess: Preprocess) -> str:
    pictures = torch.stack([preprocess.apply(picture) for picture in photographs()])

    def scores() -> Tensor:
        with torch.inference_mode():
            found: Tensor = model(pictures)
        return found

    def loss() -> float:
        shares = scores().softmax(1)
        return -sum(float(row[list(c)].sum().log()) for row, c in zip(shares, PHOTOS.values(), strict=True))

    best = scores().topk(_TOP).indices.tolist()
    known = sum(bool(set(row) & set(classes)) for row, classes in zip(best, PHOTOS.values(), strict=True))
    if known < 2:
        raise _refused(f"the head knows {known} of three stored photographs")
    before = loss()
    tried = _exchanges(model, lambda: loss() > before)
    return (
        f"tensors have other names: matched by order and shape. The head knows {known} of three stored photographs "
        f"among its first {_TOP} classes, and each of {tried} exchanges of neighbouring layers of equal shape makes it "
        f"worse{_BLOCKS}"
    )


# --- exchanges -------------------------------------------------------------------------------------------------------


def _exchanges(trunk: nn.Module, worse: Callable[[], bool]) -> int:
    """How many exchanges of two layers of equal shape were tried. Raises: MisfitError when one is not `worse`."""
    tried = 0
    for (name, one), (other, two) in _pairs(trunk):
        _exchange(one, two)
        try:
            if not worse():
                raise _refused(f"{name} and {other} might as well have each other's weights")
        finally:
            _exchange(one, two)
        tried += 1
    return tried


def _pairs(trunk: nn.Module) -> Iterator[tuple[tuple[str, nn.Module], tuple[str, nn.Module]]]:
    """Each layer with the next one of its kind and shape."""
    last: dict[object, tuple[str, nn.Module]] = {}
    for name, part in trunk.named_modules():
        if isinstance(part, nn.Conv2d | nn.Linear | _BatchNorm):
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
