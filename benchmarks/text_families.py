"""What each text family does in the product: import, probe, fine-tuning, LoRA, tags of words, continued pretraining.

A tiny model with random weights (`benchmarks.material.tiny_texts`) goes through the importer and the adapter. What
comes out is loaded with stock transformers (and PEFT) as its user would load it, and must give the recorded prediction
of each row.
"""

from __future__ import annotations

import json
import warnings
from collections.abc import Callable, Mapping
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

import numpy as np
import peft
import torch
import transformers
from transformers.models.auto import modeling_auto as auto

from adapters.transformers.classifiers.headed import NAME
from adapters.transformers.definitions import transformers_text_head
from adapters.transformers.importer import HuggingFaceImporter
from adapters.transformers.models import quiet
from adapters.transformers.transfer import TransformersTransfers
from benchmarks.material import workload
from benchmarks.material.tiny_texts import save_source
from lineage import Digest
from registry.domain.catalog.models import Modality
from registry.domain.data.datasets import DataFormat, LabelKind, Row
from registry.domain.recipes.recipe import Method, Optimizer
from registry.ports.transfers import DataInput, Finished, ModelInput

FRUITS = {"apple": ["red", "round", "crisp"], "pear": ["green", "long", "soft"], "plum": ["blue", "small", "sour"]}
FILLER = ["a", "the", "fruit", "is", "and", "very", "from", "garden", "today"]
WORDS = [*FILLER, *(word for words in FRUITS.values() for word in words)]
COUNTS = {"train": 24, "validation": 6, "test": 12}
SMALL: Mapping[str, Any] = {"epochs": 2, "batch_size": 8, "optimizer": Optimizer(lr=1e-2), "max_length": 48}
TOGETHER = 5
"""Texts that are given to the stock model at once, padded to the longest."""


@dataclass(frozen=True)
class Material:
    """An imported model of one family, and sentences, in `folder`."""

    folder: Path
    family: str
    source: ModelInput

    @classmethod
    def imported(cls, folder: Path, family: str) -> Material:
        """Save a tiny model of `family` and import it. Raises: what the importer raises."""
        with quiet():
            save_source(folder / "published", family, WORDS)
        (folder / "source").mkdir()
        found = HuggingFaceImporter().convert(folder / "published", folder / "source", architecture=None)
        digest = Digest.of(family.encode())
        architecture = found.facts.architecture or ""
        return cls(folder, family, ModelInput(folder / "source", digest, "source", architecture, f"bench/{family}/1"))

    def run(self, data: DataInput, method: Method, work: str, **changes: Any) -> Finished:
        """One transfer on the CPU to its end. Raises: errors of `registry.errors`."""
        job = workload.job(self.folder, work, self.source, data, method, **{**SMALL, **changes})
        done = list(TransformersTransfers().run(replace(job, device="cpu")))[-1]
        assert isinstance(done, Finished)
        return done


def sentences(folder: Path, labels: LabelKind = LabelKind.CLASS) -> DataInput:
    """Sentences of three to thirteen words, two of which tell the fruit; as tags, these two words are the fruit's."""
    draw, rows = np.random.default_rng(3), list[Row]()
    for split, count in COUNTS.items():
        for _ in range(count):
            fruit = list(FRUITS)[len(rows) % 3]
            words = [*draw.choice(FILLER, size=int(draw.integers(1, 12))), *draw.choice(FRUITS[fruit], size=2)]
            words = [str(word) for word in draw.permutation(words)]
            tags = " ".join(f"B-{fruit}" if word in FRUITS[fruit] else "O" for word in words)
            label = {LabelKind.TAGS: tags, LabelKind.NONE: None}.get(labels, fruit)
            text = " ".join(words)
            rows.append(Row(len(rows), Digest.of(f"{len(rows)} {text}".encode()), split, label, text=text))
    digest = Digest.of(labels.value.encode())
    where = (folder, digest, "bench/fruit/1", DataFormat.CSV, Modality.TEXT, tuple(rows), "train")
    return DataInput(*where, labels=labels)


# --- ways ----------------------------------------------------------------------------------------------------------


def probe(material: Material) -> None:
    """A head on frozen features."""
    data = sentences(material.folder)
    check_stock(material, material.run(data, Method.FEATURE_EXTRACTION, "probe"), data)


def fine_tune(material: Material) -> None:
    """All weights, under the stock head."""
    data = sentences(material.folder)
    check_stock(material, material.run(data, Method.FINE_TUNING, "tuned"), data)


def lora(material: Material) -> None:
    """An adapter of rank 4."""
    data = sentences(material.folder)
    check_stock(material, material.run(data, Method.ADAPTER, "lora", params={"rank": 4, "alpha": 8}), data)


def tags(material: Material) -> None:
    """A label for each word."""
    data = sentences(material.folder, LabelKind.TAGS)
    check_stock(material, material.run(data, Method.FINE_TUNING, "tags", metrics=("accuracy",)), data)


def continued(material: Material) -> None:
    """Masked words or the next word on bare text, then fine-tuning from there."""
    data = sentences(material.folder, LabelKind.NONE)
    roles = {"unlabelled": replace(data, split="train"), "validation": replace(data, split="validation")}
    settings = {**SMALL, "metrics": ("loss",)}
    job = workload.job(material.folder, "text", material.source, data, Method.CONTINUED_PRETRAINING, **settings)
    done = list(TransformersTransfers().run(replace(job, device="cpu", data=roles)))[-1]
    assert isinstance(done, Finished)
    source = replace(material.source, folder=done.folder, architecture=done.architecture, digest=Digest.of(b"text"))
    fine_tune(replace(material, source=source))


WAYS: Mapping[str, Callable[[Material], None]] = {
    "probe": probe,
    "fine-tuning": fine_tune,
    "LoRA": lora,
    "tags of words": tags,
    "continued pretraining": continued,
}


def ways_of(family: str) -> list[str]:
    """The ways that `family` can be expected to have: tags and continued pretraining where transformers has a class."""
    without = set()
    if family not in auto.MODEL_FOR_TOKEN_CLASSIFICATION_MAPPING_NAMES:
        without.add("tags of words")
    if family not in auto.MODEL_FOR_MASKED_LM_MAPPING_NAMES and family not in auto.MODEL_FOR_CAUSAL_LM_MAPPING_NAMES:
        without.add("continued pretraining")
    if family not in auto.MODEL_FOR_SEQUENCE_CLASSIFICATION_MAPPING_NAMES:
        without.add("LoRA")
    return [way for way in WAYS if way not in without]


# --- what stock libraries give -------------------------------------------------------------------------------------


class OtherAnswersError(Exception):
    """The pulled model answers some rows differently from what was recorded."""


def check_stock(material: Material, done: Finished, data: DataInput) -> None:
    """Raises: OtherAnswersError unless stock libraries give each recorded prediction from the written folder."""
    recorded = [row["prediction"] for row in json.loads((done.folder / "predictions.json").read_bytes())["rows"]]
    rows = [row for row in data.rows if row.split == "test"]
    alone = any("padding" in str(note) for note in np.atleast_1d(done.facts.get("notes", [])))  # type: ignore[call-overload]
    with quiet():
        found = _answers(material, done, data, rows, 1 if alone else TOGETHER)
    if wrong := sum(one != two for one, two in zip(found, recorded, strict=True)):
        raise OtherAnswersError(f"{wrong} of {len(rows)} rows")


def _answers(material: Material, done: Finished, data: DataInput, rows: list[Row], size: int) -> list[Any]:
    if done.architecture == NAME:
        return transformers_text_head.classify(
            transformers_text_head.load(done.folder), [str(row.text) for row in rows], done.folder
        )
    tagging = data.labels is LabelKind.TAGS
    known: Any = (
        transformers.AutoModelForTokenClassification if tagging else transformers.AutoModelForSequenceClassification
    )
    tokenizer = transformers.AutoTokenizer.from_pretrained(done.folder)
    model = (
        _adapted(material, done, known) if done.architecture.startswith("peft:") else known.from_pretrained(done.folder)
    )
    model.eval()
    found: list[Any] = []
    for start in range(0, len(rows), size):
        texts: Any = [str(row.text) for row in rows[start : start + size]]
        texts = [text.split() for text in texts] if tagging else texts
        read = tokenizer(texts, is_split_into_words=tagging, truncation=True, padding=True, return_tensors="pt")
        with torch.inference_mode():
            best = model(**read).logits.argmax(dim=-1)
        names = model.config.id2label
        for line, text in enumerate(texts):
            if not tagging:
                found.append(names[int(best[line])])
                continue
            places = read.word_ids(line)
            there = [places.index(word) for word in range(len(text)) if word in places]  # the others were cut off
            found.append([names[int(best[line, place])] for place in there])
    return found


def _adapted(material: Material, done: Finished, known: Any) -> Any:
    config = transformers.AutoConfig.from_pretrained(done.folder)
    parent = known.from_pretrained(material.source.folder, config=config, ignore_mismatched_sizes=True)
    with warnings.catch_warnings():
        warnings.simplefilter("ignore", FutureWarning)  # of transformers, about names that PEFT still uses
        return peft.PeftModel.from_pretrained(parent, done.folder)
