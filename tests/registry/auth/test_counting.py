"""Who asks too often within a minute waits, by token, person and address; a restart does not begin a new minute."""

from __future__ import annotations

import json
import re
import stat
from contextlib import AbstractContextManager
from pathlib import Path

import pytest

from registry.auth import Attempts, Counts, Guesses, Rates
from registry.auth.counting import FILE
from registry.domain.people.people import Actor
from registry.errors import TooManyAttemptsError, TooManyRequestsError, UnauthenticatedError
from registry.settings import Settings


def ana(token: str | None = "tok-1") -> Actor:
    return Actor("ana", frozenset({"admin"}), token=token)


def counted(rates: Rates, *actors: Actor) -> None:
    for actor in actors:
        rates.count_actor(actor)


def test_one_token_waits_and_another_of_the_same_person_need_not() -> None:
    rates = Rates(token=2)
    counted(rates, ana(), ana(), ana("tok-2"))
    with pytest.raises(TooManyRequestsError, match="More than 2 requests in a minute came with this token") as told:
        rates.count_actor(ana())
    assert 1 <= int(str(told.value.facts["retry_after"])) <= 60
    assert told.value.remedy == f"Wait {told.value.facts['retry_after']} s"


def test_one_person_waits_whatever_tokens_they_have() -> None:
    rates = Rates(person=2)
    counted(rates, ana("tok-1"), ana("tok-2"))
    with pytest.raises(TooManyRequestsError, match="came from ana"):
        rates.count_actor(ana("tok-3"))
    rates.count_actor(Actor("ben", frozenset({"viewer"}), token="tok-4"))


@pytest.mark.parametrize(
    ("one", "same", "other"), [("::ffff:9.9.9.9", "9.9.9.9", "9.9.9.8"), ("2001::1", "2001::2", "::1")]
)
def test_one_address_waits_and_others_need_not(one: str, same: str, other: str) -> None:
    rates = Rates(address=1)
    rates.count_address(one)
    with pytest.raises(TooManyRequestsError, match="came from your address"):
        rates.count_address(same)
    rates.count_address(other)


def test_without_limits_nobody_waits() -> None:
    rates = Rates()
    counted(rates, *(ana() for _ in range(100)))
    assert rates.counts.storage.storage == {}
    assert Rates.of(Settings(), Counts()).token == Settings().rate_token > 1000


def test_a_restart_does_not_begin_a_new_minute(tmp_path: Path) -> None:
    before = Counts(tmp_path / FILE)
    counted(Rates(token=2, counts=before), ana(), ana())
    with pytest.raises(UnauthenticatedError), Attempts(1, before).counted("9.9.9.9"):
        raise UnauthenticatedError("No")
    before.save()
    assert stat.S_IMODE((tmp_path / FILE).stat().st_mode) == 0o600
    after = Counts(tmp_path / FILE)
    with pytest.raises(TooManyRequestsError):
        Rates(token=2, counts=after).count_actor(ana())
    with pytest.raises(TooManyAttemptsError), Attempts(1, after).counted("9.9.9.9"):
        pass


def test_counts_of_a_minute_that_is_over_are_not_brought_back(tmp_path: Path) -> None:
    before = Counts(tmp_path / FILE)
    Rates(token=1, counts=before).count_actor(ana())
    before.save()
    kept = json.loads((tmp_path / FILE).read_text())
    (tmp_path / FILE).write_text(json.dumps({key: [number, 1.0] for key, (number, _) in kept.items()}))
    Rates(token=1, counts=Counts(tmp_path / FILE)).count_actor(ana())


@pytest.mark.parametrize("content", ["", "{", "[]", '{"a": 1}', '{"a": ["x", 1]}', "\xff"])
def test_a_file_of_counts_that_cannot_be_read_is_told_and_the_server_starts(
    tmp_path: Path, caplog: pytest.LogCaptureFixture, content: str
) -> None:
    (tmp_path / FILE).write_text(content, encoding="latin-1")
    Rates(token=1, counts=Counts(tmp_path / FILE)).count_actor(ana())
    assert re.search("How often clients asked cannot be read", caplog.text)


def test_a_file_that_cannot_be_written_is_told_and_the_counts_go_on(
    tmp_path: Path, caplog: pytest.LogCaptureFixture
) -> None:
    counts = Counts(tmp_path / "gone" / FILE)
    rates = Rates(token=1, counts=counts)
    rates.count_actor(ana())
    counts.save()
    assert "cannot be written" in caplog.text
    with pytest.raises(TooManyRequestsError):
        rates.count_actor(ana())


def wrong(tries: AbstractContextManager[None]) -> None:
    with pytest.raises(UnauthenticatedError), tries:
        raise UnauthenticatedError("No")


def test_tries_at_the_same_moment_get_no_further_than_those_one_after_the_other() -> None:
    guesses = Guesses("password", most=3)
    wrong(guesses.counted("ana"))
    with guesses.counted("ana"), guesses.counted("ana"):
        with pytest.raises(TooManyAttemptsError) as told:
            wrong(guesses.counted("ana"))
        assert told.value.facts["retry_after"] == 1
        wrong(guesses.counted("ben"))
    wrong(guesses.counted("ana"))
    wrong(guesses.counted("ana"))
    with pytest.raises(TooManyAttemptsError) as told:
        wrong(guesses.counted("ana"))
    assert int(str(told.value.facts["retry_after"])) > 60


def test_right_ones_at_the_same_moment_leave_no_trace() -> None:
    attempts = Attempts(2)
    for _ in range(3):
        with attempts.counted("9.9.9.9"), attempts.counted("9.9.9.9"):
            pass


def test_tokens_at_the_same_moment_are_not_refused_for_coming_together() -> None:
    attempts = Attempts(1)
    with attempts.noted("9.9.9.9"), attempts.noted("9.9.9.9"):
        pass
