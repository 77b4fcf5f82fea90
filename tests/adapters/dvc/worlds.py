"""Small datasets drawn on disk, and the real `dvc` and `git` commands to compare with."""

from __future__ import annotations

import os
import subprocess
import sys
from collections.abc import Mapping
from pathlib import Path

import yaml
from PIL import Image

from adapters.dvc.source import DvcSource
from registry.domain.data.datasets import DataFormat, LabelKind, SplitPlan
from registry.limits import DataLimits
from registry.ports.data import DataListing, HowToRead


def read(
    source: Path,
    scratch: Path,
    *,
    split: SplitPlan | None = None,
    label: str = "label",
    text: str = "text",
    rev: str | None = None,
    labels: LabelKind = LabelKind.CLASS,
    format: DataFormat | None = None,
    limits: DataLimits | None = None,
    group: str | None = None,
) -> DataListing:
    """Read `source` with fresh staging and a cache under `scratch`."""
    staging = scratch / "staging"
    staging.mkdir(parents=True, exist_ok=True)
    how = HowToRead(split or SplitPlan(), label, text, labels, format, group)
    reader, fetched = DvcSource(), None
    if rev is not None or source.suffix == ".dvc":
        fetched = reader.fetch(source, staging=staging, rev=rev)
        source = fetched.data
    return reader.read(
        source, how, staging=staging, cache=scratch / "cache", limits=limits or DataLimits(), fetched=fetched
    )


def draw(root: Path, files: Mapping[str, str | bytes]) -> Path:
    """Write `files` (path: content) under `root`."""
    for name, content in files.items():
        path = root / name
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_bytes(content.encode() if isinstance(content, str) else content)
    return root


def paint(path: Path, shade: int, size: tuple[int, int] = (4, 4)) -> Path:
    """A grey picture, in the format of the suffix."""
    path.parent.mkdir(parents=True, exist_ok=True)
    Image.new("L", size, shade).save(path)
    return path


def paint_classes(root: Path, classes: Mapping[str, int]) -> Path:
    """A folder per class with so many different pictures."""
    for number, (name, count) in enumerate(classes.items()):
        for shade in range(count):
            paint(root / name / f"{shade}.png", shade + 20 * number)
    return root


def quiet() -> dict[str, str]:
    """The environment for a real dvc or git that reads no settings of this machine and reports nothing."""
    return {
        "PATH": f"{Path(sys.executable).parent}{os.pathsep}{os.environ['PATH']}",
        "HOME": os.environ.get("HOME", "/"),
        "DVC_NO_ANALYTICS": "1",
        "GIT_CONFIG_GLOBAL": os.devnull,
        "GIT_CONFIG_SYSTEM": os.devnull,
        "GIT_AUTHOR_NAME": "t",
        "GIT_AUTHOR_EMAIL": "t@example.org",
        "GIT_COMMITTER_NAME": "t",
        "GIT_COMMITTER_EMAIL": "t@example.org",
    }


def run(folder: Path, *command: str) -> str:
    """Run a command in `folder`; give what it printed."""
    done = subprocess.run(command, cwd=folder, env=quiet(), check=False, capture_output=True, text=True)
    assert done.returncode == 0, done.stderr + done.stdout
    return done.stdout


def dvc(folder: Path, *arguments: str) -> str:
    """Run the real `dvc`."""
    return run(folder, sys.executable, "-m", "dvc", *arguments)


def dvc_name(pointer: Path) -> tuple[str, int, int]:
    """MD5, size and number of files that `dvc add` wrote into a `.dvc` file."""
    out = yaml.safe_load(pointer.read_text())["outs"][0]
    return out["md5"], out["size"], out.get("nfiles", 1)
