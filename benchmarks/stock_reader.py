"""Predicts pictures with transformers alone: a line of JSON in, a line of JSON out. Imports nothing of this repository.

`{"folder": …, "pictures": "file.npy"}` gives `{"predictions": [class, …]}`. A folder with a `transformers_mlp.py` is
loaded by it.
"""

import importlib.util
import json
import sys
from pathlib import Path
from typing import Any

import numpy as np
import torch
from PIL import Image

torch.set_num_threads(1)


def stock(folder: Path) -> Any:
    """A function from a picture to its class, with the classes that `Auto…` chooses."""
    from transformers import AutoImageProcessor, AutoModelForImageClassification

    processor = AutoImageProcessor.from_pretrained(folder)
    model = AutoModelForImageClassification.from_pretrained(folder).eval()

    def predict(picture: Image.Image) -> str:
        scores = model(**processor(picture, return_tensors="pt")).logits[0]
        return str(model.config.id2label[int(scores.argmax())])

    return predict


def defined(folder: Path) -> Any:
    """The same with the definition that lies in the folder."""
    spec = importlib.util.spec_from_file_location("transformers_mlp", folder / "transformers_mlp.py")
    assert spec is not None
    assert spec.loader is not None
    module: Any = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(module)
    model = module.load(folder)
    return lambda picture: module.classify(model, picture, folder, top=1)[0][0]


def main() -> None:
    """Answer until the input ends."""
    import transformers

    transformers.utils.logging.set_verbosity_error()
    transformers.utils.logging.disable_progress_bar()
    for line in sys.stdin:
        question = json.loads(line)
        folder = Path(question["folder"])
        try:
            predict = (defined if (folder / "transformers_mlp.py").exists() else stock)(folder)
            pictures = [Image.fromarray(array).convert("RGB") for array in np.load(question["pictures"])]
            with torch.inference_mode():
                answer = {"predictions": [predict(picture) for picture in pictures]}
        except Exception as error:  # noqa: BLE001 - whatever goes wrong is the answer
            answer = {"error": [f"{type(error).__name__}: {error}"]}
        print(json.dumps(answer), flush=True)


if __name__ == "__main__":
    main()
