"""A command line that runs in this process, and what it said."""

from __future__ import annotations

import json
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import pytest

from registry.cli import main


@dataclass(frozen=True)
class Said:
    """What one command line wrote, and what it exited with."""

    code: int
    out: str
    err: str

    @property
    def json(self) -> Any:
        """Standard output as JSON; it must be JSON and nothing else."""
        return json.loads(self.out)

    @property
    def problem(self) -> Any:
        """The problem object on standard error."""
        return json.loads(self.err)


Forebear = Callable[..., Said]


@pytest.fixture
def forebear(tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capfd: pytest.CaptureFixture[str]) -> Forebear:
    """Run `forebear WORDS…` in an empty folder, as `ana`, with a home that is not made yet."""
    for name in ("DATABASE_URL", "MLFLOW_URI", "SECRET"):
        monkeypatch.delenv(f"FOREBEAR_{name}", raising=False)
    monkeypatch.setenv("FOREBEAR_HOME", str(tmp_path / "home"))
    monkeypatch.setenv("FOREBEAR_ACTOR", "ana")
    monkeypatch.chdir(tmp_path)

    def run(*words: object) -> Said:
        capfd.readouterr()
        with pytest.raises(SystemExit) as ended:
            main([str(word) for word in words])
        said = capfd.readouterr()
        code = ended.value.code
        return Said(code if isinstance(code, int) else 0, said.out, said.err)

    return run
