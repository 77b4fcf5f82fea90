"""The longest stories begin first, so that no process of `make test-journeys` waits at the end for one of another."""

from __future__ import annotations

import pytest

LONGEST = (
    "test_demo.py",
    "test_two_machines.py",
    "test_choosing_guide.py",
    "test_readme.py",
    "test_start_in_browser.py",
    "test_recipes_page.py",
    "test_browser.py",
)


def pytest_collection_modifyitems(items: list[pytest.Item]) -> None:
    """Keep the order within each file. The fixtures of a module are made once all the same."""
    places = {name: place for place, name in enumerate(LONGEST)}
    items.sort(key=lambda item: places.get(item.path.name, len(places)))
