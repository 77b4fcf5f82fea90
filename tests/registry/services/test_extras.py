"""The extras that the doctor looks for are those that can be installed."""

from __future__ import annotations

import tomllib

from registry.services.extras import EXTRAS
from tests.house.tree import ROOT


def test_every_extra_of_all_is_known_and_no_other() -> None:
    project = tomllib.loads((ROOT / "pyproject.toml").read_text(encoding="utf-8"))["project"]
    declared = project["optional-dependencies"]
    (everything,) = declared["all"]
    assert set(everything.removeprefix("forebear[").removesuffix("]").split(",")) == set(EXTRAS)
    assert set(EXTRAS) <= set(declared)
