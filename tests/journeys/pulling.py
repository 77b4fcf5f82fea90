"""From a published folder to a pulled one with the registry's own verbs, and what stock libraries make of it."""

from __future__ import annotations

import shutil
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path

import pytest

from adapters.engines.asking import FOLDER
from adapters.engines.local import WARM_SECONDS
from benchmarks.material.stock import stock
from tests.command_line import CommandLine, command_line
from tests.importing import importing_here

SAID = ("--licence", "CC0-1.0", "--origin", "made up")
RECIPE = "schema: forebear/recipe/v1\noutput: {output}\nsource: {source}\ndata: {{train: datasets:/data/rows/1}}\n"


@dataclass(frozen=True)
class Journey:
    """A registry with one dataset; `data` is its file."""

    typed: CommandLine
    data: Path
    folder: Path

    def imported(self, family: str, published: Path, *more: str) -> str:
        """Import a folder of the Hub; gives its reference."""
        self.typed.ask("model", "import", f"library/{family}", published, *SAID, *more)
        return f"models:/library/{family}/1"

    def pulled(self, source: str, family: str, way: str, body: str) -> Path:
        """Transfer `source` by a recipe that ends in `body`; gives the folder of the child that was pulled."""
        name = f"{way}/{family}"
        recipe = self.folder / f"{way}-{family}.yaml"
        recipe.write_text(RECIPE.format(output=name, source=source) + body, encoding="utf-8")
        done = self.typed.ask("transfer", "run", recipe)
        assert done["summary"]["state"] == "succeeded"
        folder = self.folder / f"{way}-{family}"
        self.typed.ask("model", "pull", f"models:/{name}/1", "--to", folder)
        return folder

    def check(self, folder: Path, *, classes: int) -> None:
        """Stock libraries repeat every recorded prediction, of which there are so many different ones at least."""
        predicted, recorded = stock().repeats(folder, self.data)
        assert predicted == recorded
        assert len(set(recorded)) >= classes


@contextmanager
def journey(folder: Path, data: Path, task: str) -> Iterator[Journey]:
    """A new registry in `folder` that has the dataset `data/rows`. Workers are forked: no libraries to load again."""
    with command_line(folder) as typed, importing_here(), pytest.MonkeyPatch.context() as patch:
        patch.setenv(WARM_SECONDS, "300")
        typed.ask("init")
        typed.ask("dataset", "add", "data/rows", data, "--task", task, *SAID)
        yield Journey(typed, data, folder)
        shutil.rmtree(typed.home / FOLDER, ignore_errors=True)  # a fork server without a socket ends


RECIPES: Mapping[str, str] = {
    "probe": "method: feature_extraction\nhead: ridge\n",
    "tuned": "method: fine_tuning\nepochs: 1\noptimizer: {lr: 0.01}\n",
}
"""By a word for it, the end of a recipe."""
