"""What is loaded when: a command that answers at once must not drag a framework in."""

from __future__ import annotations

import json
import subprocess
import sys

import pytest

HEAVY = {
    "alembic",
    "datasets",
    "dvc",
    "fastapi",
    "mlflow",
    "numpy",
    "pandas",
    "pydantic",
    "scipy",
    "sqlalchemy",
    "torch",
    "transformers",
    "uvicorn",
    "yaml",
}
SCRIPT = """
import json, sys
sys.argv = ["forebear", *json.loads({words!r})]
try:
    {statement}
finally:
    sys.stderr.write("\\n" + json.dumps(sorted({{name.partition(".")[0] for name in sys.modules}})))
"""


def loaded(statement: str, *words: str) -> set[str]:
    """The top-level packages that a fresh interpreter has after `statement`."""
    script = SCRIPT.format(words=json.dumps(words), statement=statement)
    run = subprocess.run([sys.executable, "-c", script], capture_output=True, text=True, check=True)
    return set(json.loads(run.stderr.splitlines()[-1]))


@pytest.mark.parametrize("words", [("--help",), ("--version",)])
def test_help_loads_no_framework(words: tuple[str, ...]) -> None:
    assert loaded("import registry.cli; registry.cli.main()", *words) & HEAVY == set()


@pytest.mark.parametrize("words", [("model", "--help"), ("model", "show", "--help")])
def test_the_help_of_a_group_or_command_loads_only_what_typer_reads_words_with(words: tuple[str, ...]) -> None:
    assert loaded("import registry.cli; registry.cli.main()", *words) & HEAVY <= {"pydantic"}


def test_importing_the_package_loads_nothing_of_ours_or_anyones() -> None:
    assert loaded("import registry") & (HEAVY | {"typer", "rich"}) == set()


def test_ports_can_be_imported_where_there_is_no_database_and_no_pydantic() -> None:
    assert loaded("import registry.ports") & (HEAVY | {"typer", "rich"}) == set()


def test_opening_the_house_loads_no_machine_learning() -> None:
    heavy = {"torch", "transformers", "mlflow", "dvc", "pandas", "pyarrow", "fastapi", "uvicorn"}
    assert loaded("import registry.bootstrap") & heavy == set()
