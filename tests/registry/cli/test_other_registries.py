"""What the versions of another model registry are called here, and what of them is not taken over."""

from __future__ import annotations

import pytest

from registry.cli.other_registries import left_out, planned
from registry.errors import InvalidError
from registry.ports.registries import OtherVersion


def names(*called: str, team: str | None = None) -> list[tuple[str, str]]:
    return [(str(one.name), one.why_not) for one in planned([OtherVersion(name, "1") for name in called], team)]


def test_names_are_fitted_into_the_team() -> None:
    assert names("Fraud Detector", team="vision") == [("vision/fraud-detector", "")]
    assert names("vision.digits", "catalog.schema.net") == [("vision/digits", ""), ("catalog/schema-net", "")]


def test_a_name_without_a_team_is_refused_unless_one_is_given() -> None:
    with pytest.raises(InvalidError, match="'digits' names no team"):
        names("digits")


def test_of_two_models_that_would_have_one_name_the_second_is_left_out() -> None:
    plan = planned([OtherVersion("a b", "1"), OtherVersion("a_b", "1"), OtherVersion("a b", "2")], "t")
    assert [one.why_not for one in plan] == ["", "It would have the same name as a b", ""]


def test_what_is_known_against_a_version_stays() -> None:
    (one,) = planned([OtherVersion("a", "1", why_not="MLflow says that its status is FAILED_REGISTRATION")], "t")
    assert "FAILED_REGISTRATION" in one.why_not


def test_tags_that_cannot_be_tags_here_are_named() -> None:
    version = OtherVersion("a", "1", tags={"owner": "ana", "odd=key": "1", "long": "x" * 5001}, description="y" * 5001)
    assert left_out(version) == ["odd=key", "long", "mlflow.description"]
