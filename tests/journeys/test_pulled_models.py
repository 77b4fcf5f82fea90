"""A model's whole story on the command line, up to a process that knows the pulled folder and transformers alone."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import pytest

from adapters.transformers.models import quiet
from benchmarks.families import IMPORT
from benchmarks.image_families import hub_folder
from benchmarks.material.tiny_texts import families, save_source
from benchmarks.text_families import WORDS
from tests.adapters.loop.worlds import image_data
from tests.adapters.transformers.test_every_family import REFUSED, TUNE
from tests.journeys.pulling import RECIPES, Journey, journey
from tests.journeys.worlds import write_sentences

pytestmark = pytest.mark.journey

QUICK = (("bert", "probe"), ("llama", "tuned"))
"""An encoder whose probe has a definition of ours, and a decoder that answers at its last token that is not padding."""
OF_SEVERAL_KINDS = frozenset({"perceiver"})
"""Read anything as numbers, so the import asks which kind."""


@pytest.fixture(scope="module")
def texts(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Journey]:
    folder = tmp_path_factory.mktemp("texts")
    with journey(folder, write_sentences(folder), "text-classification") as found:
        yield found


def published(texts: Journey, family: str) -> Path:
    folder = texts.folder / "published" / family
    with quiet():
        save_source(folder, family, WORDS)
    return folder


@pytest.mark.parametrize(("family", "way"), QUICK)
def test_every_recorded_prediction_of_a_text_model_is_repeated_from_the_folder_that_was_pulled(
    family: str, way: str, texts: Journey
) -> None:
    source = texts.imported(family, published(texts, family))
    texts.check(texts.pulled(source, family, way, RECIPES[way]), classes=2)
    (step, *_) = texts.typed.ask("transfer", "list")["items"]
    assert "whole texts, " in texts.typed("transfer", "show", step["id"]).out


@pytest.mark.slow
@pytest.mark.parametrize("family", families())
def test_so_is_every_prediction_of_every_type_of_text_model_or_its_user_reads_why_it_cannot_be_trained(
    family: str, texts: Journey
) -> None:
    refused = REFUSED.get(family, {})
    if IMPORT in refused:  # transformers itself cannot make a model of it here
        with pytest.raises(ImportError, match=refused[IMPORT]):
            published(texts, family)
        return
    said = ("--modality", "text") if family in OF_SEVERAL_KINDS else ()
    source = texts.imported(f"any-{family}", published(texts, family), *said)
    for way, known in (("probe", "probe"), ("tuned", TUNE)):
        if known in refused:
            with pytest.raises(AssertionError, match=f"{refused[known]}|cannot be run on tokens alone"):
                texts.pulled(source, f"any-{family}", way, RECIPES[way])
        else:
            texts.check(texts.pulled(source, f"any-{family}", way, RECIPES[way]), classes=1)


@pytest.mark.slow
@pytest.mark.parametrize(("kind", "definition"), [("resnet", None), ("dinov3_vit", "transformers_mlp.py")])
def test_every_recorded_prediction_of_an_image_model_is_repeated_from_the_folder_that_was_pulled(
    kind: str, definition: str | None, tmp_path: Path
) -> None:
    image_data(tmp_path)
    with journey(tmp_path, tmp_path / "bars.npz", "image-classification") as pictures:
        source = pictures.imported("tiny", hub_folder(tmp_path / "hub", kind))
        pulled = pictures.pulled(source, "bars", "probe", RECIPES["probe"])
        assert (pulled / "transformers_mlp.py").exists() is (definition is not None)
        pictures.check(pulled, classes=3)
