"""What imports share that the registry fetches itself."""

from __future__ import annotations

from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from threading import Semaphore

import pytest

from registry.errors import UnavailableError
from registry.services.catalog import fetched
from registry.services.catalog.fetched import fetched_note, licence_in, one_of_two, seconds_for


def test_a_third_import_that_waited_is_told_to_come_back_and_an_error_makes_room(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setattr(fetched, "WAIT_SECONDS", 0.01)
    with one_of_two():
        with one_of_two(), pytest.raises(UnavailableError, match="Two imports are fetched"), one_of_two():
            pass
        with pytest.raises(KeyError), one_of_two():
            raise KeyError
        with one_of_two():
            pass


def test_a_third_import_goes_on_when_one_of_two_ends() -> None:
    def third() -> bool:
        with one_of_two():
            return True

    with one_of_two(), ThreadPoolExecutor(1) as pool:
        with one_of_two():
            waiting = pool.submit(third)
        assert waiting.result(10)


def test_of_those_that_wait_there_are_few(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(fetched, "_WAITING", Semaphore(0))
    with one_of_two(), one_of_two(), pytest.raises(UnavailableError), one_of_two():
        pass


def test_a_large_file_may_take_longer() -> None:
    assert seconds_for(0) == 60
    assert seconds_for(1024**3) == 60 + 4096


def test_a_note_names_five_files_and_counts_the_rest() -> None:
    assert fetched_note("https://x", []) == "fetched from https://x"
    assert fetched_note("https://x", list("abcdefg")) == "fetched from https://x; not fetched: a, b, c, d, e and 2 more"


def test_a_licence_is_read_from_a_card_and_from_nothing_else(tmp_path: Path) -> None:
    assert licence_in(tmp_path) is None
    (tmp_path / "README.md").write_text("---\nlicense: mit\n---\n")
    assert licence_in(tmp_path) == "mit"
    (tmp_path / "README.md").write_text("---\nlicense: mit\n---\n" + "x" * 10**7)
    assert licence_in(tmp_path) is None
