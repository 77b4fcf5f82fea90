"""Load a pulled text model with stock transformers and answer the test split again. Nothing of Forebear is imported.

Usage: python -I check_text.py MODEL_FOLDER DATA_FOLDER; prints one JSON object.
"""

from __future__ import annotations

import json
import sys
from pathlib import Path
from typing import Any

OURS = ("registry", "lineage", "adapters")


def answer(model_folder: Path, texts: list[str]) -> list[str]:
    """The class of each text."""
    import torch
    from transformers import AutoModelForSequenceClassification, AutoTokenizer

    tokenizer = AutoTokenizer.from_pretrained(model_folder)
    model: Any = AutoModelForSequenceClassification.from_pretrained(model_folder).eval()
    predicted: list[str] = []
    with torch.inference_mode():
        for start in range(0, len(texts), 16):
            batch = tokenizer(texts[start : start + 16], truncation=True, padding=True, return_tensors="pt")
            predicted += [model.config.id2label[i] for i in model(**batch).logits.argmax(1).tolist()]
    return predicted


def main(model_folder: Path, data_folder: Path) -> dict[str, object]:
    """Compare with `predictions.json`, which the transfer step left beside the weights."""
    recorded = json.loads((model_folder / "predictions.json").read_text(encoding="utf-8"))["rows"]
    files = sorted(data_folder.rglob("*.txt"), key=lambda file: file.relative_to(data_folder).as_posix())
    chosen = [files[row["key"]] for row in recorded]
    labels = [file.parent.name for file in chosen]
    if labels != [row["label"] for row in recorded]:
        raise SystemExit("the rows of predictions.json are not those of the data")
    predicted = answer(model_folder, [file.read_text(encoding="utf-8") for file in chosen])
    return {
        "rows": len(predicted),
        "same": sum(a == row["prediction"] for a, row in zip(predicted, recorded, strict=True)),
        "accuracy": sum(a == b for a, b in zip(predicted, labels, strict=True)) / len(predicted),
        "loaded_with": "transformers.AutoModelForSequenceClassification",
    }


if __name__ == "__main__":
    sys.modules.update(dict.fromkeys(OURS))  # type: ignore[arg-type] # None there: whoever imports it fails
    print(json.dumps(main(Path(sys.argv[1]), Path(sys.argv[2]))))
