"""The page of a cascade: the plan by generation, and how far a run of it is."""

from __future__ import annotations

import re
from collections.abc import Iterator
from pathlib import Path

import pytest
from starlette.requests import Request

from registry.domain.names import Reference
from registry.services.cascade.verbs import Cascades
from registry.services.context import Context
from registry.services.registry import LocalRegistry
from registry.web.cascade import cascade
from tests.registry.services.cascade.conftest import world
from tests.registry.services.cascade.test_running import answering

pytestmark = pytest.mark.slow
PARENT = "models:/library/base/2"


@pytest.fixture
def context(_migrated_file: Path, tmp_path: Path) -> Iterator[Context]:
    """Of it three versions in two generations would be made again."""
    with world(_migrated_file, tmp_path) as found:
        yield found


def shown(context: Context, reference: str = PARENT, **more: str) -> str:
    """What a reader sees of the page."""
    request = Request({"type": "http", "method": "GET", "path": "/cascade", "query_string": b"", "headers": []})
    html = bytes(cascade(request, LocalRegistry(context), reference, **more).body).decode()
    main = html.partition("<main")[2].partition("</main>")[0]
    return re.sub(r"\s+", " ", re.sub(r"<[^>]*>", " ", main))


def test_a_plan_is_shown_by_generation_with_what_makes_it(context: Context) -> None:
    page = shown(context)
    first, second = page.partition("Generation 1")[2].split("Generation 2")
    assert "text/first/1" in first
    assert "text/second/1" in second
    assert "after text/first/1" in second
    assert page.count("not made yet") == 3
    assert f"forebear --output json cascade plan {PARENT} &gt; plan.json" in page
    assert "Nothing was made from" in shown(context, "models:/text/second/1")
    assert "Name a new version" in shown(context, "")


def test_what_a_run_has_made_is_shown_beside_what_it_replaces(context: Context) -> None:
    answering(context, {"text/third": 0.1})
    result = Cascades(context).run(Cascades(context).plan(Reference.parse(PARENT)))
    page = shown(context, replaced="models:/library/base/1")
    assert "not made yet" not in page
    for one in result.remade:
        assert one.new is not None
        assert f"{one.old.label} succeeded {one.new.label} Compare with the old one not requested" in page
    assert "a newer version of it is there" not in page
    assert len(result.remade) == 3
