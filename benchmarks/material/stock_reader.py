"""Predicts pictures or texts with transformers alone: a line of JSON in, a line of JSON out.

`{"folder": …, "pictures": "file.npy"}` or `{"folder": …, "texts": [text, …]}` gives `{"predictions": [class, …]}`. A
folder with a definition in one file (`transformers_mlp.py`, `transformers_text_head.py`) is loaded by that. Nothing of
this repository is imported.
"""

import importlib.util
import json
import sys
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import numpy as np
import torch
from PIL import Image

torch.set_num_threads(1)
PICTURES, TEXTS = "transformers_mlp", "transformers_text_head"


def of_pictures(folder: Path) -> Callable[[Image.Image], str]:
    """A function from a picture to its class."""
    if (folder / f"{PICTURES}.py").exists():
        module = defined(folder, PICTURES)
        own = module.load(folder)
        return lambda picture: str(module.classify(own, picture, folder, top=1)[0][0])
    from transformers import AutoImageProcessor, AutoModelForImageClassification

    processor = AutoImageProcessor.from_pretrained(folder)
    return named(AutoModelForImageClassification.from_pretrained(folder).eval(), processor)


def of_texts(folder: Path) -> Callable[[str], str]:
    """A function from a text to its class."""
    if (folder / f"{TEXTS}.py").exists():
        module = defined(folder, TEXTS)
        own = module.load(folder)
        return lambda text: str(module.classify(own, [text], folder)[0])
    from transformers import AutoModelForSequenceClassification, AutoTokenizer

    tokenizer = AutoTokenizer.from_pretrained(folder)
    model = AutoModelForSequenceClassification.from_pretrained(folder).eval()
    return named(model, lambda text, **more: tokenizer(text, truncation=True, **more))


def named(model: Any, read: Any) -> Callable[[Any], str]:
    """The class with the largest output of `model`, for what `read` makes of a row."""

    def predict(row: Any) -> str:
        scores = model(**read(row, return_tensors="pt"))[0][0]
        return str(model.config.id2label[int(scores.argmax())])

    return predict


def defined(folder: Path, name: str) -> Any:
    """The definition called `name` that lies in the folder."""
    spec = importlib.util.spec_from_file_location(name, folder / f"{name}.py")
    assert spec is not None
    assert spec.loader is not None
    module: Any = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(module)
    return module


def predictions(question: dict[str, Any]) -> Iterator[str]:
    """A class for each row that is asked about."""
    folder = Path(question["folder"])
    if "texts" in question:
        predict = of_texts(folder)
        yield from map(predict, question["texts"])
    else:
        look = of_pictures(folder)
        for array in np.load(question["pictures"]):
            yield look(Image.fromarray(array).convert("RGB"))


def main() -> None:
    """Answer until the input ends."""
    import transformers

    transformers.utils.logging.set_verbosity_error()
    transformers.utils.logging.disable_progress_bar()
    for line in sys.stdin:
        try:
            with torch.inference_mode():
                answer: dict[str, Any] = {"predictions": list(predictions(json.loads(line)))}
        except Exception as error:  # noqa: BLE001 - whatever goes wrong is the answer
            answer = {"error": [f"{type(error).__name__}: {error}"]}
        print(json.dumps(answer), flush=True)


if __name__ == "__main__":
    main()
