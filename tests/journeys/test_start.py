"""The guided way, as somebody walks it: in a terminal, and in a browser."""

from __future__ import annotations

import os
import pty
import re
import select
import subprocess
import sys
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path

import pytest

from tests.adapters.loop.worlds import save_text_source, text_data
from tests.command_line import CommandLine, command_line
from tests.journeys.running import serving

pytestmark = pytest.mark.journey
ROOT = Path(__file__).parents[2]
COLOURS = re.compile(r"\x1b\[[0-9;?]*[A-Za-z]|\r")
PATIENCE = 240.0
"""Seconds that a machine under load may take for one answer."""


def write_table(folder: Path, *, copies: int) -> Path:
    """Sentences about three fruits, with columns of unusual names and no splits, each of them `copies` times over."""
    file = folder / "My Fruit.csv"
    lines = [f"{row.text} {n},{row.label}" for n in range(copies) for row in text_data(folder).rows]
    file.write_text("\n".join(["sentence,fruit", *lines, lines[0]]) + "\n", encoding="utf-8")
    return file


def save_trained(folder: Path, save: Callable[[Path], object] = save_text_source) -> None:
    """A tiny source, of texts unless `save` makes another, whose weights are not those that it began with."""
    import torch
    from safetensors.torch import load_file, save_file

    save(folder)
    torch.manual_seed(0)
    weights = load_file(folder / "model.safetensors")
    weights |= {key: one + 0.05 * torch.randn_like(one) for key, one in weights.items() if one.is_floating_point()}
    save_file(weights, folder / "model.safetensors", metadata={"format": "pt"})


@contextmanager
def in_a_terminal(folder: Path, *words: str) -> Iterator[tuple[int, subprocess.Popen[bytes]]]:
    """`forebear WORDS…` with a terminal of its own: the other end of it, and the process."""
    near, far = pty.openpty()
    environment = {**os.environ, "PYTHONPATH": str(ROOT), "COLUMNS": "120", "TERM": "xterm"}
    command = [sys.executable, "-P", "-m", "registry.cli", *words]
    try:
        with subprocess.Popen(
            command, stdin=far, stdout=far, stderr=far, cwd=folder, env=environment, start_new_session=True
        ) as process:
            os.close(far)
            try:
                yield near, process
            finally:
                process.kill()
    finally:
        os.close(near)


def until(near: int, words: str) -> str:
    """What is written up to `words`."""
    said = ""
    while words not in said:
        ready, _, _ = select.select([near], [], [], PATIENCE)
        assert ready, f"{words!r} was not written; this was: {said[-3000:]}"
        try:
            chunk = os.read(near, 65536)
        except OSError:  # the process has ended
            chunk = b""
        assert chunk, f"it ended before {words!r}: {said[-3000:]}"
        said += COLOURS.sub("", chunk.decode(errors="replace"))
    return said


@pytest.fixture
def forebear(tmp_path: Path) -> Iterator[CommandLine]:
    with command_line(tmp_path) as typed:
        typed("init")
        save_trained(tmp_path / "small")
        typed.ask("model", "import", "library/small", tmp_path / "small", "--licence", "mit")
        yield typed


def test_a_terminal_leads_from_a_file_to_a_verdict_and_a_request(forebear: CommandLine, tmp_path: Path) -> None:
    file = write_table(tmp_path, copies=3)
    answers = (
        ("A file, a folder, or a number from this list", str(file)),
        ("Name of the dataset [data/my-fruit]", ""),
        ("The column of texts", "1"),
        ("The column of labels", ""),
        ("Its licence", "cc0-1.0"),
        ("Press Enter to go on", ""),
        ("Start from 1 library/small/1?", "b"),
        ("Press Enter to go on", ""),
        ("Start from 1 library/small/1?", "1"),
        ("Method: 1 ", "feature_extraction"),
        ("Compare with baselines?", "maybe"),
        ("Compare with baselines?", "y"),
        ("Press Enter to go on", ""),
        ("Request the promotion to candidate?", "y"),
    )
    with in_a_terminal(tmp_path, "start") as (near, process):
        said = ""
        for question, answer in answers:
            said += until(near, question)
            os.write(near, answer.encode() + b"\n")
        said += until(near, "stage")
        assert process.wait(PATIENCE) == 0
    assert "244 rows" in said
    assert "1 row is a copy of an earlier one" in said
    ranked = forebear.ask("audit", "show", "--action", "selection.recommended")["items"]
    assert len(ranked) == 1  # going back ranks nothing anew
    assert "'maybe' is not an answer here" in said
    assert "The transfer is" in said
    assert "source: library/small/1" in said
    version = forebear.ask("model", "show", "data/my-fruit-small/1")
    step = forebear.ask("transfer", "show", version["step"])
    recipe = said[said.rindex("schema: forebear/recipe/v1") :]
    assert f"output: {version['summary']['ref'].removeprefix('models:/').removesuffix('/1')}" in recipe
    assert step["recipe"]["method"] == "feature_extraction"
    (request,) = forebear.ask("promote", "list")["items"]
    assert request["to_stage"] == "candidate"


def test_without_a_terminal_the_recommendation_is_taken_or_refused(forebear: CommandLine, tmp_path: Path) -> None:
    file = write_table(tmp_path, copies=1)
    assert "There is no terminal to ask questions in" in forebear.refused("start", file)["detail"]
    columns = ("--text", "sentence", "--label", "fruit", "--licence", "cc0-1.0")
    recipe = tmp_path / "mine.yaml"
    report = forebear.ask("start", file, *columns, "--yes", "--recipe-only", recipe)
    assert recipe.read_text() == report["starts"][0]["recipe"]
    assert "is there already" in forebear.refused("start", file, "--yes", "--recipe-only", recipe)["detail"]
    step = forebear.ask("start", "data/my-fruit", "--yes", "--no-baselines")
    assert step["summary"]["state"] == "succeeded"
    assert forebear.ask("promote", "list")["items"] == []
    quit_ = forebear("start", "data/nothing", "--yes")
    assert "neither a file nor a registered dataset" in quit_.err


def test_a_server_ranks_in_a_process_of_its_own_and_its_client_sees_each_candidate(
    forebear: CommandLine, tmp_path: Path
) -> None:
    file = write_table(tmp_path, copies=1)
    token = forebear("token", "create", "ana", "--label", "laptop", "--output", "json").json["secret"]
    with serving(forebear.home) as address, pytest.MonkeyPatch.context() as patch:
        patch.setenv("FOREBEAR_URL", address)
        patch.setenv("FOREBEAR_TOKEN", token)
        patch.delenv("FOREBEAR_HOME")
        patch.delenv("FOREBEAR_ACTOR")
        columns = ("--text", "sentence", "--label", "fruit", "--licence", "cc0-1.0")
        said = forebear("start", file, *columns, "--yes", "--no-baselines")
        assert said.code == 0, said.err
        assert "Scored library/small/1: accuracy" in said.err
        assert "source: library/small/1" in said.out
        assert forebear.refused("recommend", "data/my-fruit", "--split", "nowhere")["code"] == "invalid"
        wrong = forebear.refused("recommend", "data/my-fruit", "--model", "models:/data/my-fruit-small")
        assert "It was made with datasets:/data/my-fruit/1 itself" in wrong["detail"]
