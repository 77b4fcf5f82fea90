"""The commands for recalls: those of docs/recall.md are run as they are written there."""

from __future__ import annotations

import shutil
from pathlib import Path

import numpy as np
from safetensors.numpy import save_file

from tests.command_line import CommandLine, command_line
from tests.house.test_command_lines import FENCE, words_of
from tests.house.tree import ROOT
from tests.serving import ServedRegistry

BLOCKS = FENCE.findall((ROOT / "docs" / "recall.md").read_text("utf-8"))
ANSWERS = [block for block in BLOCKS if block.startswith("[")]
LINES = [line for block in BLOCKS if block not in ANSWERS for line in block.splitlines()]


def _task(forebear: CommandLine, recall: str) -> str:
    """A descendant of the dataset that is taken back."""
    tasks = forebear.ask("recall", "tasks", recall)["items"]
    return next(str(task["ref"]) for task in tasks if task["effect"] == "tainted")


def test_the_commands_of_the_guide_to_recalls_do_what_it_says(served: ServedRegistry, tmp_path: Path) -> None:
    shutil.copytree(served.family.home, tmp_path / "home")
    with command_line(tmp_path) as forebear:
        recall, said = "", {}
        assert len(LINES) == 13
        stolen = forebear.ask("dataset", "show", "vision/digits/1")["files"][0]
        Path("advisory.json").write_text(f"{stolen['sha256'].removeprefix('sha256:')}  {stolen['path']}\n", "utf-8")
        save_file({"layer.weight": np.arange(4096, dtype=np.float32).reshape(64, 64)}, "poisoned.safetensors")
        Path("answers.json").write_text(ANSWERS[0], "utf-8")
        for line in LINES:
            words = words_of(line)
            if recall:
                task = _task(forebear, recall)
                words = [{"RECALL": recall, "TASK": task}.get(word, word) for word in words]
            answer = forebear(*words)
            assert answer.code == 0, (line, answer.err)
            said[next(word for word in words if word not in {"--as", "cleo", "recall"})] = answer.out
            if "open" in words and not recall:
                recall = forebear.ask("recall", "list")["items"][0]["id"]
                assert forebear.refused("dataset", "pull", "datasets:/vision/digits/1", "out")["status"] == 451
    assert "high" in said["upstream"]
    assert "Tainted" in said["preview"]
    assert "confirmed by" in said["confirm"]
    assert "reversed" in said["reverse"]
