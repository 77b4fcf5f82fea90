"""A listener is told each thing once and misses nothing, wherever it was cut off."""

from __future__ import annotations

from dataclasses import replace
from datetime import timedelta

import pytest
from hypothesis import given
from hypothesis import strategies as st

from registry.domain.names import Name
from registry.domain.recipes.recipe import Method
from registry.domain.transfers.step_events import Listener, Place, StepEvent
from registry.domain.transfers.steps import EpochMetric, Progress, StepState, StepSummary
from registry.errors import BadCursorError
from tests.builders import NOW

QUEUED = StepSummary(
    "step-1", Method.FINE_TUNING, "torch", StepState.QUEUED, None, Name("vision", "digits"), NOW, "ana", None, None,
    0.0, 4, None,
)  # fmt: skip


def at(state: StepState, step: int | None = None) -> StepSummary:
    """The step in a state, and how far it is."""
    if step is None:
        return replace(QUEUED, state=state)
    said = Progress("train", step, 40, step * 8, None, 100.0, 0.5, 3.0, NOW + timedelta(seconds=step))
    return replace(QUEUED, state=state, progress=said)


def points(*numbers: int) -> list[EpochMetric]:
    return [EpochMetric(number, number * 10, "loss", "train", 1 / number, number) for number in numbers]


def said(events: list[StepEvent]) -> list[tuple[str, str]]:
    return [(event.event, event.id) for event in events]


def test_a_step_is_reported_from_its_beginning_to_its_end() -> None:
    listener = Listener()
    assert said(list(listener.hear(QUEUED, []))) == [("state", "0-queued")]
    assert said(list(listener.hear(at(StepState.RUNNING, 1), points(1)))) == [
        ("state", "0-running"), ("metric", "1-running"), ("progress", "1-running"),
    ]  # fmt: skip
    assert list(listener.hear(at(StepState.RUNNING, 1), points(1))) == [], "nothing new is nothing told"
    assert said(list(listener.hear(at(StepState.SUCCEEDED, 40), points(1, 2)))) == [
        ("metric", "2-running"), ("progress", "2-running"), ("state", "2-succeeded"),
    ]  # fmt: skip


@given(cut=st.integers(0, 7))
def test_a_listener_that_reconnects_with_the_last_id_misses_no_point_and_no_state(cut: int) -> None:
    life = [
        (QUEUED, []),
        (at(StepState.RUNNING, 1), points(1)),
        (at(StepState.RUNNING, 2), points(1, 2, 3)),
        (at(StepState.FAILED, 3), points(1, 2, 3, 4)),
    ]
    whole = Listener()
    told = [event for moment in life for event in whole.hear(*moment)]
    kept = told[: cut + 1]
    late = list(Listener(Place.parse(kept[-1].id)).hear(*life[-1]))
    heard = [event for event in [*kept, *late] if event.event == "metric"]
    assert [event.data for event in heard] == points(1, 2, 3, 4)
    assert [event.data for event in [*kept, *late] if event.event == "state"][-1] == at(StepState.FAILED, 3)


def test_after_the_end_of_a_step_no_further_event_is_sent() -> None:
    ended = at(StepState.SUCCEEDED)
    assert list(Listener(Place.parse("3-succeeded")).hear(ended, points(1, 2, 3))) == []


@pytest.mark.parametrize("place", [Place(), Place(12), Place(0, StepState.QUEUED), Place(7, StepState.SUCCEEDED)])
def test_the_position_of_a_listener_reads_back_as_it_was_written(place: Place) -> None:
    assert Place.parse(str(place)) == place


@pytest.mark.parametrize("text", ["", "-running", "x", "1-", "1-gone", "-1", "1 ", "٣", "9" * 30, "1-running\n"])
def test_what_is_no_place_is_refused(text: str) -> None:
    with pytest.raises(BadCursorError):
        Place.parse(text)
