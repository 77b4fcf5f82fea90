"""Known architectures of bare weights: our names for the tensors of foreign state dicts, and each model's settings.

A layout maps each foreign name to ours. Where several layouts are in use for one architecture (the original
authors', torchvision's old and new, timm's), the first one that knows every name is used.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any

Layout = Callable[[str], str | None]
"""Our name of a foreign tensor; None when the layout does not know it."""


# --- EfficientNet-Lite ---------------------------------------------------------------------------------------------

LITE0_REPEATS = (1, 2, 2, 3, 3, 4, 1)
_LITE_SIMPLE = {"_conv_stem": "conv_stem", "_bn0": "bn1", "_conv_head": "conv_head", "_bn1": "bn2", "_fc": "classifier"}
_LITE_FIRST = {"_depthwise_conv": "conv_dw", "_bn1": "bn1", "_project_conv": "conv_pw", "_bn2": "bn2"}
_LITE_BLOCK = {
    "_expand_conv": "conv_pw",
    "_bn0": "bn1",
    "_depthwise_conv": "conv_dw",
    "_bn1": "bn2",
    "_project_conv": "conv_pwl",
    "_bn2": "bn3",
}


def lite_original(name: str) -> str | None:
    """`_blocks.3._expand_conv.weight` -> `blocks.2.0.conv_pw.weight`: the PyTorch port's flat names to timm's."""
    return _lite_flat(name, LITE0_REPEATS)


def _lite_flat(name: str, repeats: Sequence[int]) -> str | None:
    starts = [sum(repeats[:i]) for i in range(len(repeats))]
    block = re.fullmatch(r"_blocks\.(\d+)\.(_\w+)\.(\w+)", name)
    if block is None:
        module, _, leaf = name.rpartition(".")
        return f"{_LITE_SIMPLE[module]}.{leaf}" if module in _LITE_SIMPLE else None
    number, module, leaf = int(block[1]), block[2], block[3]
    table = _LITE_FIRST if number == 0 else _LITE_BLOCK
    if number >= sum(repeats) or module not in table:
        return None
    stage = max(i for i, start in enumerate(starts) if start <= number)
    return f"blocks.{stage}.{number - starts[stage]}.{table[module]}.{leaf}"


def lite_timm(name: str) -> str | None:
    """Timm's names, which are also ours."""
    return name if re.match(r"(conv_stem|bn1|bn2|blocks\.\d\.\d|conv_head|classifier)\.", name) else None


# --- MobileNetV2 ---------------------------------------------------------------------------------------------------

_PAIR = {"0": "convolution", "1": "normalization"}
_STEM = ("conv_3x3", "reduce_1x1")
_BLOCK = ("expand_1x1", "conv_3x3", "reduce_1x1")


def _mobilenet(name: str, inside: Callable[[str, tuple[str, ...]], str | None]) -> str | None:
    """The outer names of torchvision; `inside` reads what follows `conv.` in a block made of `parts`."""
    match = re.fullmatch(r"features\.(\d+)\.(.+)\.(\w+)", name)
    if match is None:
        return re.sub(r"^classifier(\.1)?\.(weight|bias)$", r"classifier.\2", name) if "classifier" in name else None
    number, inner, leaf = int(match[1]), match[2], match[3]
    if number in {0, 18}:
        place = "conv_stem.first_conv" if number == 0 else "conv_1x1"
        return f"{place}.{_PAIR[inner]}.{leaf}" if inner in _PAIR else None
    if number > 18 or not inner.startswith("conv."):
        return None
    found = inside(inner.removeprefix("conv."), _STEM if number == 1 else _BLOCK)
    place = "conv_stem" if number == 1 else f"layer.{number - 2}"
    return None if found is None else f"{place}.{found}.{leaf}"


def mobilenet_flat(name: str) -> str | None:
    """Older names: a block numbers its convolutions, norms and activations: `conv.3` is the second convolution."""

    def inside(rest: str, parts: tuple[str, ...]) -> str | None:
        if not rest.isdecimal() or int(rest) // 3 >= len(parts) or int(rest) % 3 == 2:
            return None
        return f"{parts[int(rest) // 3]}.{_PAIR[str(int(rest) % 3)]}"

    return _mobilenet(name, inside)


def mobilenet_torchvision(name: str) -> str | None:
    """Newer names: each convolution forms a group with its norm, except the last: `conv.1.0`, then `conv.2`."""

    def inside(rest: str, parts: tuple[str, ...]) -> str | None:
        last = len(parts) - 1
        if rest in {str(last), str(last + 1)}:
            return f"{parts[last]}.{_PAIR[str(int(rest) - last)]}"
        group, _, place = rest.partition(".")
        known = group.isdecimal() and int(group) < last and place in _PAIR
        return f"{parts[int(group)]}.{_PAIR[place]}" if known else None

    return _mobilenet(name, inside)


# --- ResNet --------------------------------------------------------------------------------------------------------

_RESNET_SIMPLE = {
    "conv1": "embedder.embedder.convolution",
    "bn1": "embedder.embedder.normalization",
    "fc": "classifier.1",
}
_RESNET_KINDS = {"conv": "convolution", "bn": "normalization", "0": "convolution", "1": "normalization"}


def resnet_torchvision(name: str) -> str | None:
    """`layer2.0.conv1.weight` -> `encoder.stages.1.layers.0.layer.0.convolution.weight`; timm has the same names."""
    module, _, leaf = name.rpartition(".")
    if module in _RESNET_SIMPLE:
        return f"{_RESNET_SIMPLE[module]}.{leaf}"
    match = re.fullmatch(r"layer([1-4])\.(\d+)\.(?:(conv|bn)([123])|downsample\.([01]))", module)
    if match is None:
        return None
    stage, block, kind, number, shortcut = match.groups()
    place = f"encoder.stages.{int(stage) - 1}.layers.{block}"
    if shortcut is not None:
        return f"{place}.shortcut.{_RESNET_KINDS[shortcut]}.{leaf}"
    return f"{place}.layer.{int(number) - 1}.{_RESNET_KINDS[kind]}.{leaf}"


def resnet_numbered(name: str) -> str | None:
    """`nn.Sequential(*model.children())`: 0 is conv1, 1 is bn1, 4 to 7 are the stages."""
    number, _, rest = name.partition(".")
    if number in {"4", "5", "6", "7"}:
        return resnet_torchvision(f"layer{int(number) - 3}.{rest}")
    return resnet_torchvision(f"{'conv1' if number == '0' else 'bn1'}.{rest}") if number in {"0", "1"} else None


# --- SqueezeNet 1.1 ------------------------------------------------------------------------------------------------


def squeezenet_bare(name: str) -> str | None:
    """`3.squeeze.weight` -> `features.3.squeeze.weight`: the features saved alone."""
    return f"features.{name}" if name[:1].isdigit() else None


# --- networks whose names are ours -----------------------------------------------------------------------------------


def own_names(name: str) -> str | None:
    """Keeps every name; the comparison with the architecture follows later."""
    return name


NAMINGS: Mapping[str, Callable[[Sequence[int]], tuple[Layout, ...]]] = {
    "resnet": lambda _: (resnet_torchvision, resnet_numbered),
    "mobilenet_v2": lambda _: (mobilenet_flat, mobilenet_torchvision),
    "efficientnet_lite": lambda repeats: (lambda name: _lite_flat(name, repeats), lite_timm),
}
"""What the key `naming` of `architectures.yaml` may say: names in use, given the blocks of each stage."""


# --- the table -----------------------------------------------------------------------------------------------------


def _pictures(
    mean: tuple[float, ...],
    std: tuple[float, ...],
    resample: int = 2,
    *,
    side: int = 224,
    rescale: float = 1 / 255,
    bgr: bool = False,
) -> dict[str, Any]:
    """The Hub's preprocessor_config.json for a square of `side` pixels, to which images are stretched, not cropped."""
    return {
        "do_center_crop": False,
        "do_convert_rgb": True,
        "do_flip_channel_order": bgr,
        "do_normalize": True,
        "do_rescale": True,
        "do_resize": True,
        "image_mean": list(mean),
        "image_std": list(std),
        "resample": resample,
        "rescale_factor": rescale,
        "size": {"height": side, "width": side},
    }


BYTES_AROUND_127 = _pictures((127 / 255,) * 3, (128 / 255,) * 3, resample=3)
"""(x - 127) / 128 for bytes x, bicubic: what the EfficientNet-Lite models were trained with."""
IMAGENET = _pictures((0.485, 0.456, 0.406), (0.229, 0.224, 0.225))
"""ImageNet's mean and deviation, bilinear: what torchvision's models were trained with."""
INCEPTION = _pictures((0.5,) * 3, (0.5,) * 3, side=299)
"""-1 to 1: what Google's and Keras's own Inception v3 was trained with."""
SHARES = _pictures((0.0,) * 3, (1.0,) * 3, side=299)
"""0 to 1: what nsfwjs feeds its Inception v3 with."""


def caffe(means: tuple[float, float, float], side: int = 224) -> dict[str, Any]:
    """Bytes in the order blue, green, red, less `means` in that order: what Caffe's models were trained with."""
    return _pictures(means, (1.0,) * 3, side=side, rescale=1.0, bgr=True)


PICTURES: Mapping[str, Mapping[str, Any]] = {
    "imagenet": IMAGENET,
    "bytes_around_127": BYTES_AROUND_127,
    "minus_one_to_one": INCEPTION,
    "zero_to_one": SHARES,
}
"""What the key `pictures` of `architectures.yaml` may name."""
CAFFE_MEANS = (103.939, 116.779, 123.68)
"""ImageNet's means as the VGG group published them; blue, green, red."""
OPEN_NSFW_MEANS = (104.0, 117.0, 123.0)


@dataclass(frozen=True, slots=True)
class Known:
    """An architecture that bare weights may be imported as.

    `outputs` is the tensor whose first dimension is the number of classes, `head` the kind of head that it belongs to.
    """

    name: str
    layouts: tuple[Layout, ...]
    preprocessor: Mapping[str, Any]
    outputs: str
    head: str = "linear"
    config: Mapping[str, Any] = field(default_factory=dict)


KNOWN: Mapping[str, Known] = {
    known.name: known
    for known in (
        Known("efficientnet_lite0", (lite_original, lite_timm), BYTES_AROUND_127, "classifier.weight"),
        Known("squeezenet1_1", (own_names, squeezenet_bare), IMAGENET, "classifier.1.weight", head="convolution"),
        Known("inception_v3", (own_names,), INCEPTION, "classifier.weight"),
        Known("inception_v3_mixed4", (own_names,), INCEPTION, "classifier.weight"),
        Known("resnet50_thin", (own_names,), caffe(OPEN_NSFW_MEANS), "classifier.weight"),
        Known("vgg16", (own_names,), IMAGENET, "classifier.weight"),
        Known("vgg16_pool4", (own_names,), IMAGENET, "classifier.weight"),
    )
}
