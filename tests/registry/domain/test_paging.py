"""A list is read to its end, however many pages that takes."""

from registry.domain.paging import MAX_LIMIT, Page, PageRequest, every


def test_every_item_of_every_page_comes_once_and_in_order() -> None:
    asked: list[PageRequest] = []

    def fetch(request: PageRequest) -> Page[int]:
        asked.append(request)
        start = int(request.cursor or 0)
        return Page(range(start, start + 2), None if start == 4 else str(start + 2))

    assert list(every(fetch)) == [0, 1, 2, 3, 4, 5]
    assert asked == [PageRequest(MAX_LIMIT), PageRequest(MAX_LIMIT, "2"), PageRequest(MAX_LIMIT, "4")]


def test_no_page_is_read_before_its_items_are_wanted() -> None:
    asked: list[PageRequest] = []

    def fetch(request: PageRequest) -> Page[int]:
        asked.append(request)
        return Page((1, 2), "more")

    assert next(every(fetch)) == 1
    assert len(asked) == 1
