"""VGG16's convolutions in one file: needs torch, safetensors for the weights and Pillow for pictures.

Lying beside `model.safetensors`, `config.json` and `preprocessor_config.json`, it is all that is needed:

    from PIL import Image
    from vgg import classify, load

    model = load()                                   # the folder of this file, or load("some/folder")
    print(classify(model, Image.open("cat.jpg")))    # [("tabby", 0.71), ("tiger cat", 0.12), ...]

The network is configuration D of Simonyan and Zisserman (arXiv 1409.1556) without its fully connected layers:
`vgg16` has all thirteen convolutions, `vgg16_pool4` the ten before the fourth pooling, whose averages often transfer
better. Tensors are named as torchvision names them.
"""

from __future__ import annotations

import json
import threading
from pathlib import Path
from typing import TYPE_CHECKING, Any

import torch
from safetensors.torch import load_file
from torch import Tensor, nn

if TYPE_CHECKING:
    from PIL.Image import Image

HERE = Path(__file__).resolve().parent
DIM = 512
BLOCKS = ((64, 2), (128, 2), (256, 3), (512, 3), (512, 3))
"""Channels and convolutions before each pooling."""
DEPTH = {"vgg16": 5, "vgg16_pool4": 4}


class VGG16(nn.Module):
    """Pictures [N, 3, H, W] to scores [N, classes]. With `classifier = nn.Identity()`: to features [N, 512].

    `blocks` is 5, or 4 to end with the fourth pooling.
    """

    dim = DIM

    def __init__(self, classifier: nn.Module, blocks: int = 5) -> None:
        super().__init__()
        layers: list[nn.Module] = []
        inputs = 3
        for channels, repeats in BLOCKS[:blocks]:
            for _ in range(repeats):
                layers += [nn.Conv2d(inputs, channels, 3, padding=1), nn.ReLU()]
                inputs = channels
            layers.append(nn.MaxPool2d(2))
        self.features = nn.Sequential(*layers)
        self.classifier = classifier

    def forward(self, x: Tensor) -> Tensor:
        scores: Tensor = self.classifier(self.features(x).mean((2, 3)))
        return scores


def make_head(config: dict[str, Any]) -> nn.Module:
    """The classifier that `config` asks for: `linear`, or `mlp` with one hidden layer; `none` gives features."""
    head = config.get("head") or {"kind": "none"}
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


def load(folder: str | Path = HERE) -> VGG16:
    """The model of `folder` in eval mode; a RuntimeError names the tensors that do not fit."""
    config = json.loads((Path(folder) / "config.json").read_text())
    model = VGG16(make_head(config), DEPTH[config["model_type"]])
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
