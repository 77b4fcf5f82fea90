"""`forebear` as tests type it: in this process, with what it said and what it exited with."""

from __future__ import annotations

import io
import json
from collections.abc import Iterator
from contextlib import contextmanager, redirect_stderr, redirect_stdout
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
        assert self.code == 0, self.err
        return json.loads(self.out)

    @property
    def problem(self) -> Any:
        """The problem object on standard error; there must be nothing on standard output."""
        assert self.code != 0, self.out
        assert self.out == ""
        return json.loads(self.err)


@dataclass(frozen=True)
class CommandLine:
    """Runs `forebear WORDS…` on one home."""

    home: Path

    def __call__(self, *words: object, actor: str | None = None) -> Said:
        """Type it as people do."""
        said = ["--as", actor] if actor else []
        out, err = io.StringIO(), io.StringIO()
        with pytest.MonkeyPatch.context() as patch:
            patch.delenv("PYTEST_CURRENT_TEST", raising=False)  # no worker is forked where the environment differs
            with redirect_stdout(out), redirect_stderr(err), pytest.raises(SystemExit) as ended:
                main([*said, *(str(word) for word in words)])
        code = ended.value.code
        return Said(code if isinstance(code, int) else int(bool(code)), out.getvalue(), err.getvalue())

    def ask(self, *words: object, actor: str | None = None) -> Any:
        """The JSON of the answer; it must succeed."""
        return self(*words, "--output", "json", actor=actor).json

    def refused(self, *words: object, actor: str | None = None) -> Any:
        """The problem object; it must fail."""
        return self(*words, "--output", "json", actor=actor).problem


@contextmanager
def command_line(folder: Path) -> Iterator[CommandLine]:
    """A command line in `folder`, as `ana`, with `folder/home` as its home (not made yet) and no mirror."""
    with pytest.MonkeyPatch.context() as patch:
        for name in ("DATABASE_URL", "SECRET", "DEVICE"):
            patch.delenv(f"FOREBEAR_{name}", raising=False)
        for name in ("URL", "TOKEN", "ALLOW_HTTP"):
            patch.delenv(f"FOREBEAR_{name}", raising=False)
        patch.setenv("XDG_CONFIG_HOME", str(folder / "config"))  # no server that whoever runs the tests signed in to
        patch.setenv("FOREBEAR_HOME", str(folder / "home"))
        patch.setenv("FOREBEAR_ACTOR", "ana")
        patch.setenv("FOREBEAR_MLFLOW_URI", "off")
        patch.setenv("FOREBEAR_THREADS", "1")  # tests run side by side: two threads each would wait for each other
        patch.chdir(folder)
        yield CommandLine(folder / "home")
