"""Each bomb in the files of a model is refused before it is built, soon and in little memory."""

from __future__ import annotations

import json
import re
import subprocess
import sys
import time
from pathlib import Path

import pytest

from adapters.weights.claims import check_claims
from adapters.weights.foreign.layer_graphs import input_side
from registry.errors import BadArtifactError, RegistryError
from registry.sandbox.child import convert
from registry.sandbox.wire import Request
from tests.bombs.models import BUILT, MODELS, ModelBomb

SCRIPT = """
import json, resource, sys
from pathlib import Path
from registry.errors import RegistryError
from registry.sandbox.parent import convert_in_subprocess
source, target = map(Path, sys.argv[1:])
try:
    convert_in_subprocess(source, target, architecture=None, pickles=False, memory=0, seconds=60)
    message = "accepted"
except RegistryError as error:
    message = str(error)
used = resource.getrusage(resource.RUSAGE_CHILDREN)
print(json.dumps([message, used.ru_utime + used.ru_stime, used.ru_maxrss * 1024, target.exists()]))
"""


def in_subprocess(bomb: ModelBomb, folder: Path, *, seconds: float) -> None:
    (folder / "source").mkdir()
    words = [sys.executable, "-c", SCRIPT, str(bomb.build(folder / "source")), str(folder / "target")]
    done = subprocess.run(words, capture_output=True, text=True, check=True)
    message, used, peak, left = json.loads(done.stdout)
    assert re.search(bomb.words, message), message
    assert used < seconds
    assert peak < 500_000_000
    assert not left


LARGE = re.compile(r"million-labels|300,000|js-numbers|js-floats|js-marks|70-MB")
"""The bombs that take a while to build; `make test-slow` has them."""


@pytest.mark.parametrize("bomb", [one for one in MODELS if not LARGE.search(one.name)], ids=lambda bomb: bomb.name)
def test_what_a_model_claims_is_refused_before_it_is_built(bomb: ModelBomb, tmp_path: Path) -> None:
    (tmp_path / "source").mkdir()
    (tmp_path / "target").mkdir()
    source, began = bomb.build(tmp_path / "source"), time.process_time()
    with pytest.raises(RegistryError, match=bomb.words):
        convert(
            Request(str(source), str(tmp_path / "target"), None, pickles=False, memory=0, seconds=0, largest_file=0)
        )
    assert time.process_time() - began < 4  # the first one imports the importers


@pytest.mark.slow
@pytest.mark.parametrize("bomb", MODELS, ids=lambda bomb: bomb.name)
def test_a_bomb_in_a_model_takes_less_than_two_seconds_and_500_mb(bomb: ModelBomb, tmp_path: Path) -> None:
    in_subprocess(bomb, tmp_path, seconds=2)


@pytest.mark.slow
@pytest.mark.parametrize("bomb", BUILT, ids=lambda bomb: bomb.name)
def test_a_network_of_absurd_size_is_refused_without_its_memory(bomb: ModelBomb, tmp_path: Path) -> None:
    in_subprocess(bomb, tmp_path, seconds=10)


@pytest.mark.parametrize(
    "document",
    [
        {"num_hidden_layers": 12, "vocab_size": 250_000, "max_position_embeddings": 1_000_000},
        {"depths": [3, 3, 27, 3], "num_experts": 512, "num_labels": 21_843, "pad_token_id": 10**9},
        {"text_config": {"n_layer": 96}, "layer_types": ["full_attention"] * 96, "tie_word_embeddings": True},
        {"num_hidden_layers": 5_000},
    ],
)
def test_claims_of_sound_models_are_believed(document: dict[str, object]) -> None:
    check_claims(document, 6_000)


def test_a_model_that_asks_for_an_enormous_picture_is_not_tried() -> None:
    layers = [{"name": "in", "config": {"batch_input_shape": [None, 100_000, 100_000, 3]}}]
    with pytest.raises(BadArtifactError, match="pictures of 100,000 pixels a side, more than 1,024"):
        input_side(layers, otherwise=299)
