"""Inception v3 in one file: needs torch, safetensors for the weights and Pillow for pictures.

Lying beside `model.safetensors`, `config.json` and `preprocessor_config.json`, it is all that is needed:

    from PIL import Image
    from inception import classify, load

    model = load()                                   # the folder of this file, or load("some/folder")
    print(classify(model, Image.open("cat.jpg")))    # [("tabby", 0.71), ("tiger cat", 0.12), ...]

The network is Inception v3 (Szegedy and others, arXiv 1512.00567) as Keras builds it, without the auxiliary head:
BatchNorm's epsilon is 1e-3, and an average at the border counts the pixels that are there. `inception_v3_mixed4` ends
after the block `mixed4`, whose averages often transfer better. Blocks are named as Keras names them.
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
DIMS = {"inception_v3": 2048, "inception_v3_mixed4": 768}
"""Features by the name of the network: the channels of the last block."""
LEAST = {"inception_v3": 75, "inception_v3_mixed4": 43}
"""Pixels a side of the smallest picture: its convolutions without padding, and pools, leave one at the end."""
Shape = int | tuple[int, int]


class Unit(nn.Module):
    """A convolution without bias, BatchNorm, ReLU. The size stays, unless `valid` leaves the padding out."""

    def __init__(self, inputs: int, outputs: int, kernel: Shape, stride: int = 1, *, valid: bool = False) -> None:
        super().__init__()
        sides = (kernel, kernel) if isinstance(kernel, int) else kernel
        padding = (0, 0) if valid else (sides[0] // 2, sides[1] // 2)
        self.conv = nn.Conv2d(inputs, outputs, sides, stride, padding, bias=False)
        self.norm = nn.BatchNorm2d(outputs, eps=1e-3)

    def forward(self, x: Tensor) -> Tensor:
        return F.relu(self.norm(self.conv(x)))


class Side(nn.Module):
    """Branches that see the same input, their outputs one after another in the channels."""

    def __init__(self, *branches: nn.Module) -> None:
        super().__init__()
        for number, branch in enumerate(branches):
            self.add_module(str(number), branch)

    def forward(self, x: Tensor) -> Tensor:
        return torch.cat([branch(x) for branch in self.children()], 1)


def chain(inputs: int, *units: tuple[int, Shape], stride: int = 1) -> nn.Sequential:
    """Units one after another, each (channels, kernel); the last one strides, without padding, where `stride` is 2."""
    found: list[nn.Module] = []
    for number, (outputs, kernel) in enumerate(units, start=1):
        strides = stride > 1 and number == len(units)
        found.append(Unit(inputs, outputs, kernel, stride if strides else 1, valid=strides))
        inputs = outputs
    return nn.Sequential(*found)


def pooled(inputs: int, outputs: int) -> nn.Sequential:
    """An average over 3x3 pixels, those beyond the border not counted, then a 1x1 convolution."""
    return nn.Sequential(nn.AvgPool2d(3, 1, 1, count_include_pad=False), Unit(inputs, outputs, 1))


def block_35(inputs: int, pool: int) -> Side:
    """Among 35x35 pixels (figure 5 of the paper)."""
    return Side(
        chain(inputs, (64, 1)),
        chain(inputs, (48, 1), (64, 5)),
        chain(inputs, (64, 1), (96, 3), (96, 3)),
        pooled(inputs, pool),
    )


def block_17(inputs: int, width: int) -> Side:
    """Among 17x17 pixels, with 7x7 convolutions in two halves (figure 6)."""
    wide, high = (1, 7), (7, 1)
    return Side(
        chain(inputs, (192, 1)),
        chain(inputs, (width, 1), (width, wide), (192, high)),
        chain(inputs, (width, 1), (width, high), (width, wide), (width, high), (192, wide)),
        pooled(inputs, 192),
    )


def block_8(inputs: int) -> Side:
    """Among 8x8 pixels, where 3x3 convolutions lie side by side in two halves (figure 7)."""

    def halves() -> Side:
        return Side(Unit(384, 384, (1, 3)), Unit(384, 384, (3, 1)))

    return Side(
        chain(inputs, (320, 1)),
        nn.Sequential(Unit(inputs, 384, 1), halves()),
        nn.Sequential(Unit(inputs, 448, 1), Unit(448, 384, 3), halves()),
        pooled(inputs, 192),
    )


def blocks() -> list[nn.Module]:
    """`mixed0` to `mixed10`; the fourth and the ninth halve height and width."""
    return [
        *(block_35(inputs, pool) for inputs, pool in ((192, 32), (256, 64), (288, 64))),
        Side(
            chain(288, (384, 3), stride=2),
            chain(288, (64, 1), (96, 3), (96, 3), stride=2),
            nn.MaxPool2d(3, 2),
        ),
        *(block_17(768, width) for width in (128, 160, 160, 192)),
        Side(
            chain(768, (192, 1), (320, 3), stride=2),
            chain(768, (192, 1), (192, (1, 7)), (192, (7, 1)), (192, 3), stride=2),
            nn.MaxPool2d(3, 2),
        ),
        *(block_8(inputs) for inputs in (1280, 2048)),
    ]


class InceptionV3(nn.Module):
    """Pictures [N, 3, H, W], 75 pixels a side or more, to scores [N, classes].

    With `classifier = nn.Identity()`: to features, as many as `DIMS` has for `name`.
    """

    def __init__(self, classifier: nn.Module, name: str = "inception_v3") -> None:
        super().__init__()
        self.dim = DIMS[name]
        self.stem = nn.Sequential(
            Unit(3, 32, 3, 2, valid=True), Unit(32, 32, 3, valid=True), Unit(32, 64, 3), nn.MaxPool2d(3, 2),
            Unit(64, 80, 1), Unit(80, 192, 3, valid=True), nn.MaxPool2d(3, 2),
        )  # fmt: skip
        self.mixed = nn.Sequential(*(blocks() if name == "inception_v3" else blocks()[:5]))
        self.classifier = classifier

    def forward(self, x: Tensor) -> Tensor:
        scores: Tensor = self.classifier(self.mixed(self.stem(x)).mean((2, 3)))
        return scores


def make_head(config: dict[str, Any]) -> nn.Module:
    """The classifier that `config` asks for; `none` gives features.

    `linear`, `mlp` with one hidden layer, or `dense` with the hidden layers that `sizes` lists.
    """
    head = config.get("head") or {"kind": "linear"}
    dim, classes = int(head.get("width", DIMS[config["model_type"]])), int(config.get("num_labels", 1000))
    if head["kind"] == "none":
        return nn.Identity()
    if head["kind"] == "linear":
        return nn.Linear(dim, classes)
    if head["kind"] == "dense":
        layers: list[nn.Module] = []
        for size in head["sizes"]:
            layers += [nn.Linear(dim, size), nn.ReLU()]
            dim = size
        return nn.Sequential(*layers, nn.Linear(dim, classes))
    hidden_size, dropout = int(head.get("hidden", 256)), nn.Dropout(float(head.get("dropout", 0.0)))
    return nn.Sequential(nn.Linear(dim, hidden_size), nn.ReLU(), dropout, nn.Linear(hidden_size, classes))


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


def load(folder: str | Path = HERE) -> InceptionV3:
    """The model of `folder` in eval mode; a RuntimeError names the tensors that do not fit."""
    config = json.loads((Path(folder) / "config.json").read_text())
    model = InceptionV3(make_head(config), config["model_type"])
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
