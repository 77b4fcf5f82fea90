"""Families of networks, written out as descriptions of layers for `adapters.torch.definitions.layers`.

Each function takes the few numbers in which the members of a family differ, which `architectures.yaml` lists, and gives
the layers by name. Names are torchvision's (EfficientNet-Lite: timm's), but for the fully connected layers before the
last, which are called `fc`, because `classifier` is the head.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from math import ceil
from typing import Any

Description = dict[str, Any]
"""Layers by name, in order."""


def vgg(blocks: Sequence[Sequence[int]], *, norm: bool = False, fc: bool = False) -> Description:
    """VGG (arXiv 1409.1556): channels of the convolutions before each pooling; with `fc` the two layers of 4,096."""
    layers: list[Any] = []
    inputs = 3
    for block in blocks:
        for outputs in block:
            layers += [f"conv {inputs} {outputs} 3 padding=1", *([f"norm {outputs}"] if norm else []), "relu"]
            inputs = outputs
        layers.append("max_pool 2")
    if not fc:
        return {"features": layers}
    dense = [f"linear {inputs * 49} 4096", "relu", "dropout 0.5", "linear 4096 4096", "relu", "dropout 0.5"]
    return {"features": layers, "pool": "resize_pool 7", "flat": "flatten", "fc": dense}


def squeezenet(first: Sequence[int], stages: Sequence[Sequence[Sequence[int]]]) -> Description:
    """SqueezeNet (arXiv 1602.07360): channels and kernel of the first layer, then (inputs, squeezed, expanded)."""
    width, kernel = first
    layers: list[Any] = [f"conv 3 {width} {kernel} stride=2", "relu"]
    for stage in stages:
        layers.append("max_pool 3 stride=2 ceil=yes")
        for inputs, squeezed, expanded in stage:
            layers.append({
                "squeeze": f"conv {inputs} {squeezed} 1",
                "squeeze_activation": "relu",
                "expand1x1": f"conv {squeezed} {expanded} 1",
                "expand3x3": f"conv {squeezed} {expanded} 3 padding=1",
                "expand_activation": "relu",
                "wiring": ["squeeze", "squeeze_activation", {"cat": ["expand1x1", "expand3x3"]}, "expand_activation"],
            })  # fmt: skip
    return {"features": layers}


# --- MobileNetV3 ---------------------------------------------------------------------------------------------------

_V3 = "eps=0.001 momentum=0.01"


def _even(channels: float, least: int = 8) -> int:
    """The nearest multiple of eight, not more than a tenth below `channels`."""
    found = max(least, int(channels + 4) // 8 * 8)
    return found + 8 if found < 0.9 * channels else found


def mobilenet_v3(rows: Sequence[Sequence[Any]], fc: int) -> Description:
    """MobileNetV3 (arXiv 1905.02244). A row: inputs, kernel, expanded, outputs, squeezes, activation, stride."""
    layers: list[Any] = [_unit(3, 16, 3, "hardswish", stride=2)]
    layers += [_v3_block(*row) for row in rows]
    last = rows[-1][3]
    layers.append(_unit(last, 6 * last, 1, "hardswish"))
    return {"features": layers, "pool": "mean", "fc": [f"linear {6 * last} {fc}", "hardswish", "dropout 0.2"]}


def _unit(inputs: int, outputs: int, kernel: int, act: str = "", *, stride: int = 1, groups: int = 1) -> list[Any]:
    conv = f"conv {inputs} {outputs} {kernel} stride={stride} padding={kernel // 2} groups={groups} bias=no"
    return [conv, f"norm {outputs} {_V3}", *([act] if act else [])]


def _v3_block(inputs: int, kernel: int, inner: int, outputs: int, squeezes: bool, act: str, stride: int) -> Description:
    block: list[Any] = [] if inner == inputs else [_unit(inputs, inner, 1, act)]
    block.append(_unit(inner, inner, kernel, act, stride=stride, groups=inner))
    if squeezes:
        squeezed = _even(inner // 4)
        block.append({
            "avgpool": "resize_pool 1",
            "fc1": f"conv {inner} {squeezed} 1",
            "activation": "relu",
            "fc2": f"conv {squeezed} {inner} 1",
            "scale_activation": "hardsigmoid",
            "wiring": {"times": [[], ["avgpool", "fc1", "activation", "fc2", "scale_activation"]]},
        })  # fmt: skip
    block.append(_unit(inner, outputs, 1))
    wiring: Any = {"add": [[], "block"]} if stride == 1 and inputs == outputs else ["block"]
    return {"block": block, "wiring": wiring}


# --- EfficientNet-Lite ---------------------------------------------------------------------------------------------

_LITE_ROWS = (
    (1, 3, 1, 1, 32, 16),
    (2, 3, 2, 6, 16, 24),
    (2, 5, 2, 6, 24, 40),
    (3, 3, 2, 6, 40, 80),
    (3, 5, 1, 6, 80, 112),
    (4, 5, 2, 6, 112, 192),
    (1, 3, 1, 6, 192, 320),
)
"""Repeats, kernel, stride, expansion, inputs, outputs of EfficientNet-Lite0."""
_LITE = "eps=0.001 momentum=0.01"


def lite_repeats(depth: float) -> list[int]:
    """Blocks of each stage: the first and the last stage keep theirs."""
    return [n if i in {0, 6} else ceil(n * depth) for i, (n, *_) in enumerate(_LITE_ROWS)]


def efficientnet_lite(width: float, depth: float) -> Description:
    """EfficientNet-Lite (Google, 2020), whose first layer has 32 and last 1,280 channels at every width."""
    stages: list[Any] = []
    inputs = 32
    for repeats, (_, kernel, stride, expansion, _, base) in zip(lite_repeats(depth), _LITE_ROWS, strict=True):
        outputs = _even(base * width)
        blocks = []
        for i in range(repeats):
            blocks.append(_lite_block(inputs, outputs, kernel, stride if i == 0 else 1, expansion))
            inputs = outputs
        stages.append(blocks)
    stem = {"conv_stem": "conv 3 32 3 stride=2 padding=same bias=no", "bn1": f"norm 32 {_LITE}", "act1": "relu6"}
    end = {"conv_head": f"conv {inputs} 1280 1 bias=no", "bn2": f"norm 1280 {_LITE}", "act2": "relu6"}
    return {**stem, "blocks": stages, **end}


def _lite_block(inputs: int, outputs: int, kernel: int, stride: int, expansion: int) -> Description:
    inner = inputs * expansion
    depthwise = f"conv {inner} {inner} {kernel} stride={stride} padding=same groups={inner} bias=no"
    if expansion == 1:
        return {
            "conv_dw": depthwise, "bn1": f"norm {inner} {_LITE}", "act1": "relu6",
            "conv_pw": f"conv {inner} {outputs} 1 bias=no", "bn2": f"norm {outputs} {_LITE}",
        }  # fmt: skip
    parts: Description = {
        "conv_pw": f"conv {inputs} {inner} 1 bias=no", "bn1": f"norm {inner} {_LITE}", "act1": "relu6",
        "conv_dw": depthwise, "bn2": f"norm {inner} {_LITE}", "act2": "relu6",
        "conv_pwl": f"conv {inner} {outputs} 1 bias=no", "bn3": f"norm {outputs} {_LITE}",
    }  # fmt: skip
    if stride == 1 and inputs == outputs:
        parts["wiring"] = {"add": [[], list(parts)]}
    return parts


# --- Inception v3 --------------------------------------------------------------------------------------------------


def _basic(inputs: int, outputs: int, kernel: str, options: str = "") -> Description:
    conv = f"conv {inputs} {outputs} {kernel} {options} bias=no".replace("  ", " ")
    return {"conv": conv, "bn": f"norm {outputs} eps=0.001", "activation": "relu"}


def _chain(start: str, inputs: int, *units: tuple[int, str, str]) -> Description:
    """Units called `start`_1, `start`_2, …: (channels, kernel, options)."""
    found: Description = {}
    for number, (outputs, kernel, options) in enumerate(units, start=1):
        found[f"{start}_{number}"] = _basic(inputs, outputs, kernel, options)
        inputs = outputs
    return found


def _side(pool: str, *branches: Description) -> Description:
    """Branches side by side; the last begins with `pool`."""
    *first, last = branches
    parts = {name: unit for branch in branches for name, unit in branch.items()}
    return {"pool": pool, **parts, "wiring": {"cat": [*(list(branch) for branch in first), ["pool", *last]]}}


_WIDE, _HIGH, _AROUND = ("1x7", "padding=0x3"), ("7x1", "padding=3x0"), "avg_pool 3 stride=1 padding=1"


def _mixed_5(inputs: int, pool: int) -> Description:
    return _side(
        _AROUND,
        {"branch1x1": _basic(inputs, 64, "1")},
        _chain("branch5x5", inputs, (48, "1", ""), (64, "5", "padding=2")),
        _chain("branch3x3dbl", inputs, (64, "1", ""), (96, "3", "padding=1"), (96, "3", "padding=1")),
        {"branch_pool": _basic(inputs, pool, "1")},
    )


def _mixed_6(width: int) -> Description:
    return _side(
        _AROUND,
        {"branch1x1": _basic(768, 192, "1")},
        _chain("branch7x7", 768, (width, "1", ""), (width, *_WIDE), (192, *_HIGH)),
        _chain("branch7x7dbl", 768, (width, "1", ""), (width, *_HIGH), (width, *_WIDE), (width, *_HIGH), (192, *_WIDE)),
        {"branch_pool": _basic(768, 192, "1")},
    )


def _mixed_7(inputs: int) -> Description:
    def halves(start: str, lead: Description) -> tuple[Description, list[Any]]:
        wide, high = _basic(384, 384, "1x3", "padding=0x1"), _basic(384, 384, "3x1", "padding=1x0")
        ends = {f"{start}a": wide, f"{start}b": high}
        return {**lead, **ends}, [*lead, {"cat": list(ends)}]

    one, short = halves("branch3x3_2", _chain("branch3x3", inputs, (384, "1", "")))
    two, long = halves("branch3x3dbl_3", _chain("branch3x3dbl", inputs, (448, "1", ""), (384, "3", "padding=1")))
    pool = _basic(inputs, 192, "1")
    parts = {"branch1x1": _basic(inputs, 320, "1"), **one, **two, "pool": _AROUND, "branch_pool": pool}
    return {**parts, "wiring": {"cat": ["branch1x1", short, long, ["pool", "branch_pool"]]}}


def inception_v3() -> Description:
    """Inception v3 (arXiv 1512.00567) as torchvision builds it: averages count the padding."""
    stem = {
        "Conv2d_1a_3x3": _basic(3, 32, "3", "stride=2"),
        "Conv2d_2a_3x3": _basic(32, 32, "3"),
        "Conv2d_2b_3x3": _basic(32, 64, "3", "padding=1"),
        "maxpool1": "max_pool 3 stride=2",
        "Conv2d_3b_1x1": _basic(64, 80, "1"),
        "Conv2d_4a_3x3": _basic(80, 192, "3"),
        "maxpool2": "max_pool 3 stride=2",
    }
    down = "max_pool 3 stride=2"
    double = _chain("branch3x3dbl", 288, (64, "1", ""), (96, "3", "padding=1"), (96, "3", "stride=2"))
    seven = _chain("branch7x7x3", 768, (192, "1", ""), (192, *_WIDE), (192, *_HIGH), (192, "3", "stride=2"))
    three = _chain("branch3x3", 768, (192, "1", ""), (320, "3", "stride=2"))
    return {
        **stem,
        "Mixed_5b": _mixed_5(192, 32),
        "Mixed_5c": _mixed_5(256, 64),
        "Mixed_5d": _mixed_5(288, 64),
        "Mixed_6a": _side(down, {"branch3x3": _basic(288, 384, "3", "stride=2")}, double, {}),
        **{f"Mixed_6{letter}": _mixed_6(width) for letter, width in zip("bcde", (128, 160, 160, 192), strict=True)},
        "Mixed_7a": _side(down, three, seven, {}),
        "Mixed_7b": _mixed_7(1280),
        "Mixed_7c": _mixed_7(2048),
    }


FAMILIES: Mapping[str, Callable[..., Description]] = {
    family.__name__: family for family in (vgg, squeezenet, mobilenet_v3, efficientnet_lite, inception_v3)
}
"""What the key `family` of `architectures.yaml` may name."""
