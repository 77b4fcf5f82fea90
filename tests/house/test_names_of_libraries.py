"""Only adapters know the libraries that they integrate: no code in `registry/` names one."""

from __future__ import annotations

import ast
import re
from collections.abc import Iterator
from pathlib import Path

import pytest

from registry.services.extras import extras
from tests.house.tree import ROOT, modules

OF_THE_SERVER = ("server", "postgres", "keyring", "notices", "passwords", "oidc")
"""Extras of the registry itself."""
RECORDED = {"dvc", "mlflow"}
"""Tools whose names are part of what the registry records: the DVC hash of a dataset, the MLflow run of a step."""
BESIDE = {"torchrun", "torchelastic", "torchvision", "tokenizers", "tensorflow", "sklearn", "h5py", "pil"}
"""Names that go with those libraries, and are not what an extra installs."""
ALLOWED = {
    "registry/api/mlflow/flavours.py": {"transformers": "the name of a flavour in the protocol of MLflow"},
    "registry/cli/commands/transfer.py": {"ray": "help for people names the engines that come with Forebear"},
    "registry/domain/governance/logged.py": {
        "transformers": "the name of a flavour of MLflow, whose layout is read",
        "keras": "the end of the name of a file",
        "onnx": "the end of the name of a file",
        "peft": "the name of a field of that flavour",
    },
    "registry/domain/recipes/params.py": {
        "torch": "`torch.compile` is the name of what the parameter does",
        "peft": "source of a default value",
    },
    "registry/sandbox/archives.py": {
        "torch": "an archive that is torch's format is not unpacked as a folder",
        "keras": "nor is one that is the format of Keras",
    },
    "registry/sandbox/confining.py": {"tokenizers": "an environment variable for every importer: start no threads"},
}
"""By module, the names that stand in it for a reason."""


def names() -> set[str]:
    """What the extras of adapters install, under the names that code uses."""
    installed = {one.name for extra, needed in extras().items() if extra not in OF_THE_SERVER for one in needed}
    return ({name.lower() for name in installed} | BESIDE) - RECORDED


def words(path: Path) -> Iterator[tuple[int, str]]:
    """Every string and identifier of a module with its line, without docstrings and comments."""
    tree = ast.parse(path.read_text(encoding="utf-8"))
    explaining = {id(node.value) for node in ast.walk(tree) if isinstance(node, ast.Expr)}
    for node in ast.walk(tree):
        match node:
            case ast.Constant(value=str(text)) if id(node) not in explaining:
                yield node.lineno, text
            case ast.Name(id=text) | ast.Attribute(attr=text) | ast.arg(arg=text) | ast.keyword(arg=str(text)):
                yield node.lineno, text
            case ast.FunctionDef(name=text) | ast.ClassDef(name=text):
                yield node.lineno, text
            case ast.Import(names=aliases):
                yield from ((node.lineno, alias.name) for alias in aliases)
            case ast.ImportFrom(module=str(text)):
                yield node.lineno, text


def named(path: Path, forbidden: set[str]) -> list[tuple[int, str]]:
    """Lines and names of `forbidden` libraries in a module."""
    pattern = re.compile(rf"(?<![a-z0-9])({'|'.join(sorted(forbidden))})(?![a-z0-9])", re.IGNORECASE)
    return [(line, found.lower()) for line, text in words(path) for found in pattern.findall(text)]


@pytest.mark.parametrize("path", modules("registry"), ids=lambda path: str(path.relative_to(ROOT)))
def test_the_registry_does_not_name_the_library_of_an_adapter(path: Path) -> None:
    allowed = ALLOWED.get(str(path.relative_to(ROOT)), {})
    assert [f"line {line}: {name}" for line, name in named(path, names()) if name not in allowed] == []


@pytest.mark.parametrize("module", ALLOWED)
def test_no_exception_outlives_its_reason(module: str) -> None:
    assert {name for _, name in named(ROOT / module, names())} == ALLOWED[module].keys()


def test_a_name_is_found_in_strings_identifiers_and_imports_but_not_in_docstrings(tmp_path: Path) -> None:
    module = tmp_path / "one.py"
    module.write_text(
        '''"""About torch."""\nimport torch.nn\nPLACE = "pip install x[peft]"\nray_address = trays = 1\n'''
    )
    assert sorted(named(module, names())) == [(2, "torch"), (3, "peft"), (4, "ray")]
