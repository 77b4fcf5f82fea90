"""The GPU benchmark runs anywhere in its smallest form, so that it runs when there is a GPU."""

from __future__ import annotations

import os
import subprocess
import sys
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[2]


@pytest.mark.slow
def test_the_gpu_benchmark_fills_its_table_in_smoke_mode() -> None:
    done = subprocess.run(
        [sys.executable, "-m", "benchmarks.gpu", "--smoke"],
        cwd=ROOT,
        env=os.environ | {"OMP_NUM_THREADS": "1", "HF_HUB_OFFLINE": "1", "CUDA_VISIBLE_DEVICES": ""},
        capture_output=True,
        text=True,
        timeout=280,
        check=False,
    )
    assert done.returncode == 0, done.stderr
    for name in ("ViT-B/16", "ResNet-50", "BERT-base", "LoRA on BERT"):
        (line,) = [line for line in done.stdout.splitlines() if name in line]
        assert sum(float(cell.replace(",", "")) > 0 for cell in line.split("│")[2:6]) == 4
