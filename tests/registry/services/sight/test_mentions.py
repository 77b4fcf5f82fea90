"""Names in values and in texts: what is found is what is replaced."""

from __future__ import annotations

from typing import Any

import pytest

from lineage import Node, NodeKind
from registry.domain.manifests import FileEntry
from registry.domain.names import AssetKind, Name, Reference, VersionRef
from registry.domain.verbs.catalog import ImportModel
from registry.services.sight.mentions import about, about_text, names_in, renamed, rewritten, typed
from tests.builders import digest

SECRET = Name("secret", "base")
REF = VersionRef(AssetKind.MODELS, SECRET, 3)


def elsewhere(name: Name, number: int | None) -> tuple[Name, int | None]:
    return (Name("other", "thing"), None if number is None else 1) if name.team == "secret" else (name, number)


@pytest.mark.parametrize(
    ("text", "new"),
    [
        ("models:/secret/base/3 was recalled", "models:/other/thing/1 was recalled"),
        ("made from secret/base and open/x", "made from other/thing and open/x"),
        ("secret/base@production", "other/thing@production"),
        ("See /models/secret/base/3", "See /models/other/thing/1"),
        ("secret.base", "other.thing"),
        ("secret.base/3", "other.thing/1"),
        ("a.secret/base", "a.secret/base"),
        ("weights/secret/base", "weights/secret/base"),
        ("secret", "secret"),
    ],
)
def test_names_in_texts_are_found_in_the_forms_in_which_they_are_written(text: str, new: str) -> None:
    assert rewritten(text, elsewhere) == new
    assert (SECRET in names_in(text)) is (text != new)


def test_every_place_of_a_value_is_reached_but_paths_of_files() -> None:
    file = FileEntry("secret/base", 1, digest("x"))
    named = Reference(AssetKind.MODELS, SECRET, None, "x")
    value: dict[str, Any] = {"a": (REF, [SECRET]), "secret/base": named, "f": file}
    new = renamed(value, elsewhere)
    assert new["a"] == (VersionRef(AssetKind.MODELS, Name("other", "thing"), 1), [Name("other", "thing")])
    assert str(new["other/thing"]) == "models:/other/thing@x"
    assert new["f"] is file


def test_a_value_without_such_a_name_is_itself() -> None:
    wanted = ImportModel(Name("open", "x"), "folder", description="as open/y")
    assert renamed(wanted, elsewhere) == wanted


def test_what_a_value_is_given_as_such_is_told_from_what_a_text_says() -> None:
    wanted = ImportModel(Name("open", "x"), "folder", description="as secret/base", parents=(Reference.to(REF),))
    assert typed(wanted) == [Name("open", "x"), SECRET]


def test_what_a_thing_is_about_is_its_first_attribute_that_names_something() -> None:
    assert about(REF) == SECRET
    assert about(ImportModel(SECRET, "folder")) == SECRET
    assert about(Node(1, NodeKind.MODEL, "secret/base/3")) == SECRET
    assert about(Node(1, NodeKind.STEP, "step-01kaq000000000000000000000")) is None
    assert about_text("team:secret") == Name("secret", "x")
    assert about_text("person:ana") is None
