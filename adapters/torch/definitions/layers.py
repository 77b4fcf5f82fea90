"""A network that is described by data: the key `layers` of config.json lists its layers, and this file builds them.

It needs torch, safetensors for the weights and Pillow for pictures. Lying beside `model.safetensors`, `config.json` and
`preprocessor_config.json`, it is all that is needed:

    from PIL import Image
    from layers import classify, load

    model = load()                                   # the folder of this file, or load("some/folder")
    print(classify(model, Image.open("cat.jpg")))    # [("tabby", 0.71), ("tiger cat", 0.12), ...]

A description is one of three things:

- a string: one layer, such as `conv 64 128 3 padding=1`; `LAYERS` has every kind with its arguments;
- a list: layers in order, whose names are 0, 1, 2, …
- a mapping: layers by name. Its key `wiring` says how they are connected when that is not in order: a name is that
  layer, a list is one after another, `{add: [a, b]}`, `{cat: [a, b]}` and `{times: [a, b]}` give the sum, the
  channels side by side and the product of what a and b make of the same input. An empty list gives the input itself.

The features are the output of the last layer; maps are averaged over pixels.
"""

from __future__ import annotations

import json
import threading
from collections.abc import Callable, Iterator, Mapping
from pathlib import Path
from typing import TYPE_CHECKING, Any

import torch
import torch.nn.functional as F  # noqa: N812 - as everyone writes it
from safetensors.torch import load_file
from torch import Tensor, nn

if TYPE_CHECKING:
    from PIL.Image import Image

HERE = Path(__file__).resolve().parent


class SameConv2d(nn.Conv2d):
    """A convolution with TensorFlow's SAME padding: the odd pixel goes to the right and to the bottom."""

    def forward(self, x: Tensor) -> Tensor:
        amounts: list[int] = []
        for size, kernel, stride in zip(x.shape[:1:-1], self.kernel_size[::-1], self.stride[::-1], strict=True):
            total = max((-(-size // stride) - 1) * stride + kernel - size, 0)
            amounts += [total // 2, total - total // 2]
        return super().forward(F.pad(x, amounts))


def _conv(inputs: int, outputs: int, kernel: Any, **options: Any) -> nn.Module:
    same = options.get("padding") == "same"
    made: nn.Module = (SameConv2d if same else nn.Conv2d)(
        inputs,
        outputs,
        kernel,
        stride=options.get("stride", 1),
        padding=0 if same else options.get("padding", 0),
        dilation=options.get("dilation", 1),
        groups=options.get("groups", 1),
        bias=options.get("bias", True),
    )
    return made


LAYERS: dict[str, Callable[..., nn.Module]] = {
    "conv": _conv,  # inputs outputs kernel; stride, padding (a number or same), dilation, groups, bias=no
    "norm": lambda width, eps=1e-5, momentum=0.1: nn.BatchNorm2d(width, eps=eps, momentum=momentum),
    "linear": lambda inputs, outputs, bias=True: nn.Linear(inputs, outputs, bias=bias),
    "relu": nn.ReLU,
    "relu6": nn.ReLU6,
    "hardswish": nn.Hardswish,
    "hardsigmoid": nn.Hardsigmoid,
    "sigmoid": nn.Sigmoid,
    "silu": nn.SiLU,
    "gelu": nn.GELU,
    "max_pool": lambda size, stride=None, padding=0, ceil=False: nn.MaxPool2d(size, stride, padding, ceil_mode=ceil),
    "avg_pool": lambda size, stride=None, padding=0, count_padding=True: nn.AvgPool2d(
        size, stride, padding, count_include_pad=count_padding
    ),
    "resize_pool": nn.AdaptiveAvgPool2d,  # to size x size
    "mean": lambda: nn.Sequential(nn.AdaptiveAvgPool2d(1), nn.Flatten(1)),  # over pixels
    "flatten": lambda: nn.Flatten(1),
    "dropout": lambda share=0.5: nn.Dropout(share),
    "local_norm": lambda size, alpha=1e-4, beta=0.75, k=1.0: nn.LocalResponseNorm(size, alpha, beta, k),
}
"""Every kind of layer. Sizes are numbers, or two joined by x, height first, such as 1x7."""
_JOINED: dict[str, Callable[[list[Tensor]], Tensor]] = {
    "add": lambda parts: torch.stack(parts).sum(0) if len(parts) > 2 else parts[0] + parts[1],
    "cat": lambda parts: torch.cat(parts, 1),
    "times": lambda parts: parts[0] * parts[1],
}


def _value(text: str) -> Any:
    """`3` -> 3, `1x7` -> (1, 7), `1e-3` -> 0.001, `no` -> False; other words stay."""
    if text in {"yes", "no"}:
        return text == "yes"
    try:
        return tuple(int(part) for part in text.split("x")) if "x" in text else int(text)
    except ValueError:
        pass
    try:
        return float(text)
    except ValueError:
        return text


def build(description: Any) -> nn.Module:
    """The module that `description` stands for. Raises: ValueError naming what is not understood."""
    if isinstance(description, list):
        return nn.Sequential(*(build(part) for part in description))
    if isinstance(description, Mapping):
        return Wired(description)
    kind, *words = str(description).split()
    if kind not in LAYERS:
        raise ValueError(f"there is no layer {kind!r}: there are {', '.join(LAYERS)}")
    options = dict(word.split("=", 1) for word in words if "=" in word)
    try:
        return LAYERS[kind](
            *(_value(word) for word in words if "=" not in word), **{key: _value(v) for key, v in options.items()}
        )
    except (TypeError, RuntimeError) as error:
        raise ValueError(f"the layer {description!r} cannot be made: {error}") from error


def wiring_of(description: Mapping[str, Any]) -> Any:
    """How the layers of a mapping are connected: as it says, or in order. Raises: ValueError."""
    names = [str(name) for name in description if name != "wiring"]
    wiring = description.get("wiring", names)
    used = list(_names(wiring))
    if strange := sorted({*used} ^ {*names}):
        raise ValueError(f"the wiring and the layers {', '.join(names)} disagree about {strange[0]!r}")
    return wiring


def _names(step: Any) -> Iterator[str]:
    """Every layer that a wiring names, in order. Raises: ValueError for a wiring that is not understood."""
    if isinstance(step, str):
        yield step
        return
    if isinstance(step, Mapping):
        ((how, step),) = step.items() if len(step) == 1 else (("", None),)
        if how not in _JOINED or not isinstance(step, list) or len(step) < 2:
            raise ValueError(f"a wiring joins a list of two or more by {', '.join(_JOINED)}")
    if not isinstance(step, list):
        raise ValueError(f"a wiring is a name, a list or a mapping, not {step!r}"[:200])  # noqa: TRY004 - as the rest
    for one in step:
        yield from _names(one)


def _run(module: nn.Module, step: Any, x: Tensor) -> Tensor:
    """`x` through the layers of `module` that `step` names."""
    if isinstance(step, str):
        y: Tensor = module.get_submodule(step)(x)
        return y
    if isinstance(step, list):
        for one in step:
            x = _run(module, one, x)
        return x
    ((how, parts),) = step.items()
    return _JOINED[how]([_run(module, part, x) for part in parts])


class Wired(nn.Module):
    """Named layers, connected as their description says; they are kept in the order in which the wiring names them."""

    def __init__(self, description: Mapping[str, Any]) -> None:
        super().__init__()
        self.wiring = wiring_of(description)
        for name in dict.fromkeys(_names(self.wiring)):
            self.add_module(name, build(description[name]))

    def forward(self, x: Tensor) -> Tensor:
        return _run(self, self.wiring, x)


class ConvolutionHead(nn.Sequential):
    """SqueezeNet's head: scores at every place, then their average."""

    def __init__(self, inputs: int, classes: int) -> None:
        super().__init__(
            nn.Dropout(0.5), nn.Conv2d(inputs, classes, 1), nn.ReLU(), nn.AdaptiveAvgPool2d(1), nn.Flatten(1)
        )


class Layers(Wired):
    """Pictures [N, 3, H, W] to scores [N, classes]. With `classifier = nn.Identity()`: to features [N, width]."""

    def __init__(self, layers: Mapping[str, Any], classifier: nn.Module) -> None:
        super().__init__(layers)
        self.classifier = classifier

    def forward(self, x: Tensor) -> Tensor:
        x = super().forward(x)
        if x.ndim == 4 and not isinstance(self.classifier, ConvolutionHead):
            x = x.mean((2, 3))
        scores: Tensor = self.classifier(x)
        return scores


def make_head(config: dict[str, Any]) -> nn.Module:
    """The classifier that `config` asks for: `linear`, `mlp`, `convolution` (SqueezeNet's), or `none` for features."""
    head = config.get("head") or {"kind": "none"}
    classes, hidden = int(config.get("num_labels", 1000)), int(head.get("hidden", 256))
    dim = int(head.get("width", config["features"]))
    if head["kind"] == "none":
        return nn.Identity()
    if head["kind"] == "convolution":
        return ConvolutionHead(dim, classes)
    if head["kind"] == "linear":
        return nn.Linear(dim, classes)
    dropout = nn.Dropout(float(head.get("dropout", 0.0)))
    return nn.Sequential(nn.Linear(dim, hidden), nn.ReLU(), dropout, nn.Linear(hidden, classes))


def _pooled(maps: Tensor) -> Tensor:
    return maps.mean((2, 3)) if maps.ndim == 4 else maps


def read_inside(model: nn.Module, config: dict[str, Any]) -> None:
    """Where `config` names modules under `head.reads`, the classifier takes in the mean of their averages over pixels.

    What comes out at the end is then left aside. Modules are heard by the thread that runs them.
    """
    names, heard = (config.get("head") or {}).get("reads", []), threading.local()

    def listen(name: str) -> None:
        part = model.get_submodule(name)
        part.register_forward_hook(lambda _part, _inputs, maps: setattr(heard, name, _pooled(maps)))

    for name in names:
        listen(name)
    if names:
        means = lambda *_: torch.stack([getattr(heard, name) for name in names]).mean(0)  # noqa: E731 - a hook
        model.get_submodule("classifier").register_forward_pre_hook(means)


def load(folder: str | Path = HERE) -> Layers:
    """The model of `folder` in eval mode; a RuntimeError names the tensors that do not fit."""
    config = json.loads((Path(folder) / "config.json").read_text())
    model = Layers(config["layers"], make_head(config))
    model.load_state_dict(load_file(Path(folder) / "model.safetensors"))
    read_inside(model, config)
    return model.eval()


def preprocess(image: Image, folder: str | Path = HERE) -> Tensor:
    """A picture as the model wants it: [3, height, width], float32."""
    from PIL import ImageOps  # noqa: PLC0415 -- only pictures need it

    settings: dict[str, Any] = json.loads((Path(folder) / "preprocessor_config.json").read_text())
    if image.mode[0] in "IF":
        raise ValueError("Scale the greys to 8 bits first: convert() would clip them")
    image, filtering = ImageOps.exif_transpose(image).convert("RGB"), settings["resample"]
    if settings["do_center_crop"]:  # the shorter edge to a length, then the middle
        edge, crop = settings["size"]["shortest_edge"], settings["crop_size"]
        short, long = sorted(image.size)
        other = int(edge * long / short)
        image = image.resize((edge, other) if image.width <= image.height else (other, edge), resample=filtering)
        left, top = (image.width - crop["width"]) // 2, (image.height - crop["height"]) // 2
        image = image.crop((left, top, left + crop["width"], top + crop["height"]))
    else:
        image = image.resize((settings["size"]["width"], settings["size"]["height"]), resample=filtering)
    pixels = torch.frombuffer(bytearray(image.tobytes()), dtype=torch.uint8).view(image.height, image.width, 3)
    x = pixels.permute(2, 0, 1).to(torch.float32) * settings["rescale_factor"]
    x = x.flip(0) if settings["do_flip_channel_order"] else x
    mean, std = (torch.tensor(settings[key]).view(3, 1, 1) for key in ("image_mean", "image_std"))
    y: Tensor = (x - mean) / std
    return y.contiguous()


def classify(model: nn.Module, image: Image, folder: str | Path = HERE, top: int = 5) -> list[tuple[str, float]]:
    """The `top` classes of one picture with their probabilities, best first."""
    names = json.loads((Path(folder) / "config.json").read_text()).get("id2label", {})
    with torch.inference_mode():
        shares = model(preprocess(image, folder).unsqueeze(0)).softmax(1)[0]
    best = shares.topk(min(top, len(shares)))
    return [(names.get(str(i), str(i)), p) for p, i in zip(best.values.tolist(), best.indices.tolist(), strict=True)]
