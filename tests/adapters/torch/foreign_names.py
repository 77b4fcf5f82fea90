"""State dicts as torchvision, timm and others name them, with random numbers; written from those libraries' code."""

from __future__ import annotations

from collections.abc import Iterator

import torch
from torch import Tensor

Shape = tuple[int, ...]
Shapes = dict[str, Shape]

VGG: dict[int, tuple[int | str, ...]] = {
    11: (64, "M", 128, "M", 256, 256, "M", 512, 512, "M", 512, 512, "M"),
    13: (64, 64, "M", 128, 128, "M", 256, 256, "M", 512, 512, "M", 512, 512, "M"),
    16: (64, 64, "M", 128, 128, "M", 256, 256, 256, "M", 512, 512, 512, "M", 512, 512, 512, "M"),
    19: (64, 64, "M", 128, 128, "M", *[256] * 4, "M", *[512] * 4, "M", *[512] * 4, "M"),
}  # fmt: skip
RESNET: dict[int, tuple[bool, tuple[int, ...]]] = {
    18: (False, (2, 2, 2, 2)),
    34: (False, (3, 4, 6, 3)),
    50: (True, (3, 4, 6, 3)),
    101: (True, (3, 4, 23, 3)),
    152: (True, (3, 8, 36, 3)),
}


def norm(name: str, width: int) -> Shapes:
    """The tensors of a BatchNorm2d, in torch's order."""
    ends = ("weight", "bias", "running_mean", "running_var")
    return {**{f"{name}.{end}": (width,) for end in ends}, f"{name}.num_batches_tracked": ()}


def linear(name: str, inputs: int, outputs: int) -> Shapes:
    return {f"{name}.weight": (outputs, inputs), f"{name}.bias": (outputs,)}


def conv(name: str, inputs: int, outputs: int, kernel: int | tuple[int, int], *, bias: bool = False) -> Shapes:
    sides = (kernel, kernel) if isinstance(kernel, int) else kernel
    return {f"{name}.weight": (outputs, inputs, *sides)} | ({f"{name}.bias": (outputs,)} if bias else {})


def vgg_features(depth: int, *, norms: bool) -> Shapes:
    found: Shapes = {}
    inputs, place = 3, 0
    for step in VGG[depth]:
        if isinstance(step, str):
            place += 1
            continue
        found |= conv(f"features.{place}", inputs, step, 3, bias=True)
        found |= norm(f"features.{place + 1}", step) if norms else {}
        place, inputs = place + (3 if norms else 2), step
    return found


def vgg(depth: int, *, norms: bool, classes: int = 1000) -> Shapes:
    """torchvision.models.vgg11 to vgg19_bn."""
    dense = linear("classifier.0", 25088, 4096) | linear("classifier.3", 4096, 4096)
    return vgg_features(depth, norms=norms) | dense | linear("classifier.6", 4096, classes)


def resnet(depth: int, classes: int = 1000) -> Shapes:
    """torchvision.models.resnet18 to resnet152, and timm's."""
    bottleneck, depths = RESNET[depth]
    found, inputs = conv("conv1", 3, 64, 7) | norm("bn1", 64), 64
    for stage, blocks in enumerate(depths):
        width = 64 << stage
        outputs = width * (4 if bottleneck else 1)
        for i in range(blocks):
            block = f"layer{stage + 1}.{i}"
            narrow = [(inputs, width, 1), (width, width, 3), (width, outputs, 1)]
            sides: list[tuple[int, int, int]] = narrow if bottleneck else [(inputs, width, 3), (width, width, 3)]
            for number, (a, b, kernel) in enumerate(sides, start=1):
                found |= conv(f"{block}.conv{number}", a, b, kernel) | norm(f"{block}.bn{number}", b)
            if i == 0 and (bottleneck or stage):
                found |= conv(f"{block}.downsample.0", inputs, outputs, 1) | norm(f"{block}.downsample.1", outputs)
            inputs = outputs
    return found | linear("fc", inputs, classes)


V3_SMALL = (
    (16, 3, 16, 16, True, 2), (16, 3, 72, 24, False, 2), (24, 3, 88, 24, False, 1), (24, 5, 96, 40, True, 2),
    (40, 5, 240, 40, True, 1), (40, 5, 240, 40, True, 1), (40, 5, 120, 48, True, 1), (48, 5, 144, 48, True, 1),
    (48, 5, 288, 96, True, 2), (96, 5, 576, 96, True, 1), (96, 5, 576, 96, True, 1),
)  # fmt: skip
V3_SQUEEZED = {16: 8, 96: 24, 240: 64, 120: 32, 144: 40, 288: 72, 576: 144}
"""Channels between the two layers of squeeze and excitation, by those around them."""


def mobilenet_v3_small(classes: int = 1000) -> Shapes:
    """torchvision.models.mobilenet_v3_small."""
    found = conv("features.0.0", 3, 16, 3) | norm("features.0.1", 16)
    for number, (inputs, kernel, inner, outputs, squeezes, _) in enumerate(V3_SMALL, start=1):
        block, place = f"features.{number}.block", 0
        if inner != inputs:
            found |= conv(f"{block}.0.0", inputs, inner, 1) | norm(f"{block}.0.1", inner)
            place = 1
        found |= conv(f"{block}.{place}.0", 1, inner, kernel) | norm(f"{block}.{place}.1", inner)
        if squeezes:
            place += 1
            squeezed = V3_SQUEEZED[inner]
            found |= conv(f"{block}.{place}.fc1", inner, squeezed, 1, bias=True)
            found |= conv(f"{block}.{place}.fc2", squeezed, inner, 1, bias=True)
        found |= conv(f"{block}.{place + 1}.0", inner, outputs, 1) | norm(f"{block}.{place + 1}.1", outputs)
    found |= conv("features.12.0", 96, 576, 1) | norm("features.12.1", 576)
    return found | linear("classifier.0", 576, 1024) | linear("classifier.3", 1024, classes)


def mobilenet_v2(classes: int = 1000) -> Shapes:
    """torchvision.models.mobilenet_v2."""
    rows = ((1, 16, 1), (6, 24, 2), (6, 32, 3), (6, 64, 4), (6, 96, 3), (6, 160, 3), (6, 320, 1))
    found = conv("features.0.0", 3, 32, 3) | norm("features.0.1", 32)
    inputs, number = 32, 0
    for expansion, outputs, repeats in rows:
        for _ in range(repeats):
            number += 1
            block, inner, place = f"features.{number}.conv", inputs * expansion, 0
            if expansion > 1:
                found |= conv(f"{block}.0.0", inputs, inner, 1) | norm(f"{block}.0.1", inner)
                place = 1
            found |= conv(f"{block}.{place}.0", 1, inner, 3) | norm(f"{block}.{place}.1", inner)
            found |= conv(f"{block}.{place + 1}", inner, outputs, 1) | norm(f"{block}.{place + 2}", outputs)
            inputs = outputs
    found |= conv("features.18.0", 320, 1280, 1) | norm("features.18.1", 1280)
    return found | linear("classifier.1", 1280, classes)


def squeezenet1_0(classes: int = 1000) -> Shapes:
    """torchvision.models.squeezenet1_0."""
    found = conv("features.0", 3, 96, 7, bias=True)
    fires = {3: (96, 16, 64), 4: (128, 16, 64), 5: (128, 32, 128), 7: (256, 32, 128), 8: (256, 48, 192)}
    fires |= {9: (384, 48, 192), 10: (384, 64, 256), 12: (512, 64, 256)}
    for place, (inputs, squeezed, expanded) in fires.items():
        fire = f"features.{place}"
        found |= conv(f"{fire}.squeeze", inputs, squeezed, 1, bias=True)
        found |= conv(f"{fire}.expand1x1", squeezed, expanded, 1, bias=True)
        found |= conv(f"{fire}.expand3x3", squeezed, expanded, 3, bias=True)
    return found | conv("classifier.1", 512, classes, 1, bias=True)


def torchvision(classes: int = 1000) -> dict[str, Shapes]:
    """The models of torchvision that are written out here, by name."""
    return {
        **{f"vgg{n}{'_bn' if bn else ''}": vgg(n, norms=bn, classes=classes) for n in VGG for bn in (False, True)},
        **{f"resnet{n}": resnet(n, classes) for n in RESNET},
        "mobilenet_v2": mobilenet_v2(classes),
        "mobilenet_v3_small": mobilenet_v3_small(classes),
        "squeezenet1_0": squeezenet1_0(classes),
    }


def craft() -> Shapes:
    """CRAFT (clovaai/CRAFT-pytorch), saved from DataParallel: slices of VGG16 with BatchNorm, then its own layers."""
    found: Shapes = {}
    ends = {1: 12, 2: 19, 3: 29, 4: 39}
    for name, shape in vgg_features(16, norms=True).items():
        _, number, leaf = name.split(".")
        if int(number) < 39:
            part = next(k for k, end in ends.items() if int(number) < end)
            found[f"module.basenet.slice{part}.{number}.{leaf}"] = shape
    found |= conv("module.basenet.slice5.1", 512, 1024, 3, bias=True)
    found |= conv("module.basenet.slice5.2", 1024, 1024, 1, bias=True)
    found |= conv("module.upconv1.conv.0", 1536, 512, 1, bias=True) | norm("module.upconv1.conv.1", 512)
    return found | conv("module.conv_cls.0", 32, 32, 3, bias=True)


def random(shapes: Shapes, seed: int = 1) -> dict[str, Tensor]:
    """Small numbers that keep activations alive; variances are positive."""
    torch.manual_seed(seed)
    return dict(_random(shapes))


def _random(shapes: Shapes) -> Iterator[tuple[str, Tensor]]:
    for name, shape in shapes.items():
        if name.endswith("num_batches_tracked"):
            yield name, torch.tensor(7)
        elif name.endswith("running_var"):
            yield name, torch.rand(shape) + 0.5
        elif len(shape) == 1:
            yield name, torch.rand(shape) + (0.5 if name.endswith("weight") else -0.5)
        else:
            fan = shape[1] * (shape[2] * shape[3] if len(shape) == 4 else 1)
            yield name, torch.randn(shape) * (2 / fan) ** 0.5
