"""A transformers backbone under a head that its own classes have not, in one file: needs transformers and Pillow.

The image classifiers of transformers end in one linear layer. A head with a hidden layer, one that reads inside the
backbone, or one on a backbone that has no such classifier, needs these few lines:

    from transformers_mlp import classify, load

    model = load()                                   # the folder of this file, or load("some/folder")
    print(classify(model, Image.open("cat.jpg")))

`config.json` holds the backbone's own config under `backbone`, and the head's shape under `head`: `linear` or `mlp`.
The backbone is a classifier of transformers without its last layer, or of the class that `backbone_class` names. Then
`pooling` says what the head takes in: `pooler`, the pooled output, `mean`, of the last tokens or pixels, or `encoder`,
the mean of the encoder's.
With `reads` it takes in what those modules of the backbone give, averaged over pixels or tokens, then over the modules.
"""

from __future__ import annotations

import json
import threading
from pathlib import Path
from typing import TYPE_CHECKING, Any

import torch
import transformers
from safetensors.torch import load_file
from torch import Tensor, nn
from transformers import AutoConfig, AutoModelForImageClassification

if TYPE_CHECKING:
    from PIL.Image import Image

HERE = Path(__file__).resolve().parent
PATCHED = frozenset({"siglip2_vision_model"})
"""Model types that take the patches of a picture instead of the picture."""
STATES = {"pooler": "pooler_output", "mean": "last_hidden_state", "encoder": "encoder_last_hidden_state"}
"""What the outputs of transformers call what `pooling` takes."""
HEADS = ("classifier", "fc", "head")
"""What the classifiers of transformers call their head."""


class BackboneWithHead(nn.Module):
    """Pictures [N, 3, H, W] to scores [N, classes]."""

    def __init__(self, config: dict[str, Any]) -> None:
        super().__init__()
        self.pooling: str | None = config.get("pooling")
        if self.pooling is None:
            settings = dict(config["backbone"])
            self.backbone = AutoModelForImageClassification.from_config(
                AutoConfig.for_model(settings.pop("model_type"), **settings)
            )
            self.head_name, last = last_layer(self.backbone)
            self.dim = last.in_features
            drop_head(self.backbone, self.head_name)
        else:
            self.backbone, self.head_name, self.dim = bare(config), "", int(config["width"])
        head, classes = config["head"], len(config["id2label"])
        self.classifier = make_head(head, int(head.get("width", self.dim)), classes)

    def forward(self, x: Tensor) -> Tensor:
        if self.pooling is None:
            features = self.backbone(pixel_values=x)[0].flatten(1)
        else:
            features = features_of(self.backbone, x, self.pooling)
        scores: Tensor = self.classifier(features)
        return scores


def last_layer(stock: nn.Module) -> tuple[str, nn.Linear]:
    """Name and module of the one layer from features to scores. Raises: ValueError where there is not just one."""
    for name in HEADS:
        head = getattr(stock, name, None)
        *before, last = list(head.children()) if isinstance(head, nn.Sequential) else [head]
        if isinstance(last, nn.Linear) and not any(list(part.parameters()) for part in before if part is not None):
            if any(isinstance(part, nn.Linear) for key, part in stock.named_children() if key != name):
                break
            return (f"{name}.{len(before)}" if before else name), last
    raise ValueError(f"the head of {type(stock).__name__} is not one linear layer")


def drop_head(stock: nn.Module, head_name: str) -> None:
    """Leave out the last layer, and dropout before it: a new head has its own."""
    setattr(stock, head_name.partition(".")[0], nn.Identity())
    for child in stock.children():
        if isinstance(child, nn.Dropout):
            child.p = 0.0


def bare(config: dict[str, Any]) -> nn.Module:
    """The backbone of the class that `config` names, with random weights."""
    kind, settings = getattr(transformers, config["backbone_class"]), dict(config["backbone"])
    settings.pop("model_type", None)
    backbone: nn.Module = kind(kind.config_class(**settings))
    if config["pooling"] != "pooler" and getattr(backbone, "pooler", None) is not None:
        backbone.pooler = None  # type: ignore[assignment]  # what it gives is not used
    return backbone


def features_of(backbone: Any, x: Tensor, pooling: str) -> Tensor:
    """One vector (N x width) for each square picture of `x` (N x 3 x H x H)."""
    given: dict[str, Any] = {"pixel_values": x}
    if backbone.config.model_type in PATCHED:
        (n, channels, side, _), size = x.shape, backbone.config.patch_size
        rows = side // size
        cut = x[:, :, : rows * size, : rows * size].reshape(n, channels, rows, size, rows, size)
        patches = cut.permute(0, 2, 4, 3, 5, 1).reshape(n, rows * rows, -1)
        mask = torch.ones(n, rows * rows, dtype=torch.int64, device=x.device)
        shapes = torch.full((n, 2), rows, dtype=torch.int64, device=x.device)
        given = {"pixel_values": patches, "pixel_attention_mask": mask, "spatial_shapes": shapes}
    found: Tensor = getattr(backbone(**given), STATES[pooling])
    if found.dim() == 3 and len(found) == 1:  # Pixtral puts the tokens of all pictures into one row
        found = found.reshape(len(x), -1, found.shape[2])
    return pooled(found)


def make_head(head: dict[str, Any], dim: int, classes: int) -> nn.Module:
    """The classifier that `head` asks for: `linear`, or `mlp` with one hidden layer."""
    if head["kind"] == "linear":
        return nn.Linear(dim, classes)
    hidden, dropout = int(head["hidden"]), nn.Dropout(float(head.get("dropout", 0.0)))
    return nn.Sequential(nn.Linear(dim, hidden), nn.ReLU(), dropout, nn.Linear(hidden, classes))


def pooled(output: Any) -> Tensor:
    """N x D of feature maps (N x D x H x W), tokens (N x T x D) or features, or of the first of several outputs."""
    found: Tensor = output if isinstance(output, Tensor) else output[0]
    if found.dim() != 4:
        return found if found.dim() == 2 else found.mean(1)
    last = found.shape[1] == found.shape[2] != found.shape[3]  # pictures are square: the other axis has channels
    return found.mean((1, 2) if last else (2, 3))


def read_inside(model: BackboneWithHead, config: dict[str, Any]) -> None:
    """Where `config` names modules of the backbone under `head.reads`, the classifier takes in their mean.

    What comes out at the end is then left aside. Modules are heard by the thread that runs them.
    """
    names, heard = config["head"].get("reads", []), threading.local()

    def listen(name: str) -> None:
        part = model.backbone.base_model.get_submodule(name)
        part.register_forward_hook(lambda _part, _inputs, output: setattr(heard, name, pooled(output)))

    for name in names:
        listen(name)
    if names:
        means = lambda *_: torch.stack([getattr(heard, name) for name in names]).mean(0)  # noqa: E731 - a hook
        model.classifier.register_forward_pre_hook(means)


def load(folder: str | Path = HERE) -> BackboneWithHead:
    """The model of `folder` in eval mode; a RuntimeError names the tensors that do not fit."""
    config = json.loads((Path(folder) / "config.json").read_text())
    model = BackboneWithHead(config)
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
