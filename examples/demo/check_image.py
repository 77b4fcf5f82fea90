"""Load a pulled image model with the one-file definition beside its weights and answer the test split again.

Usage: python -I check_image.py MODEL_FOLDER DATA_FOLDER; prints one JSON object. Nothing of Forebear is imported.
"""

from __future__ import annotations

import importlib.util
import json
import sys
from pathlib import Path
from types import ModuleType
from typing import Any

OURS = ("registry", "lineage", "adapters")


def definition(folder: Path) -> ModuleType:
    """The only Python file of the folder, as a module."""
    (file,) = folder.glob("*.py")
    spec = importlib.util.spec_from_file_location(file.stem, file)
    if spec is None or spec.loader is None:
        raise SystemExit(f"{file} is no module")
    module = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(module)
    return module


def answer(model_folder: Path, pictures: Any) -> list[str]:
    """The class of each picture (H x W, uint8)."""
    import torch
    from PIL import Image

    module = definition(model_folder)
    model = module.load(model_folder)
    names = json.loads((model_folder / "config.json").read_text())["id2label"]
    predicted: list[str] = []
    with torch.inference_mode():
        for start in range(0, len(pictures), 32):
            batch = [module.preprocess(Image.fromarray(x), model_folder) for x in pictures[start : start + 32]]
            predicted += [names[str(i)] for i in model(torch.stack(batch)).argmax(1).tolist()]
    return predicted


def main(model_folder: Path, data_folder: Path) -> dict[str, object]:
    """Compare with `predictions.json`, which the transfer step left beside the weights."""
    import numpy as np

    recorded = json.loads((model_folder / "predictions.json").read_text(encoding="utf-8"))["rows"]
    (archive,) = data_folder.glob("*.npz")
    arrays = np.load(archive, allow_pickle=False)
    keys = [row["key"] for row in recorded]
    labels = [str(label) for label in arrays["y"][keys].tolist()]
    if labels != [row["label"] for row in recorded]:
        raise SystemExit("the rows of predictions.json are not those of the data")
    predicted = answer(model_folder, arrays["x"][keys])
    return {
        "rows": len(predicted),
        "same": sum(a == row["prediction"] for a, row in zip(predicted, recorded, strict=True)),
        "accuracy": sum(a == b for a, b in zip(predicted, labels, strict=True)) / len(predicted),
        "loaded_with": "its one-file definition",
    }


if __name__ == "__main__":
    sys.modules.update(dict.fromkeys(OURS))  # type: ignore[arg-type] # None there: whoever imports it fails
    print(json.dumps(main(Path(sys.argv[1]), Path(sys.argv[2]))))
