"""Names and references: what is one, and what is clearly refused."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from registry.domain.names import AssetKind, Name, Reference, VersionRef, check_alias
from registry.errors import BadNameError, BadReferenceError

PART = st.from_regex(r"[a-z0-9]+([-_][a-z0-9]+){0,3}", fullmatch=True).filter(lambda s: len(s) <= 40)


@pytest.mark.parametrize(
    "text",
    [
        "",
        "a",
        "a/",
        "/b",
        "A/b",
        "a/b/c",
        "a--b/c",
        "a-/b",
        "a/b.c",
        "a/b c",
        "../b",
        "a/..",
        "a/b\n",
        "a/é",
        "a/" + "b" * 96,
    ],
)
def test_a_bad_name_is_refused_with_the_rule(text: str) -> None:
    with pytest.raises(BadNameError, match=r"is not a name\. Write team/name"):
        Name.parse(text)


@given(PART, PART)
def test_a_name_reads_back_as_it_was_written(team: str, name: str) -> None:
    assert Name.parse(f"{team}/{name}") == Name(team, name)


def test_names_that_differ_by_dash_and_underscore_fold_to_one() -> None:
    assert Name.parse("a-b/c_d").folded == Name.parse("a_b/c-d").folded


@given(PART, PART, st.integers(1, 999_999_999))
def test_a_reference_by_number_reads_back(team: str, name: str, number: int) -> None:
    ref = VersionRef(AssetKind.MODELS, Name(team, name), number)
    assert Reference.parse(str(ref)) == Reference(AssetKind.MODELS, Name(team, name), number)


def test_the_three_forms_of_a_reference() -> None:
    name = Name("vision", "digits")
    assert Reference.parse("models:/vision/digits/3").number == 3
    assert Reference.parse("models:/vision/digits@production").alias == "production"
    assert Reference.parse("datasets:/vision/digits") == Reference(AssetKind.DATASETS, name)


def test_a_short_form_is_read_where_the_kind_is_known() -> None:
    assert str(Reference.parse("vision/digits/3", kind=AssetKind.MODELS)) == "models:/vision/digits/3"
    assert str(Reference.parse("vision.digits@x", kind=AssetKind.MODELS)) == "models:/vision/digits@x"


@pytest.mark.parametrize(
    "text",
    [
        "vision/digits",
        "model:/a/b/1",
        "models:/a",
        "models:/a/b/0",
        "models:/a/b/01",
        "models:/a/b/-1",
        "models:/a/b/x",
        "models:/a/b/1@x",
        "models:/a/b@",
        "models:/a/b@X",
        "models:/a/b/1/2",
        "models://a/b/1",
        "file:/etc/passwd",
        "",
        "models:/a/b/99999999999",
    ],
)
def test_a_malformed_reference_is_refused(text: str) -> None:
    with pytest.raises((BadReferenceError, BadNameError)):
        Reference.parse(text)


def test_a_reference_of_the_wrong_kind_is_refused() -> None:
    with pytest.raises(BadReferenceError, match="is a model, but a dataset is needed here"):
        Reference.parse("models:/a/b/1", kind=AssetKind.DATASETS)


def test_the_reference_of_a_version_is_exact() -> None:
    exact = Reference.parse("datasets:/data/reviews/3")
    assert Reference.to(VersionRef(AssetKind.DATASETS, Name("data", "reviews"), 3)) == exact


@pytest.mark.parametrize("alias", ["production", "champion-eu", "v1"])
def test_a_word_can_be_an_alias(alias: str) -> None:
    assert check_alias(alias) == alias


@pytest.mark.parametrize("alias", ["1", "A", "", "a b", "a" * 65, "../x"])
def test_what_is_no_word_cannot_be_an_alias(alias: str) -> None:
    with pytest.raises(BadReferenceError, match="is not an alias"):
        check_alias(alias)
