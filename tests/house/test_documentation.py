"""The documentation says everything that can be typed, set or go wrong, and every link in it leads somewhere."""

from __future__ import annotations

import re
from dataclasses import fields
from pathlib import Path
from urllib.parse import unquote

import pytest

from registry.cli import reference
from registry.settings import Settings
from tests.house.tree import ROOT, documentation, modules, pages

LINK = re.compile(r"(?<!!)\[[^\]]*\]\(([^)\s]+)\)")
HEADING = re.compile(r"^#{1,6} +(.+?) *#*$", re.MULTILINE)
FENCE = re.compile(r"^```.*?^```", re.MULTILINE | re.DOTALL)

COMMANDS = list(reference.commands())


@pytest.mark.parametrize("path", [path for path, _ in COMMANDS])
def test_every_command_is_in_the_documentation(path: str) -> None:
    assert f"`{path}`" in documentation()


@pytest.mark.parametrize(("path", "command"), COMMANDS, ids=[path for path, _ in COMMANDS])
def test_every_command_says_what_it_does_and_shows_an_example_of_itself(path: str, command: object) -> None:
    shown = reference.examples(command)
    assert getattr(command, "help", "").endswith((".", "`"))
    assert shown
    words = path.split()[1:]
    for line in shown:
        typed = [word for word in line.split() if word != "forebear"]
        assert " ".join(words) in " ".join(typed), line


def test_the_page_of_commands_is_what_the_commands_say() -> None:
    assert (ROOT / "docs/cli.md").read_text(encoding="utf-8") == reference.reference(), (
        "run: python -m registry.cli.reference docs"
    )


def test_the_page_of_errors_is_what_the_errors_say() -> None:
    assert (ROOT / "docs/errors.md").read_text(encoding="utf-8") == reference.errors(), (
        "run: python -m registry.cli.reference docs"
    )


@pytest.mark.parametrize("name", [field.name for field in fields(Settings)])
def test_every_setting_is_in_the_documentation(name: str) -> None:
    assert f"`FOREBEAR_{name.upper()}`" in documentation()


@pytest.mark.parametrize("name", [field.name for field in fields(Settings)])
def test_every_setting_that_is_documented_is_read(name: str) -> None:
    plain = getattr(Settings(), name)
    value = "3" if isinstance(plain, int) else "host=key" if isinstance(plain, dict) else "other"
    changed = Settings.from_environment({f"FOREBEAR_{name.upper()}": value})
    assert getattr(changed, name) != plain


def test_no_setting_is_documented_that_is_not_read() -> None:
    """A setting is a field of `Settings`, or a string in the adapter that reads it."""
    known = {f"FOREBEAR_{field.name.upper()}" for field in fields(Settings)}
    for path in modules("adapters"):
        known |= set(re.findall(r'^[A-Z_]+ = "(FOREBEAR_[A-Z_]+)"$', path.read_text(encoding="utf-8"), re.MULTILINE))
    assert set(re.findall(r"FOREBEAR_[A-Z_]*[A-Z]", documentation())) <= known


@pytest.mark.parametrize("kind", reference.kinds_of_error())
def test_every_error_code_is_in_the_documentation(kind: type) -> None:
    assert f"| `{kind.code}` |" in documentation()  # type: ignore[attr-defined]


def test_no_two_errors_share_a_code() -> None:
    codes = [kind.code for kind in reference.kinds_of_error()]
    assert len(codes) == len(set(codes))


@pytest.mark.parametrize("page", pages(), ids=lambda page: str(page.relative_to(ROOT)))
def test_every_link_leads_somewhere(page: Path) -> None:
    broken = [
        target for target in LINK.findall(_prose(page)) if not re.match(r"[a-z]+:", target) and not _leads(page, target)
    ]
    assert not broken


def _leads(page: Path, target: str) -> bool:
    path, _, anchor = unquote(target).partition("#")
    found = page if not path else (page.parent / path)
    if not found.exists():
        return False
    return not anchor or anchor in {_anchor(text) for text in HEADING.findall(_prose(found))}


def _prose(page: Path) -> str:
    return FENCE.sub("", page.read_text(encoding="utf-8"))


def _anchor(heading: str) -> str:
    """GitHub's: lower case, punctuation gone, spaces to hyphens."""
    return re.sub(r"[^\w\- ]", "", heading.replace("`", "").lower()).replace(" ", "-")


def test_every_decision_has_a_number_of_its_own() -> None:
    files = sorted((ROOT / "docs/adr").glob("[0-9]*.md"))
    numbers = [file.name[:4] for file in files]
    assert len(set(numbers)) == len(numbers)
    for file in files:
        assert file.read_text(encoding="utf-8").startswith(f"# {int(file.name[:4])}. "), file.name
