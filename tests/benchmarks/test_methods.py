"""The table of methods: every method stands in it, in an order that works, and one row is really run."""

from __future__ import annotations

import os
import subprocess
import sys
from pathlib import Path

import pytest

from benchmarks.material.method_recipes import IMAGES, TEXTS, Entry
from benchmarks.methods import chosen
from registry.domain.recipes.methods import NEEDS
from registry.domain.recipes.recipe import Method
from registry.services.recipes.recipes import read_recipe

ROOT = Path(__file__).parents[2]
ENTRIES = (*IMAGES, *TEXTS)


def test_every_method_but_pretraining_from_nothing_has_a_row() -> None:
    assert {entry.method for entry in ENTRIES} == {method.value for method in NEEDS} - {Method.PRETRAINING.value}


@pytest.mark.parametrize("entry", ENTRIES, ids=lambda entry: entry.name)
def test_every_recipe_reads_and_stands_below_those_that_it_builds_on(entry: Entry) -> None:
    read_recipe(entry.recipe)
    assert entry.needs <= {above.name for above in ENTRIES[: ENTRIES.index(entry)]}


def test_the_option_only_takes_names_and_methods_and_adds_what_they_build_on() -> None:
    assert [entry.name for entry in chosen(["coral"])] == ["source-only", "coral"]
    assert {"lp-ft", "lp-ft-again", "soup"} == {entry.name for entry in chosen(["merge"])}
    assert chosen(["texts"]) == list(TEXTS)
    assert chosen([]) == list(ENTRIES)
    with pytest.raises(SystemExit, match="no such name"):
        chosen(["alchemy"])


@pytest.mark.slow
def test_a_row_shows_value_interval_baseline_and_peer() -> None:
    done = subprocess.run(
        [sys.executable, "-m", "benchmarks.methods", "--only", "few-shot"],
        cwd=ROOT,
        env=os.environ | {"OMP_NUM_THREADS": "1", "HF_HUB_OFFLINE": "1"},
        capture_output=True,
        text=True,
        timeout=280,
        check=False,
    )
    assert done.returncode == 0, done.stderr
    (line,) = [line for line in done.stderr.splitlines() if line.startswith("feature_extraction")]
    cells = line.split(" | ")
    assert float(cells[4].split()[0]) > 0.6
    assert float(cells[5]) < 0.2
    assert cells[6].endswith("pixels")
