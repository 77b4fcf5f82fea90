"""A probe as anyone would write it, without Forebear: pictures, frozen backbone, a linear head, a file with weights.

`python -m benchmarks.bare_probe PICTURES MODEL` prints as JSON the CPU seconds of the features and of the head, and the
accuracy on the test pictures. PICTURES holds split/label/name.png; MODEL is a pulled version.
"""

from __future__ import annotations

import json
import sys
import time
from pathlib import Path

import torch
import torch.nn.functional as F  # noqa: N812 -- its name in the field
from PIL import Image
from safetensors.torch import save_file
from torch import Tensor, nn

from adapters.torch.definitions import efficientnet_lite

EPOCHS, BATCH, READ = 30, 64, 64


def pictures(folder: Path, model: Path, split: str) -> tuple[Tensor, Tensor]:
    """The pictures of a split, and their labels."""
    files = sorted((folder / split).glob("*/*.png"))
    tensors = [efficientnet_lite.preprocess(Image.open(file), model) for file in files]
    return torch.stack(tensors), torch.tensor([int(file.parent.name) for file in files])


def main() -> None:
    folder, source = Path(sys.argv[1]), Path(sys.argv[2])
    torch.set_num_threads(1)
    torch.manual_seed(0)
    model = efficientnet_lite.load(source)
    model.classifier = nn.Identity()
    begin = time.process_time()
    features: dict[str, Tensor] = {}
    labels: dict[str, Tensor] = {}
    for split in ("train", "validation", "test"):
        x, labels[split] = pictures(folder, source, split)
        with torch.inference_mode():
            features[split] = torch.cat([model(part) for part in x.split(READ)])
    read = time.process_time()
    mean, deviation = features["train"].mean(0), features["train"].std(0) + 1e-6
    known = {split: ((found - mean) / deviation).clone() for split, found in features.items()}
    head = nn.Linear(mean.shape[0], 10)
    optimizer = torch.optim.AdamW(head.parameters(), lr=3e-3, weight_decay=1.0, fused=True)
    for _ in range(EPOCHS):
        for part in torch.randperm(len(known["train"])).split(BATCH):
            loss = F.cross_entropy(head(known["train"][part]), labels["train"][part])
            optimizer.zero_grad(set_to_none=True)
            loss.backward()
            optimizer.step()
        with torch.no_grad():
            head(known["validation"]).argmax(1)
    learnt = time.process_time()
    right = float((head(known["test"]).argmax(1) == labels["test"]).float().mean())
    save_file({**model.state_dict(), "head.weight": head.weight.detach()}, folder / "bare.safetensors")
    sys.stdout.write(json.dumps({"features": read - begin, "head": learnt - read, "accuracy": right}) + "\n")


if __name__ == "__main__":
    main()
