"""A model in shards is never held twice in memory: an import copies in pieces, and opening it for training maps it."""

from __future__ import annotations

import json
import os
import subprocess
import sys
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[3]
SCRIPT = """
import json, sys, threading, time
from pathlib import Path

from transformers import LlamaConfig, LlamaModel

from adapters.loop.tasks.roles import read_roles
from adapters.transformers.importer import HuggingFaceImporter
from adapters.transformers.models import quiet
from adapters.transformers.transfer import TransformersTransfers
from benchmarks.material import workload
from benchmarks.text_families import WORDS, sentences
from benchmarks.material.tiny_texts import save_tokenizer
from lineage import Digest
from registry.domain.recipes.recipe import Method
from registry.ports.transfers import ModelInput


def anonymous():
    (line,) = [line for line in open("/proc/self/status") if line.startswith("RssAnon")]
    return int(line.split()[1]) * 1024  # memory of its own: pages of mapped files can be dropped at any time


def most(call):
    start, peaks, over = anonymous(), [0], threading.Event()
    def watch():
        while not over.wait(0.002):
            peaks.append(anonymous() - start)
    thread = threading.Thread(target=watch)
    thread.start()
    kept = call()
    over.set()
    thread.join()
    return max(peaks), kept


folder, step, layers = Path(sys.argv[1]), sys.argv[2], int(sys.argv[3])
published, source = folder / "published", folder / "source"
if step == "make":
    words = save_tokenizer(published, WORDS, decoder=True, spelled=False)
    shape = {"hidden_size": 512, "intermediate_size": 2048, "num_attention_heads": 8, "max_position_embeddings": 128}
    with quiet():
        model = LlamaModel(LlamaConfig(vocab_size=words, num_hidden_layers=layers, pad_token_id=None, **shape))
        model.save_pretrained(published, max_shard_size="40MB")
    print(json.dumps(sum(path.stat().st_size for path in published.glob("*.safetensors"))))
elif step == "import":
    source.mkdir()
    print(json.dumps(most(lambda: HuggingFaceImporter().convert(published, source, architecture=None))[0]))
else:
    given = ModelInput(source, Digest.of(b"large"), "source", "transformers:LlamaModel", "bench/large/1")
    job = workload.job(folder, "work", given, sentences(folder), Method(step))
    task = read_roles(job, None).task
    opened = lambda: TransformersTransfers().open(given, job.recipe, task, keep_head=False, fresh=False)
    peak, learner = most(opened)
    out = folder / step
    out.mkdir()
    print(json.dumps(max(peak, most(lambda: learner.save(out, task))[0])))
"""


def run(folder: Path, step: str, layers: int) -> int:
    """Bytes: the size of the shards for `make`, else the largest growth of the process's own memory."""
    done = subprocess.run(
        [sys.executable, "-W", "ignore", "-c", SCRIPT, str(folder), step, str(layers)],
        capture_output=True,
        text=True,
        env=os.environ | {"OMP_NUM_THREADS": "1", "PYTHONPATH": str(ROOT), "HF_HUB_OFFLINE": "1"},
        timeout=250,
        check=False,
    )
    assert done.returncode == 0, done.stderr
    return int(json.loads(done.stdout.splitlines()[-1]))


@pytest.mark.slow
@pytest.mark.skipif(sys.platform != "linux", reason="reads /proc")
def test_a_model_of_200_megabytes_in_shards_is_imported_opened_and_saved_with_little_memory_of_its_own(
    tmp_path: Path,
) -> None:
    size = run(tmp_path, "make", 12)
    assert size > 200e6
    assert len(list((tmp_path / "published").glob("model-*.safetensors"))) > 4
    assert run(tmp_path, "import", 12) < 0.25 * size
    for step in ("feature_extraction", "fine_tuning", "adapter"):
        assert run(tmp_path, step, 12) < 1.25 * size  # once; less, where the file can stay mapped
