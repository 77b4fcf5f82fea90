"""A transformers backbone under a head with a hidden layer, in one file: needs transformers and Pillow.

The image classifiers of transformers end in one linear layer, so such a model needs these few lines:

    from transformers_mlp import classify, load

    model = load()                                   # the folder of this file, or load("some/folder")
    print(classify(model, Image.open("cat.jpg")))

`config.json` holds the backbone's own config under `backbone`, and the head's shape under `head`.
"""

from __future__ import annotations

import json
from pathlib import Path
from typing import TYPE_CHECKING, Any

import torch
from safetensors.torch import load_file
from torch import Tensor, nn
from transformers import AutoConfig, AutoModelForImageClassification

if TYPE_CHECKING:
    from PIL.Image import Image

HERE = Path(__file__).resolve().parent


class BackboneWithHead(nn.Module):
    """Pictures [N, 3, H, W] to scores [N, classes]."""

    def __init__(self, config: dict[str, Any]) -> None:
        super().__init__()
        settings = dict(config["backbone"])
        self.backbone = AutoModelForImageClassification.from_config(
            AutoConfig.for_model(settings.pop("model_type"), **settings)
        )
        named = [(n, m) for n, m in self.backbone.classifier.named_modules() if isinstance(m, nn.Linear)]
        name, last = named[-1]
        self.head_name = f"classifier.{name}".removesuffix(".")  # what stock transformers calls the last layer
        self.dim = last.in_features
        self.backbone.classifier = nn.Identity()
        for child in self.backbone.children():
            if isinstance(child, nn.Dropout):  # the head has its own
                child.p = 0.0
        hidden, classes = int(config["head"]["hidden"]), len(config["id2label"])
        dropout = nn.Dropout(float(config["head"].get("dropout", 0.0)))
        self.classifier = nn.Sequential(
            nn.Linear(last.in_features, hidden), nn.ReLU(), dropout, nn.Linear(hidden, classes)
        )

    def forward(self, x: Tensor) -> Tensor:
        scores: Tensor = self.classifier(self.backbone(pixel_values=x).logits.flatten(1))
        return scores


def load(folder: str | Path = HERE) -> BackboneWithHead:
    """The model of `folder` in eval mode; a RuntimeError names the tensors that do not fit."""
    model = BackboneWithHead(json.loads((Path(folder) / "config.json").read_text()))
    model.load_state_dict(load_file(Path(folder) / "model.safetensors"))
    return model.eval()


def preprocess(image: Image, folder: str | Path = HERE) -> Tensor:
    """A picture as the model wants it: [3, height, width], float32."""
    settings: dict[str, Any] = json.loads((Path(folder) / "preprocessor_config.json").read_text())
    image, filtering = image.convert("RGB"), settings["resample"]
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
