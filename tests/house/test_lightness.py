"""What is loaded when: a command that answers at once must not drag a framework in."""

from __future__ import annotations

import json
import subprocess
import sys
from pathlib import Path

import pytest

from registry.bootstrap import init
from registry.settings import Settings

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
    sys.stderr.write("\\n" + json.dumps(sorted(sys.modules)))
"""
GROUPS = {"model", "dataset", "recipe", "transfer", "lineage", "evidence", "promote", "policy", "people", "audit"}
"""The modules of `registry.cli.commands` that hold groups."""


def modules(statement: str, *words: str) -> set[str]:
    """The modules that a fresh interpreter has after `statement`."""
    script = SCRIPT.format(words=json.dumps(words), statement=statement)
    run = subprocess.run([sys.executable, "-c", script], capture_output=True, text=True, check=True)
    return set(json.loads(run.stderr.splitlines()[-1]))


def loaded(statement: str, *words: str) -> set[str]:
    """The top-level packages of those modules."""
    return {name.partition(".")[0] for name in modules(statement, *words)}


def groups(*words: str) -> set[str]:
    """The groups of commands whose modules `forebear WORDS…` has imported."""
    found = modules("import registry.cli; registry.cli.main()", *words)
    prefix = "registry.cli.commands."
    return {name.removeprefix(prefix) for name in found if name.startswith(prefix)} & GROUPS


@pytest.mark.parametrize("words", [("--help",), ("--version",)])
def test_help_loads_no_framework(words: tuple[str, ...]) -> None:
    assert loaded("import registry.cli; registry.cli.main()", *words) & HEAVY == set()


@pytest.mark.parametrize("words", [("model", "--help"), ("model", "show", "--help")])
def test_the_help_of_a_group_or_command_loads_only_what_typer_reads_words_with(words: tuple[str, ...]) -> None:
    assert loaded("import registry.cli; registry.cli.main()", *words) & HEAVY <= {"pydantic"}


@pytest.mark.parametrize("words", [("--help",), ("--version",), ("init", "--help")])
def test_help_imports_no_group_of_commands(words: tuple[str, ...]) -> None:
    assert groups(*words) == set()
    found = modules("import registry.cli; registry.cli.main()", *words)
    assert not any(name.startswith("registry.domain") for name in found)


def test_a_command_imports_its_own_group_only() -> None:
    assert groups("model", "show", "--help") == {"model"}
    assert groups("person", "list", "--help") == {"people"}


def test_opening_a_registry_imports_the_verbs_of_no_subject() -> None:
    found = modules("import registry.bootstrap")
    assert {name for name in found if name.startswith("registry.services.") and name.endswith(".verbs")} == set()
    assert found & {"pydantic", "yaml", "registry.services.doctor"} == set()


def test_importing_the_package_loads_no_heavy_library() -> None:
    assert loaded("import registry") & (HEAVY | {"typer", "rich"}) == set()


def test_ports_can_be_imported_where_there_is_no_database_and_no_pydantic() -> None:
    assert loaded("import registry.ports") & (HEAVY | {"typer", "rich"}) == set()


def test_opening_a_registry_loads_no_machine_learning_library() -> None:
    heavy = {"torch", "transformers", "mlflow", "dvc", "pandas", "pyarrow", "fastapi", "uvicorn"}
    assert loaded("import registry.bootstrap") & heavy == set()


def test_a_server_starts_without_what_its_first_requests_do_not_need() -> None:
    found = loaded("import registry.server, registry.connections")
    assert found & HEAVY == {"fastapi", "pydantic", "uvicorn", "yaml"}


def test_the_process_that_registers_a_dataset_loads_no_library_that_could_read_it(tmp_path: Path) -> None:
    init(tmp_path / "home", settings=Settings(), actor="ana")
    table = tmp_path / "t.csv"
    table.write_text("text,label\ngood,a\nbad,b\n", encoding="utf-8")
    words = ("--home", str(tmp_path / "home"), "--as", "ana", "dataset", "add", "a/b", str(table), "--licence", "mit")
    found = loaded("import registry.cli; registry.cli.main()", *words)
    assert "sqlalchemy" in found
    assert found & {"PIL", "adapters", "dvc", "pyarrow", "numpy", "pandas"} == set()


TRAINED = """
import torch
from adapters.loop.training.optimizers import build
from adapters.torch.transfer import TorchTransfers
from adapters.loop.machine.determinism import deterministic
from adapters.loop.training.flops import learning_flops
from registry.domain.recipes.recipe import Optimizer
from registry.ports.transfers import Determinism
layer = torch.nn.Linear(2, 1)
for name in ("adamw", "sgd"):
    optimizer = build([{"params": list(layer.parameters())}], Optimizer(name=name))
    optimizer.zero_grad()
    layer(torch.ones(1, 2)).sum().backward()
    optimizer.step()
    optimizer.load_state_dict(optimizer.state_dict())
with deterministic(Determinism(0, 1)):
    assert learning_flops(layer, layer, torch.ones(1, 2)) > 0
"""


def test_training_an_image_model_does_not_load_torchs_compiler() -> None:
    found = modules(f"exec({TRAINED!r})")
    assert "torch.optim.adamw" in found
    assert "torch._dynamo" not in found
