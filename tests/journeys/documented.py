"""The lines that docs/connecting.md gives for each tool, run as somebody pastes them, with the names of a registry."""

from __future__ import annotations

import re
import subprocess
import sys
from collections.abc import Iterator, Mapping
from pathlib import Path

from tests.house.tree import ROOT

PAGE = ROOT / "docs" / "connecting.md"
SERVER, TOKEN = "https://models.example.com", "fbr_…"
COMMANDS = {"forebear": "-m registry.cli", "python": "", "hf": "-m huggingface_hub.cli.hf", "mlflow": "-m mlflow"}
"""Commands that the lines use, as arguments of this Python."""
TRACKING = "import mlflow\n\nmlflow.set_tracking_uri("
"""How the lines begin that need a tracking server: `test_mlflow_tracking` runs them."""
NOT_HERE = ("oras ", TRACKING)
"""Commands of which the page says that they were not tried, and those that are run elsewhere."""
_BLOCK = re.compile(r"^```(bash|python)\n(.*?)^```", re.MULTILINE | re.DOTALL)
_ASKED = re.compile(r"^forebear login (\S+) +# asks for the token$", re.MULTILINE)


def block(beginning: str) -> str:
    """The one block of the page that begins so."""
    (found,) = (text for _, text in _BLOCK.findall(PAGE.read_text(encoding="utf-8")) if text.startswith(beginning))
    return str(found)


def scripts(address: str, token: str, names: Mapping[str, str]) -> Iterator[str]:
    """Each block of the page as a script for a shell, with `names` in place of those that the page has."""
    for kind, text in _BLOCK.findall(PAGE.read_text(encoding="utf-8")):
        if text.startswith(NOT_HERE):
            continue
        script = _ASKED.sub(r"forebear login \1 --token-stdin < token.txt", text)
        for name, own in names.items():
            script = script.replace(name, own)
        script = script.replace(SERVER, address).replace(TOKEN, token)
        yield f"python - <<'END'\n{script}\nEND\n" if kind == "python" else script


def paste(script: str, folder: Path, environment: Mapping[str, str]) -> None:
    """Run a script in a folder, with the commands of this installation; it must succeed."""
    for name, words in COMMANDS.items():
        (folder / name).write_text(f'#!/bin/sh\nexec "{sys.executable}" -W ignore {words} "$@"\n')
        (folder / name).chmod(0o755)
    around = {**environment, "PATH": f"{folder}:{environment['PATH']}"}
    done = subprocess.run(
        ["/bin/sh", "-eu", "-c", script],
        cwd=folder,
        env=around,
        capture_output=True,
        text=True,
        timeout=240,
        check=False,
    )
    assert done.returncode == 0, f"{script}\n{done.stdout[-2000:]}{done.stderr[-3000:]}"
