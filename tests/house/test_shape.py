"""The house keeps its shape: small modules that say what they are, imports that go one way, errors in one place."""

from __future__ import annotations

import ast
import re
from pathlib import Path

import pytest

from tests.house.tree import PACKAGES, ROOT, files, modules

LONGEST = 400
ONE_FILE = {"registry/domain/verifier.py": 450, "registry/errors.py": 450}
"""The one goes with every export of the audit log, to be read and run without Forebear; the other is a list."""
# In two halves, so that this file does not name them either.
HOSTS = tuple(
    "".join(halves) for halves in (("pypi", ".org"), ("pythonhosted", ".org"), ("npmjs", "."), ("proxy.go", "lang.org"))
)
ADDRESS = re.compile(r"https?://|--(?:extra-)?index-url|--find-links", re.IGNORECASE)
OURS = modules(*PACKAGES, "tests", "benchmarks", "examples")
PUBLIC = [
    path
    for path in modules(*PACKAGES)
    if not path.name.startswith("_") or (path.name == "__init__.py" and path.stat().st_size)
]


def _id(path: Path) -> str:
    return str(path.relative_to(ROOT))


@pytest.mark.parametrize("path", OURS, ids=_id)
def test_no_module_is_longer_than_four_hundred_lines(path: Path) -> None:
    assert len(path.read_text(encoding="utf-8").splitlines()) <= ONE_FILE.get(_id(path), LONGEST)


@pytest.mark.parametrize("path", PUBLIC, ids=_id)
def test_every_module_opens_with_a_sentence(path: Path) -> None:
    opening = ast.get_docstring(ast.parse(path.read_text(encoding="utf-8")))
    assert opening, "there is no docstring"
    assert opening.splitlines()[0].rstrip().endswith((".", ":", "?")) or "." in opening


def test_no_module_has_a_vague_name_such_as_utils() -> None:
    vague = {"utils.py", "util.py", "helpers.py", "helper.py", "manager.py", "common.py", "misc.py"}
    assert [_id(path) for path in OURS if path.name in vague] == []


def test_every_service_module_has_a_test_file_of_its_own_name() -> None:
    """Protocols have none: the tests of what implements them are in tests/contracts."""
    services, tests = ROOT / "registry/services", ROOT / "tests/registry/services"
    protocols = {services / "unit_of_work.py", *(services / "storage").iterdir()}
    missing = [
        _id(path)
        for path in OURS
        if path.is_relative_to(services)
        and path.name != "__init__.py"
        and path not in protocols
        and tests / path.relative_to(services).with_name(f"test_{path.name}") not in OURS
    ]
    assert missing == []


def test_every_error_is_declared_in_one_place() -> None:
    """`registry.errors` is the whole tree: exit codes, statuses and the documentation follow from it."""
    elsewhere = [
        f"{_id(path)}: {node.name}"
        for path in modules("registry", "adapters")
        if path != ROOT / "registry/errors.py"
        for node in ast.walk(ast.parse(path.read_text(encoding="utf-8")))
        if isinstance(node, ast.ClassDef)
        and any(ast.unparse(base).endswith(("RegistryError", "InvalidError", "RefusedError")) for base in node.bases)
    ]
    assert elsewhere == []


def test_no_file_names_the_address_of_a_package_registry() -> None:
    found = []
    for path in files():
        try:
            text = path.read_text(encoding="utf-8")
        except UnicodeDecodeError:
            continue  # weights, images, fonts: no text, so no address that anyone reads
        if any(host in text for host in HOSTS):
            found.append(_id(path))
    assert found == []


LOCKS = tuple(f"requirements{kind}.lock" for kind in ("", "-data", "-sources", "-timm", "-ray", "-fuzz"))


@pytest.mark.parametrize("name", LOCKS)
def test_a_lock_pins_every_package_and_holds_no_address(name: str) -> None:
    lines = (ROOT / name).read_text(encoding="utf-8").splitlines()
    pinned = [line for line in lines if re.match(r"[A-Za-z0-9][\w.\-\[\]]*==[^\s;]+", line)]
    rest = [line for line in lines if line not in pinned and not re.match(r"\s*(#|--hash=sha256:|$)", line)]
    assert pinned
    assert rest == []
    assert [line for line in lines if ADDRESS.search(line)] == []
    assert not any("+cpu" in line or "+cu" in line for line in pinned)


@pytest.mark.parametrize("name", ["README.md", "CHANGELOG.md", "LICENSE", "alembic.ini", "Makefile", ".ci/run"])
def test_what_a_visitor_looks_for_is_there(name: str) -> None:
    assert (ROOT / name).is_file()
