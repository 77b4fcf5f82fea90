"""Where a source is: paths of this machine and files of installed packages."""

from __future__ import annotations

from pathlib import Path

import pytest

from registry.errors import InvalidError, NotFoundError
from registry.sources import resolve_source


def test_a_path_is_made_absolute(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    (tmp_path / "data.csv").write_text("x")
    monkeypatch.chdir(tmp_path)
    assert resolve_source("data.csv") == tmp_path / "data.csv"


def test_a_path_that_is_not_there_is_named(tmp_path: Path) -> None:
    with pytest.raises(NotFoundError, match=r"nowhere\.csv"):
        resolve_source(str(tmp_path / "nowhere.csv"))


def test_an_empty_source_is_not_the_current_folder() -> None:
    with pytest.raises(NotFoundError):
        resolve_source("")


@pytest.mark.parametrize(
    "text",
    [
        "package:pip/__init__.py",
        "package:pip/pip/__init__.py",
    ],
)
def test_a_file_of_a_package_is_found_from_its_folder_or_with_the_folder_in_front(text: str) -> None:
    found = resolve_source(text)
    assert found.name == "__init__.py"
    assert found.parent.name == "pip"


def test_a_distribution_is_found_by_its_own_name() -> None:
    assert resolve_source("package:PyYAML/yaml/__init__.py").parent.name == "yaml"
    assert resolve_source("package:pyyaml/reader.py").name == "reader.py"


def test_no_package_is_imported_to_find_its_files() -> None:
    import subprocess
    import sys

    code = (
        "import sys; from registry.sources import resolve_source; "
        "resolve_source('package:rich/table.py'); sys.exit('rich.table' in sys.modules or 'rich' in sys.modules)"
    )
    assert subprocess.run([sys.executable, "-c", code], check=False).returncode == 0


@pytest.mark.parametrize("text", ["package:pip/../rich/table.py", "package:pip//etc/passwd", "package:pip/./x"])
def test_an_inner_path_may_not_climb_out(text: str) -> None:
    with pytest.raises(InvalidError, match="clean relative path"):
        resolve_source(text)


def test_a_sibling_package_is_not_reached_through_the_folder_in_front() -> None:
    with pytest.raises(NotFoundError):
        resolve_source("package:pip/rich/table.py")


def test_a_link_out_of_the_package_is_not_followed(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    (tmp_path / "carrier").mkdir()
    (tmp_path / "carrier/__init__.py").write_text("")
    (tmp_path / "secret").write_text("s")
    (tmp_path / "carrier/link").symlink_to(tmp_path / "secret")
    monkeypatch.syspath_prepend(tmp_path)
    assert resolve_source("package:carrier/__init__.py").is_file()
    with pytest.raises(NotFoundError):
        resolve_source("package:carrier/link")


@pytest.mark.parametrize("text", ["package:", "package:pip", "package:pip/", "package:/x"])
def test_a_package_source_names_a_package_and_a_file(text: str) -> None:
    with pytest.raises(InvalidError, match="is not a path in a package"):
        resolve_source(text)


@pytest.mark.parametrize("name", ["no-such-package-here", "__main__", "..", "a.b"])
def test_a_package_that_is_not_installed_says_how_to_install_it(name: str) -> None:
    with pytest.raises(NotFoundError, match="is installed") as caught:
        resolve_source(f"package:{name}/x")
    assert name in caught.value.remedy


def test_a_file_that_the_package_lacks_is_named() -> None:
    with pytest.raises(NotFoundError, match=r"has no .nothing\.bin."):
        resolve_source("package:pip/nothing.bin")
