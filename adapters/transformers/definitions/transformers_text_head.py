"""A transformers encoder or decoder under a head on the mean of its tokens, in one file that needs only transformers.

The stock classifiers read one layer and one token; this head reads the layers that its config names, averaged over
layers and tokens:

    from transformers_text_head import classify, load

    model = load()                                   # the folder of this file, or load("some/folder")
    print(classify(model, ["a text", "another"]))

`config.json` holds the backbone's own config under `backbone`, and the head's shape and layers under `head`.
"""

from __future__ import annotations

import json
from collections.abc import Sequence
from pathlib import Path
from typing import Any

import torch
from safetensors.torch import load_file
from torch import Tensor, nn
from transformers import AutoConfig, AutoModel, AutoTokenizer

HERE = Path(__file__).resolve().parent


class TextWithHead(nn.Module):
    """Tokens (N x length) to outputs (N x outputs)."""

    def __init__(self, config: dict[str, Any], backbone: Any = None) -> None:
        super().__init__()
        settings, head = dict(config["backbone"]), config["head"]
        if backbone is None:
            backbone = reader(AutoModel.from_config(AutoConfig.for_model(settings.pop("model_type"), **settings)))
        self.backbone = backbone
        if getattr(self.backbone, "pooler", None) is not None:
            self.backbone.pooler = Unpooled()
        self.layers: list[int] = list(head["layers"])
        self.alone = bool(head.get("alone", False))  # padding changes the states of this model
        self.width = width = int(head.get("width") or self.backbone.config.hidden_size)
        outputs, hidden = int(head["outputs"]), head.get("hidden")
        dropout = nn.Dropout(float(head.get("dropout", 0.0)))
        parts = [dropout, nn.Linear(width, outputs)]
        if hidden is not None:
            parts = [nn.Linear(width, int(hidden)), nn.ReLU(), dropout, nn.Linear(int(hidden), outputs)]
        self.classifier = nn.Sequential(*parts)

    def embed(self, input_ids: Tensor, attention_mask: Tensor) -> Tensor:
        """One vector for each text: the mean over layers and tokens (N x width)."""
        inner = self.layers != [-1]
        out = self.backbone(input_ids=input_ids, attention_mask=attention_mask, output_hidden_states=inner)
        states = out.last_hidden_state
        if inner:
            states = torch.stack([out.hidden_states[n] for n in self.layers]).mean(dim=0)
        there = attention_mask.to(states.dtype)[..., None]
        pooled: Tensor = (states * there).sum(dim=1) / there.sum(dim=1).clamp(min=1)
        return pooled

    def forward(self, input_ids: Tensor, attention_mask: Tensor) -> Tensor:
        outputs: Tensor = self.classifier(self.embed(input_ids, attention_mask))
        return outputs


class Unpooled(nn.Module):
    """Stands where the backbone had a pooler, which some call always; the mean of the tokens takes its place."""

    def forward(self, states: Tensor, *_: Any, **__: Any) -> Tensor:
        return states


def reader(model: Any) -> Any:
    """The part of `model` that reads a text: the encoder where there is a decoder too, as in BART."""
    return model.get_encoder() if model.config.is_encoder_decoder else model


def load(folder: str | Path = HERE) -> TextWithHead:
    """The model of `folder` in eval mode; a RuntimeError names the tensors that do not fit."""
    model = TextWithHead(json.loads((Path(folder) / "config.json").read_text()))
    model.load_state_dict(load_file(Path(folder) / "model.safetensors"))
    return model.eval()


def outputs(model: TextWithHead, texts: Sequence[str], folder: str | Path = HERE) -> Tensor:
    """What the head says of each text (N x outputs)."""
    if model.alone and len(texts) > 1:
        return torch.cat([outputs(model, [text], folder) for text in texts])
    tokenizer = AutoTokenizer.from_pretrained(folder, local_files_only=True)
    read = tokenizer(list(texts), padding=True, truncation=True, return_tensors="pt")
    with torch.inference_mode():
        found: Tensor = model(read["input_ids"], read["attention_mask"])
    return found


def classify(model: TextWithHead, texts: Sequence[str], folder: str | Path = HERE) -> list[str]:
    """The likeliest class of each text."""
    names = json.loads((Path(folder) / "config.json").read_text())["id2label"]
    return [str(names[str(n)]) for n in outputs(model, texts, folder).argmax(dim=1).tolist()]
