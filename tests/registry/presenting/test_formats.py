"""People read one size, one duration and one number format, on the command line and on the pages."""

import math

import pytest

from registry.presenting.formats import duration, epoch, number, size


@pytest.mark.parametrize(
    ("count", "read"),
    [
        (0, "0 B"),
        (999, "999 B"),
        (1000, "1.0 kB"),
        (13_700_000, "13.7 MB"),
        (999_949, "999.9 kB"),
        (999_999, "1.0 MB"),  # never "1000.0 kB"
        (2_500_000_000, "2.5 GB"),
        (7_000_000_000_000_000, "7000.0 TB"),
    ],
)
def test_sizes_are_in_powers_of_ten(count: int, read: str) -> None:
    assert size(count) == read


@pytest.mark.parametrize(
    ("seconds", "read"),
    [
        (0.04, "0.0 s"),
        (4.21, "4.2 s"),
        (9.96, "10 s"),
        (42.4, "42 s"),
        (59.6, "1 min 00 s"),
        (200, "3 min 20 s"),
        (3599.7, "1 h 00 min"),
        (3900, "1 h 05 min"),
    ],
)
def test_durations_have_two_units_at_most(seconds: float, read: str) -> None:
    assert duration(seconds) == read


@pytest.mark.parametrize(
    ("value", "read"),
    [
        (0, "0"),
        (12_345, "12,345"),
        (-1_000, "-1,000"),
        (0.891867, "0.8919"),
        (0.5, "0.5"),
        (1e-5, "1e-05"),
        (999.96, "1,000"),
        (9_999.6, "10,000"),
        (12_345.6, "12,346"),
        (-123_456.0, "-123,456"),
        (3e15, "3e+15"),
        (math.nan, "nan"),
        (-math.inf, "-inf"),
    ],
)
def test_numbers_are_grouped_or_have_four_digits(value: float, read: str) -> None:
    assert number(value) == read


def test_the_epoch_under_way_is_counted_from_one() -> None:
    assert [epoch(done, 6) for done in (0, 0.09, 1, 5.99, 6)] == ["1 of 6", "1 of 6", "2 of 6", "6 of 6", "6 of 6"]
    assert epoch(0, 0) == ""
