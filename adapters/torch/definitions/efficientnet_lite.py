"""EfficientNet-Lite0 in one file: needs torch, safetensors for the weights and Pillow for pictures.

Lying beside `model.safetensors`, `config.json` and `preprocessor_config.json`, it is all that is needed:

    from PIL import Image
    from efficientnet_lite import classify, load

    model = load()                                   # the folder of this file, or load("some/folder")
    print(classify(model, Image.open("cat.jpg")))    # [("tabby", 0.71), ("tiger cat", 0.12), ...]

The network is EfficientNet-B0 without squeeze-and-excitation and with ReLU6 (Tan and Le, arXiv 1905.11946, and the
EfficientNet-Lite note of the TensorFlow TPU project): TensorFlow's SAME padding, BatchNorm with eps 1e-3, input
(x - 127) / 128 for bytes x. Tensors are named as timm names them in `tf_efficientnet_lite0`.
"""

from __future__ import annotations

import json
import threading
from pathlib import Path
from typing import TYPE_CHECKING, Any

import torch
import torch.nn.functional as F  # noqa: N812 - as everyone writes it
from safetensors.torch import load_file
from torch import Tensor, nn

if TYPE_CHECKING:
    from PIL.Image import Image

HERE = Path(__file__).resolve().parent

STAGES = (
    # repeats, kernel, stride, expansion, channels in, channels out
    (1, 3, 1, 1, 32, 16),
    (2, 3, 2, 6, 16, 24),
    (2, 5, 2, 6, 24, 40),
    (3, 3, 2, 6, 40, 80),
    (3, 5, 1, 6, 80, 112),
    (4, 5, 2, 6, 112, 192),
    (1, 3, 1, 6, 192, 320),
)
DIM = 1280


class SameConv2d(nn.Conv2d):
    """A convolution without bias that pads as TensorFlow's SAME does: the odd pixel goes to the right and below."""

    def __init__(self, inputs: int, outputs: int, kernel: int, stride: int = 1, groups: int = 1) -> None:
        super().__init__(inputs, outputs, kernel, stride, groups=groups, bias=False)

    def forward(self, x: Tensor) -> Tensor:
        kernel, stride = self.kernel_size[0], self.stride[0]
        if kernel > 1:
            high, wide = (max((-(-side // stride) - 1) * stride + kernel - side, 0) for side in x.shape[-2:])
            x = F.pad(x, (wide // 2, wide - wide // 2, high // 2, high - high // 2))
        return super().forward(x)


def norm(channels: int) -> nn.BatchNorm2d:
    """BatchNorm as trained: eps 1e-3, and a momentum of 0.01 (TensorFlow's decay of 0.99)."""
    return nn.BatchNorm2d(channels, eps=1e-3, momentum=0.01)


class Separable(nn.Module):
    """Depthwise convolution, then a pointwise one without activation."""

    def __init__(self, inputs: int, outputs: int, kernel: int, stride: int) -> None:
        super().__init__()
        self.conv_dw, self.bn1 = SameConv2d(inputs, inputs, kernel, stride, groups=inputs), norm(inputs)
        self.conv_pw, self.bn2 = SameConv2d(inputs, outputs, 1), norm(outputs)

    def forward(self, x: Tensor) -> Tensor:
        x = F.relu6(self.bn1(self.conv_dw(x)))
        y: Tensor = self.bn2(self.conv_pw(x))
        return y


class Inverted(nn.Module):
    """Expand, depthwise, project; added to its input where shapes allow."""

    def __init__(self, inputs: int, outputs: int, kernel: int, stride: int, expansion: int) -> None:
        super().__init__()
        inner = inputs * expansion
        self.skip = stride == 1 and inputs == outputs
        self.conv_pw, self.bn1 = SameConv2d(inputs, inner, 1), norm(inner)
        self.conv_dw, self.bn2 = SameConv2d(inner, inner, kernel, stride, groups=inner), norm(inner)
        self.conv_pwl, self.bn3 = SameConv2d(inner, outputs, 1), norm(outputs)

    def forward(self, x: Tensor) -> Tensor:
        y: Tensor = F.relu6(self.bn1(self.conv_pw(x)))
        y = F.relu6(self.bn2(self.conv_dw(y)))
        y = self.bn3(self.conv_pwl(y))
        return x + y if self.skip else y


class EfficientNetLite0(nn.Module):
    """Pictures [N, 3, H, W] to scores [N, classes]. With `classifier = nn.Identity()`: to features [N, 1280]."""

    dim = DIM

    def __init__(self, classifier: nn.Module) -> None:
        super().__init__()
        self.conv_stem, self.bn1 = SameConv2d(3, 32, 3, stride=2), norm(32)
        stages: list[nn.Module] = []
        for repeats, kernel, stride, expansion, inputs, outputs in STAGES:
            blocks: list[nn.Module] = []
            for i in range(repeats):
                step, width = (stride, inputs) if i == 0 else (1, outputs)
                blocks.append(
                    Separable(width, outputs, kernel, step)
                    if expansion == 1
                    else Inverted(width, outputs, kernel, step, expansion)
                )
            stages.append(nn.Sequential(*blocks))
        self.blocks = nn.Sequential(*stages)
        self.conv_head, self.bn2 = SameConv2d(STAGES[-1][-1], DIM, 1), norm(DIM)
        self.classifier = classifier

    def forward(self, x: Tensor) -> Tensor:
        x = F.relu6(self.bn1(self.conv_stem(x)))
        x = self.blocks(x)
        x = F.relu6(self.bn2(self.conv_head(x)))
        scores: Tensor = self.classifier(x.mean((2, 3)))
        return scores


def make_head(config: dict[str, Any]) -> nn.Module:
    """The classifier that `config` asks for: `linear`, or `mlp` with one hidden layer; `none` gives features."""
    head = config.get("head") or {"kind": "linear"}
    classes, hidden = int(config.get("num_labels", 1000)), int(head.get("hidden", 256))
    dim = int(head.get("width", DIM))
    if head["kind"] == "none":
        return nn.Identity()
    if head["kind"] == "linear":
        return nn.Linear(dim, classes)
    dropout = nn.Dropout(float(head.get("dropout", 0.0)))
    return nn.Sequential(nn.Linear(dim, hidden), nn.ReLU(), dropout, nn.Linear(hidden, classes))


def read_inside(model: nn.Module, config: dict[str, Any]) -> None:
    """Where `config` names modules under `head.reads`, the classifier takes in the mean of their averages over pixels.

    What comes out at the end is then left aside. Modules are heard by the thread that runs them.
    """
    names, heard = (config.get("head") or {}).get("reads", []), threading.local()

    def listen(name: str) -> None:
        part = model.get_submodule(name)
        part.register_forward_hook(lambda _part, _inputs, maps: setattr(heard, name, maps.mean((2, 3))))

    for name in names:
        listen(name)
    if names:
        means = lambda *_: torch.stack([getattr(heard, name) for name in names]).mean(0)  # noqa: E731 - a hook
        model.get_submodule("classifier").register_forward_pre_hook(means)


def load(folder: str | Path = HERE) -> EfficientNetLite0:
    """The model of `folder` in eval mode; a RuntimeError names the tensors that do not fit."""
    config = json.loads((Path(folder) / "config.json").read_text())
    model = EfficientNetLite0(make_head(config))
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
