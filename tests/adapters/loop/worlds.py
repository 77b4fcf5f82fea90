"""Small worlds for transfer tests: a tiny model for each framework, and data that it can learn."""

from __future__ import annotations

import hashlib
import json
from collections.abc import Iterable, Sequence
from dataclasses import dataclass, replace
from itertools import product
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import torch

from lineage import Digest
from registry.domain.catalog.models import Modality
from registry.domain.data.datasets import DataFormat, Row
from registry.domain.names import Name, Reference
from registry.domain.recipes.recipe import DataChoice, Freeze, Head, Method, Optimizer, Recipe, Schedule, SourceChoice
from registry.ports.transfers import (
    DataInput,
    Determinism,
    Finished,
    Measured,
    ModelInput,
    TransferAdapter,
    TransferJob,
)

CLASSES = ("apple", "pear", "plum")
SPLITS = {"train": 48, "validation": 15, "test": 18}


@dataclass(frozen=True)
class World:
    """One adapter with a source and data that it can learn. `layer` is a layer in the middle of the source."""

    adapter: TransferAdapter
    source: ModelInput
    data: DataInput
    layer: str
    folder: Path

    def job(
        self,
        work: str = "work",
        *,
        method: Method = Method.FINE_TUNING,
        roles: Sequence[str] = ("train", "validation", "test"),
        **changes: Any,
    ) -> TransferJob:
        """A job in `folder/work`. `changes` are fields of the job or of its recipe."""
        own = {k: changes.pop(k) for k in list(changes) if k in TransferJob.__dataclass_fields__}
        job = TransferJob(
            recipe=recipe(method, **changes),
            sources=(self.source,),
            data={role: replace(self.data, split=role) for role in roles},
            work=self.folder / work,
            features=self.folder / "features",
            determinism=Determinism(seed=7, threads=1),
            device="cpu",
        )
        return replace(job, **own)

    def relabelled(self, labels: dict[str, str | None], split: str | None = None) -> DataInput:
        """The data with renamed labels, in one split or in all."""
        rows = tuple(
            replace(row, label=labels.get(str(row.label), row.label)) if split in {None, row.split} else row
            for row in self.data.rows
        )
        return replace(self.data, rows=rows, digest=Digest.of(repr(rows).encode()))

    def child(self, done: Finished, label: str = "child") -> World:
        """The same world with the output of a transfer as its source."""
        digest = hashlib.sha256("".join(tree(done.folder).values()).encode()).hexdigest()
        return replace(self, source=ModelInput(done.folder, Digest(digest), "source", done.architecture, label))


def recipe(method: Method, **changes: Any) -> Recipe:
    """A recipe of few epochs."""
    dataset = Reference.parse("datasets:/test/fruit/1")
    plain = Recipe(
        output=Name("test", "child"),
        method=method,
        adapter="any",
        sources=(SourceChoice(Reference.parse("models:/test/parent/1")),),
        data={role: DataChoice(dataset, role) for role in SPLITS},
        head=Head(),
        freeze=Freeze(),
        optimizer=Optimizer(lr=5e-3),
        schedule=Schedule(warmup=0.1),
        epochs=3,
        batch_size=8,
        seed=7,
        metrics=("accuracy", "macro_f1"),
    )
    return replace(plain, **changes)


def finish(world: World, job: TransferJob) -> tuple[Finished, dict[tuple[str, str], float]]:
    """Run `job` to its end; returns the last event and the final metrics by (role, name)."""
    events = list(world.adapter.run(job))
    done = events[-1]
    assert isinstance(done, Finished)
    return done, {(e.role, e.name): e.value for e in events if isinstance(e, Measured) and e.final}


def tree(folder: Path) -> dict[str, str]:
    """The digest of every file under `folder`."""
    files = sorted(path for path in folder.rglob("*") if path.is_file())
    return {str(path.relative_to(folder)): hashlib.sha256(path.read_bytes()).hexdigest() for path in files}


# --- texts ---------------------------------------------------------------------------------------------------------

WORDS = {"apple": ["red", "round", "crisp"], "pear": ["green", "long", "soft"], "plum": ["blue", "small", "sour"]}
FILLER = ["a", "the", "fruit", "is", "and", "very", "from", "garden", "today"]


def text_data(folder: Path) -> DataInput:
    """Sentences of three to fourteen words; two of the words determine the class."""
    draw = np.random.default_rng(3)
    rows: list[Row] = []
    for split, count in SPLITS.items():
        for _ in range(count):
            label = CLASSES[len(rows) % 3]
            words = [str(w) for w in draw.choice(FILLER, size=int(draw.integers(1, 12)))]
            words += [str(w) for w in draw.choice(WORDS[label], size=2)]
            text = " ".join(str(w) for w in draw.permutation(words))
            rows.append(Row(len(rows), Digest.of(f"{len(rows)} {text}".encode()), split, label, text=text))
    return DataInput(folder, Digest.of(b"texts"), "test/fruit/1", DataFormat.CSV, Modality.TEXT, tuple(rows), "train")


def save_words_tokenizer(folder: Path, **tokens: str | None) -> int:
    """Write a word tokenizer, optionally with other special tokens; returns the size of its vocabulary."""
    from tokenizers import Tokenizer, models, pre_tokenizers, processors
    from transformers import PreTrainedTokenizerFast

    words = [*FILLER, *(w for group in WORDS.values() for w in group)]
    vocabulary = {word: n for n, word in enumerate(["[PAD]", "[UNK]", "[CLS]", "[SEP]", *words])}
    tokenizer = Tokenizer(models.WordLevel(vocabulary, unk_token="[UNK]"))
    tokenizer.pre_tokenizer = pre_tokenizers.Whitespace()
    tokenizer.post_processor = processors.BertProcessing(("[SEP]", 3), ("[CLS]", 2))
    special = {"pad_token": "[PAD]", "unk_token": "[UNK]", "cls_token": "[CLS]", "sep_token": "[SEP]"} | tokens
    PreTrainedTokenizerFast(tokenizer_object=tokenizer, **special).save_pretrained(folder)
    return len(vocabulary)


def save_text_source(folder: Path, kind: str = "bert", **changes: Any) -> str:
    """Write a tiny encoder with random weights and a word tokenizer; returns the name of a middle layer."""
    from transformers import AutoModel, BertConfig, DistilBertConfig, PretrainedConfig, RobertaConfig

    from adapters.transformers.models import quiet

    known, size, layers = save_words_tokenizer(folder), 16, 3
    config: PretrainedConfig
    if kind == "distilbert":
        config = DistilBertConfig(
            vocab_size=known, dim=size, n_layers=layers, n_heads=2, hidden_dim=32, max_position_embeddings=32
        )
    else:
        config = (BertConfig if kind == "bert" else RobertaConfig)(
            vocab_size=known,
            hidden_size=size,
            num_hidden_layers=layers,
            num_attention_heads=2,
            intermediate_size=32,
            max_position_embeddings=32,
            pad_token_id=0,
            initializer_range=0.2,
            **changes,
        )
    torch.manual_seed(5)
    with quiet():
        AutoModel.from_config(config).save_pretrained(folder)
    return "transformer.layer.1" if kind == "distilbert" else "encoder.layer.1"


def text_world(folder: Path, kind: str = "bert") -> World:
    """A tiny encoder and sentences."""
    from adapters.transformers.transfer import TransformersTransfers

    layer = save_text_source(folder / "source", kind)
    source = ModelInput(
        folder / "source", Digest.of(kind.encode()), "source", "transformers:BertModel", "test/parent/1"
    )
    return World(TransformersTransfers(), source, text_data(folder), layer, folder)


# --- pictures ------------------------------------------------------------------------------------------------------


def image_data(folder: Path) -> DataInput:
    """Grey images of 12 x 12 in one .npz: a horizontal bar, a vertical bar, or a bright corner, with noise."""
    draw, pictures = np.random.default_rng(4), []
    rows: list[Row] = []
    for split, count in SPLITS.items():
        for _ in range(count):
            kind = len(rows) % 3
            picture = draw.integers(0, 90, (12, 12))
            at = int(draw.integers(1, 9))
            place = (np.s_[at : at + 3, :], np.s_[:, at : at + 3], np.s_[:6, :6])[kind]
            picture[place] += 140
            pictures.append(picture.astype(np.uint8))
            digest = Digest.of(pictures[-1].tobytes())
            rows.append(Row(len(rows), digest, split, CLASSES[kind], path="bars.npz", index=len(rows)))
    np.savez(folder / "bars.npz", x=np.stack(pictures), y=np.array([CLASSES.index(str(r.label)) for r in rows]))
    return DataInput(folder, Digest.of(b"bars"), "test/bars/1", DataFormat.NPZ, Modality.IMAGE, tuple(rows), "train")


def save_image_source(folder: Path) -> str:
    """Write a tiny ResNet with random weights; returns the name of a middle layer."""
    from transformers import ResNetConfig, ResNetModel

    from adapters.transformers.models import quiet

    torch.manual_seed(5)
    shape = {"embedding_size": 8, "hidden_sizes": [8, 16], "depths": [1, 1], "layer_type": "basic"}
    model = ResNetModel(ResNetConfig(**shape))
    with quiet():
        model.save_pretrained(folder)
    document = {"size": {"height": 24, "width": 24}, "image_mean": [0.3] * 3, "image_std": [0.3] * 3}
    (folder / "preprocessor_config.json").write_text(json.dumps(document))
    return "encoder.stages.1"


def image_world(folder: Path) -> World:
    """A tiny convolutional network and images of bars."""
    from adapters.torch.transfer import TorchTransfers

    layer = save_image_source(folder / "source")
    source = ModelInput(folder / "source", Digest.of(b"resnet"), "source", "transformers:ResNetModel", "test/parent/1")
    return World(TorchTransfers(), source, image_data(folder), layer, folder)


def keras_world(folder: Path) -> World:
    """A tiny Keras network and the same images."""
    from adapters.inputs.preprocess import Preprocess
    from adapters.keras.folders import write_model
    from adapters.keras.library import keras
    from adapters.keras.surgery import tensors
    from adapters.keras.transfer import KerasTransfers
    from tests.adapters.keras.networks import tiny

    model = tiny(24)
    (folder / "source").mkdir(exist_ok=True)  # workers that are killed open the world again
    write_model(
        folder / "source", json.loads(json.dumps(keras.saving.serialize_keras_object(model))), tensors(model), {}
    )
    Preprocess(size=24, mean=(0.3, 0.3, 0.3), std=(0.3, 0.3, 0.3)).write(folder / "source")
    source = ModelInput(folder / "source", Digest.of(b"keras"), "source", "keras", "test/parent/1")
    return World(KerasTransfers(), source, image_data(folder), "conv2", folder)


def save_vector_source(folder: Path) -> str:
    """Write random vectors for the words of the texts and some others; returns the name of the only layer."""
    from adapters.gensim.vectors import save_vectors

    words = [*FILLER, *(w for group in WORDS.values() for w in group), "quince", "medlar"]
    vectors = np.random.default_rng(6).normal(size=(len(words), 16)).astype(np.float32)
    folder.mkdir(parents=True, exist_ok=True)
    save_vectors(folder, words, vectors, lower_case=True)
    return "embedding"


def vector_world(folder: Path) -> World:
    """Word vectors and sentences."""
    from adapters.gensim.transfer import GensimTransfers

    layer = save_vector_source(folder / "source")
    source = ModelInput(folder / "source", Digest.of(b"vectors"), "source", "static_embeddings", "test/parent/1")
    return World(GensimTransfers(), source, text_data(folder), layer, folder)


WORLDS = {"gensim": vector_world, "keras": keras_world, "torch": image_world, "transformers": text_world}
NETWORKS = sorted(WORLDS.keys() - {"gensim"})
"""The worlds whose model is a network: averages of vectors have neither domains nor tasks."""


FASTEST = ("gensim", "torch")


def with_each_network(name: str, values: Iterable[object], *quick: tuple[str, object]) -> pytest.MarkDecorator:
    """The fixture `world` of every network with every value of the parameter `name`.

    Quick are those of torch, which is the fastest, and the pairs `quick`; the others are slow tests.
    """
    return _each(NETWORKS, name, values, quick)


def with_each_adapter(name: str, values: Iterable[object], *quick: tuple[str, object]) -> pytest.MarkDecorator:
    """The same with every adapter: those of gensim are quick as well."""
    return _each(sorted(WORLDS), name, values, quick)


def of_each_adapter(*quick: str) -> pytest.MarkDecorator:
    """The fixture `world` of every adapter: quick are the fastest two and those of `quick`, the others slow tests."""
    return _one(sorted(WORLDS), quick)


def of_each_network(*quick: str) -> pytest.MarkDecorator:
    """The same with every network."""
    return _one(NETWORKS, quick)


def _one(worlds: Iterable[str], quick: Sequence[str]) -> pytest.MarkDecorator:
    given = [pytest.param(world, marks=_unless(world in {*FASTEST, *quick})) for world in worlds]
    return pytest.mark.parametrize("world", given, indirect=True)


def _each(
    worlds: Iterable[str], name: str, values: Iterable[object], quick: Sequence[tuple[str, object]]
) -> pytest.MarkDecorator:
    pairs = product(worlds, values)
    given = [pytest.param(*pair, marks=_unless(pair[0] in FASTEST or pair in quick)) for pair in pairs]
    return pytest.mark.parametrize(("world", name), given, indirect=["world"])


def _unless(quick: bool) -> tuple[pytest.MarkDecorator, ...]:
    return () if quick else (pytest.mark.slow,)
