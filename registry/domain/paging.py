"""Pages of a list: a slice with a cursor that stays right while rows come and go."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from typing import Generic, TypeVar

from registry.errors import UsageError

T = TypeVar("T")
DEFAULT_LIMIT = 50
MAX_LIMIT = 500


@dataclass(frozen=True, slots=True)
class PageRequest:
    """How many items, and after which cursor (opaque, from the page before). Raises: UsageError."""

    limit: int = DEFAULT_LIMIT
    cursor: str | None = None

    def __post_init__(self) -> None:
        if not 1 <= self.limit <= MAX_LIMIT:
            raise UsageError(f"A page holds 1 to {MAX_LIMIT} items, not {self.limit}")


@dataclass(frozen=True, slots=True)
class Page(Generic[T]):
    """Some items in order, and the cursor that asks for the next ones (None at the end)."""

    items: Sequence[T]
    next_cursor: str | None = None


def every(fetch: Callable[[PageRequest], Page[T]]) -> Iterator[T]:
    """All items of a list, page after page: `every(uow.people.search)`."""
    request = PageRequest(MAX_LIMIT)
    while True:
        page = fetch(request)
        yield from page.items
        if page.next_cursor is None:
            return
        request = PageRequest(MAX_LIMIT, page.next_cursor)
