"""A regulated team, from an empty registry to a recall: typed on the command line, and the same over HTTP.

It begins with the policy that ships as `examples/policies/regulated.yaml`; two people then publish its next version.
"""

from __future__ import annotations

import time
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import pytest

from tests.command_line import CommandLine, Said, command_line
from tests.journeys import worlds
from tests.journeys.running import serving

pytestmark = pytest.mark.journey
POLICY = Path(__file__).parents[2] / "examples" / "policies" / "regulated.yaml"
V1, V2 = "models:/text/fruit/1", "models:/text/fruit/2"
ROLES = {"ben": "validator", "vera": "validator", "carla": "risk-owner", "rolf": "risk-owner", "dora": "risk-owner"}
USE = ("--set", "decides_about_people=no", "--set", "exposure=internal", "--set", "purpose=sorts notes about fruit")
NEXT = """\
waivers: {role: risk-owner, quorum: 2, max_duration: P30D}
emergency:
  role: risk-owner
  allowed: [promote, rollback_to_previously_approved]
  never_skips: [no-recall]
  expires: PT24H
  post_review: {within: P3D, role: risk-owner, quorum: 2, exclude: [invoker]}
reattest:
  production: {tier_high: P90D, tier_medium: P180D, tier_low: P365D, grace: P14D, on_lapse: suspend}
  triggers: [drift_alert]
"""


@dataclass(frozen=True)
class Door:
    """How the people of the story reach the registry: each types `forebear`, as `act` makes them known."""

    typed: CommandLine
    act: Callable[[str], object]
    tokens: Mapping[str, str]

    def __call__(self, who: str, *words: object) -> Said:
        self.act(who)
        return self.typed(*words)

    def ask(self, who: str, *words: object) -> Any:
        self.act(who)
        return self.typed.ask(*words)

    def refused(self, who: str, *words: object) -> Any:
        self.act(who)
        return self.typed.refused(*words)


@contextmanager
def opened(folder: Path, way: str) -> Iterator[Door]:
    """A new registry with its people: as files that everyone types on, or behind a server with a token for each."""
    with command_line(folder) as typed, pytest.MonkeyPatch.context() as patch:
        tokens = {"ana": typed.ask("init", "--policy", POLICY)["token"]}
        sure: list[str] = []
        for handle, role in ROLES.items():
            typed.ask("person", "add", handle)
            if typed.ask("role", "grant", handle, role)["offered"]:
                assert typed.ask("role", "confirm", handle, role, actor=sure[0])["roles"] == [role]
            sure.append(handle)
            tokens[handle] = typed.ask("token", "create", handle, actor=handle)["secret"]
        if way == "command line":
            yield Door(typed, lambda who: patch.setenv("FOREBEAR_ACTOR", who), tokens)
            return
        with serving(typed.home) as address:
            for name in ("HOME", "ACTOR"):
                patch.delenv(f"FOREBEAR_{name}")
            patch.setenv("FOREBEAR_URL", address)
            yield Door(typed, lambda who: patch.setenv("FOREBEAR_TOKEN", tokens[who]), tokens)


@pytest.mark.parametrize("way", ["command line", "http"])
def test_a_regulated_team_brings_a_model_into_production_and_takes_it_back(
    way: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    with opened(tmp_path, way) as door:
        digest = made(door, tmp_path)
        validated(door, V1, digest)
        last = door.ask("ana", "promote", "request", V1, "--to", "production")["summary"]["id"]
        door.ask("carla", "promote", "approve", last, "-m", "the risk is small")
        refused = door.refused("ana", "promote", "complete", last)
        assert any("cooling-off" in why for why in refused["facts"]["reasons"]), refused
        door.ask("ana", "promote", "withdraw", last)

        next_policy(door, tmp_path)
        first = approved_with_a_condition(door)
        approved_again(door)
        validated(door, V2, digest)
        second = waived_and_promoted_in_an_emergency(door, monkeypatch)
        assert door.ask("ana", "model", "show", V1)["summary"]["stage"] == "superseded"
        told(door, tmp_path, {first, second})
        recalled(door, tmp_path)


def made(door: Door, folder: Path) -> str:
    """A source model, data, and two versions made from them; gives the digest of the data."""
    source, sentences = worlds.write_source(folder), worlds.write_sentences(folder)
    card = folder / "card.md"
    card.write_text("---\nlicense: mit\n---\n# Tiny\n\nA model for trying things out.\n")
    said = ("--licence", "MIT", "--origin", "made up")
    described = ("--task", "feature-extraction", "--modality", "text", "--card", card)
    door.ask("ana", "model", "import", "library/tiny", source, *described, *said)
    data = door.ask("ana", "dataset", "add", "data/fruit", sentences, "--task", "text-classification", *said)
    for epochs, ref in ((4, V1), (3, V2)):
        recipe = worlds.write_recipe(folder, worlds.RECIPE.replace("epochs: 4", f"epochs: {epochs}"))
        step = door.ask("ana", "transfer", "run", recipe)["summary"]
        for _ in range(600):
            if step["state"] not in {"queued", "running"}:
                break
            time.sleep(0.1)
            step = door.ask("ana", "transfer", "show", step["id"])["summary"]
        assert (step["state"], step["output"]) == ("succeeded", ref)
    return str(data["summary"]["digest"])


def validated(door: Door, ref: str, digest: str) -> None:
    """Declared use, a report by somebody who did not make it, and one validator who is not its author."""
    early = door.refused("ana", "promote", "request", ref, "--to", "candidate")
    assert early["facts"]["reasons"] == ["Evidence intended_use is missing"]
    door.ask("ana", "evidence", "add", ref, "intended_use", *USE)
    assert door.ask("ana", "promote", "request", ref, "--to", "candidate")["summary"]["state"] == "promoted"
    report = ("--set", "result=pass", "--set", f"eval_dataset={digest}")
    assert door.refused("ana", "evidence", "add", ref, "validation", *report)["status"] == 403
    door.ask("ben", "evidence", "add", ref, "validation", *report)
    request = door.ask("ana", "promote", "request", ref, "--to", "validated")
    assert any(check["message"].startswith("Risk tier low") for check in request["verdict"]["checks"])
    assert door("ana", "promote", "approve", request["summary"]["id"], "-m", "mine").code != 0
    done = door.ask("vera", "promote", "approve", request["summary"]["id"], "-m", "read the report")
    assert done["summary"]["state"] == "promoted"


def next_policy(door: Door, folder: Path) -> None:
    """Version 2, without the hour of waiting, with conditions, waivers, emergencies and new approvals in time."""
    text = POLICY.read_text(encoding="utf-8").replace("  version: 1\n", "  version: 2\n", 1)
    text = text.replace("    wait: PT1H\n", "    conditional: {allowed: true, max_due: P30D}\n")
    text = text.replace("values: [approve, reject, veto]", "values: [approve, approve_with_conditions, reject, veto]")
    file = folder / "regulated-2.yaml"
    file.write_text(text + NEXT, encoding="utf-8")
    proposal = door.ask("ana", "policy", "publish", file)["id"]
    assert door("ana", "policy", "approve", proposal).code != 0, "its author does not vote"
    door.ask("carla", "policy", "approve", proposal, "-m", "as discussed")
    assert door.ask("dora", "policy", "approve", proposal, "-m", "as discussed")["state"] == "published"


def approved_with_a_condition(door: Door) -> str:
    """Version 1 in production on a condition, which is then met; gives the request."""
    request = str(door.ask("ana", "promote", "request", V1, "--to", "production")["summary"]["id"])
    condition = f"ana:{day(20)}:medium:retrain with more pears"
    done = door.ask("carla", "promote", "approve", request, "-m", "for now", "--condition", condition)
    assert done["summary"]["state"] == "promoted"
    (finding,) = door.ask("ana", "finding", "list", V1)["items"]
    assert door("ana", "finding", "resolve", finding["id"], "-m", "done").code != 0, "who made it does not resolve it"
    door.ask("carla", "finding", "resolve", finding["id"], "-m", "retrained and measured")
    assert door.ask("ana", "finding", "list", V1, "--state", "open")["items"] == []
    return request


def waived_and_promoted_in_an_emergency(door: Door, monkeypatch: pytest.MonkeyPatch) -> str:
    """Version 2 with a high finding: a waiver of that gate, and no time for votes; gives the request."""
    door.ask("vera", "finding", "add", V2, "too few pears", "--severity", "high", "--owner", "ana", "--due", day(20))
    stopped = door.ask("ana", "promote", "request", V2, "--to", "production")
    assert "findings" in {check["id"] for check in stopped["verdict"]["checks"] if not check["passed"]}
    door.ask("ana", "promote", "withdraw", stopped["summary"]["id"])
    asked = door.ask("ana", "waiver", "request", V2, "findings", "--until", day(10), "--reason", "pears come in May")
    assert door("ana", "waiver", "approve", asked["id"]).code != 0, "who asked does not agree"
    for who in ("carla", "dora"):
        door.ask(who, "waiver", "approve", asked["id"], "-m", "until then")
    monkeypatch.setattr("getpass.getpass", lambda *_, **__: door.tokens["rolf"])
    why = ("--incident", "INC-7", "--reason", "version 1 is down")
    done = door.ask("rolf", "emergency", "promote", V2, "--to", "production", *why)
    assert done["summary"]["state"] == "promoted"
    (emergency,) = door.ask("ana", "emergency", "list", V2)
    assert door("rolf", "emergency", "review", emergency["id"], "-m", "fine").code != 0, "who declared it does not"
    for who in ("carla", "dora"):
        door.ask(who, "emergency", "review", emergency["id"], "-m", "it was right")
    assert door.ask("ana", "emergency", "list", V2)[0]["reviewed_at"]
    return str(done["summary"]["id"])


def approved_again(door: Door) -> None:
    """A drift asks for a new approval, which somebody who can approve the way there gives."""
    door.ask("vera", "attestation", "report", V1, "--trigger", "drift_alert", "--reason", "the notes are longer now")
    assert door("ana", "attest", V1, "-m", "fine").code != 0, "who made it does not"
    door.ask("dora", "attest", V1, "-m", "measured again")


def told(door: Door, folder: Path, requests: set[str]) -> None:
    """What was decided is replayed, asked for as of a moment, and written for the authority."""
    for request in requests:
        replay = door.ask("ana", "policy", "explain", request)
        assert replay["replayed"] == replay["stored"]
    now = datetime.now(UTC) + timedelta(seconds=1)
    then = door.ask("ana", "as-of", now.isoformat(), "text/fruit@production")
    assert (then["ref"], then["stage"]) == (V2, "production")
    out = folder / "technical-documentation"
    assert door("ana", "annex-iv", V1, "--out", out).code == 0
    assert "Annex IV" in (out / "annex-iv.md").read_text(encoding="utf-8")
    assert {line["ref"] for line in door.ask("ana", "inventory", "--format", "json")} == {V1, V2}


def recalled(door: Door, folder: Path) -> None:
    """The source is taken back: nobody reads what was made from it, and the log says the same as the database."""
    door.ask("carla", "recall", "open", "models:/library/tiny/1", "--level", "recall", "--reason", "no rights to it")
    for ref in ("models:/library/tiny/1", V1, V2):
        assert door.refused("ana", "model", "pull", ref, folder / "pulled")["code"] in {"recalled", "withheld"}
    report = door.ask("ana", "audit", "verify", "--state")
    assert (report["first_bad"], report["differences"]) == (None, [])


def day(ahead: int) -> str:
    """A day so many days from now."""
    return f"{datetime.now(UTC) + timedelta(days=ahead):%Y-%m-%d}"
