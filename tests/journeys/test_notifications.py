"""Notifications of real processes: what was committed while nobody sent is sent, and what was under way at a kill."""

from __future__ import annotations

import json
import os
import subprocess
import sys
from dataclasses import dataclass, replace
from datetime import datetime, timedelta
from pathlib import Path

import pytest

from registry import bootstrap
from registry.services.notifications.rounds import LEASE, deliver
from registry.settings import Settings
from tests.journeys.running import furnished, serving
from tests.mailing import posting
from tests.receiving import HANG, HOST, Receiver, receiving

pytestmark = [pytest.mark.journey, pytest.mark.timeout(300)]


@dataclass(frozen=True)
class LaterClock:
    """The machine's clock, some time on."""

    by: timedelta

    def now(self) -> datetime:
        return bootstrap.SystemClock().now() + self.by

    def monotonic(self) -> float:
        return bootstrap.SystemClock().monotonic()


@pytest.fixture
def home(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """A furnished home whose webhooks may go to this machine."""
    monkeypatch.setenv("FOREBEAR_WEBHOOK_HOSTS", HOST)
    monkeypatch.setenv("FOREBEAR_MLFLOW_URI", "off")
    furnished(tmp_path / "home")
    return tmp_path / "home"


def typed(home: Path, *words: str, actor: str = "ana") -> str:
    line = [sys.executable, "-m", "registry.cli", "--home", str(home), "--as", actor, *words]
    done = subprocess.run(line, capture_output=True, text=True, check=False, env=os.environ)
    assert done.returncode == 0, done.stderr
    return done.stdout


def subjects(receiver: Receiver) -> list[str]:
    return [json.loads(one.body)["data"]["subject"] for one in receiver.got]


def test_what_a_process_committed_before_it_ended_is_sent_by_the_server_that_comes_later(home: Path) -> None:
    with receiving(500, 200) as receiver:
        typed(home, "webhook", "add", receiver.url, "--on", "person.added")
        typed(home, "person", "add", "eve")  # and its process has ended
        assert receiver.got == []
        with serving(home):
            assert receiver.came.wait(30)
            receiver.came.clear()
            assert receiver.came.wait(60), "it was not tried again after 5 s"
    assert subjects(receiver) == ["person:eve"] * 2
    assert len({one.headers["webhook-id"] for one in receiver.got}) == 1


def test_a_process_that_is_killed_while_it_sends_leaves_the_message_to_the_next(home: Path) -> None:
    with receiving(HANG, 200) as receiver:
        typed(home, "webhook", "add", receiver.url, "--on", "person.added")
        typed(home, "person", "add", "eve")
        line = [sys.executable, "-m", "registry.cli", "--home", str(home), "--as", "ana", "tick"]
        with subprocess.Popen(line, env=os.environ, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL) as process:
            assert receiver.came.wait(60)
            process.kill()
        (waiting,) = json.loads(typed(home, "webhook", "deliveries", "-o", "json"))["items"]
        assert (waiting["state"], waiting["attempts"]) == ("waiting", 0)
        settings = Settings(home=home, mlflow_uri="off", webhook_hosts=(HOST,))
        with bootstrap.open(home, settings=settings, actor="ana") as registry:
            assert deliver(registry.context).delivered == 0, "it is still the killed one's"
            later = replace(registry.context, clock=LaterClock(LEASE + timedelta(seconds=5)))
            assert deliver(later).delivered == 1
    first, second = receiver.got
    assert (first.headers["webhook-id"], first.body) == (second.headers["webhook-id"], second.body)


def test_a_server_tells_people_by_e_mail_of_what_a_command_asked_for(
    home: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    with posting() as post:
        monkeypatch.setenv("FOREBEAR_SMTP_URL", post.url())
        monkeypatch.setenv("FOREBEAR_MAIL_FROM", "forebear@example.org")
        typed(home, "mail", "address", "carla", "carla@example.org", actor="carla")
        assert "accepted" in typed(home, "mail", "test", "carla", actor="carla")
        proposed = typed(home, "policy", "show", "default").replace("version: 3", "version: 4", 1)
        (home.parent / "policy.yaml").write_text(proposed, encoding="utf-8")
        typed(home, "policy", "publish", str(home.parent / "policy.yaml"))
        typed(home, "tick")
    assert [str(message["Subject"]) for _, message in post.got] == [
        "A test from Forebear",
        "A policy needs your approval: Policy default version 4",
    ]
