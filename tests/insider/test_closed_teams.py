"""What is in a closed team does not exist for anybody else: at every address, by every protocol, for every method."""

from __future__ import annotations

import json
import re
from collections import Counter
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass
from typing import Any

import pytest
from sqlalchemy import event
from sqlalchemy.engine import Engine

from registry.domain.people.teams import Level
from registry.errors import PermissionDeniedError
from registry.services.sight.rules import RULES
from tests.insider.addresses import APART, ASKED, BODIES, LEVELS, MORE, READ, SEEN_BY_ADMINS, SEEN_BY_ITS_DESCENDANTS
from tests.insider.test_matrix import FILLED
from tests.registry.api.needs import NEEDS
from tests.registry.api.test_attacks import GOOD, filled, names_of, needed_of, operations
from tests.registry.api.test_server import routes_of
from tests.registry.api.test_uploads import BOUNDARY
from tests.serving import ServedRegistry, copy_of, form_token

HIDDEN, NOWHERE = "vision", "nowher"
IDS = ("step", "request_id", "finding_id", "recall_id")
THINGS = re.compile(
    r"\{(team|" + "|".join((*IDS, "report_id", "waiver_id", "correction_id", "emergency_id", "ranking_id")) + r")\}"
)
IDS_OF_THINGS = re.compile(r"\{\w+_id\}|\{step\}")
UPLOAD = f"multipart/form-data; boundary={BOUNDARY}"


@dataclass(frozen=True)
class Closed:
    """A registry in which the team vision is closed. ben manages it; nobody else sees it, ana the admin included."""

    served: ServedRegistry
    names: Mapping[str, str]
    """Ids of things in the team, and what else addresses need."""
    said: Mapping[tuple[str, str], Mapping[str, Any]]
    """What the OpenAPI document says of each method and path."""
    secrets: re.Pattern[str]
    """All that would tell of the team: names, ids, digests."""

    def of(self, team: str) -> Mapping[str, str]:
        """Names for addresses, of what is in the team, or of what is nowhere."""
        if team == HIDDEN:
            return self.names
        return {name: one[:-5] + "00000" if name in IDS else one for name, one in self.names.items()}

    def alike(self, text: str) -> str:
        """An answer about what is nowhere, with the names of what is in the team."""
        for name in IDS:
            text = text.replace(self.of(NOWHERE)[name], self.names[name])
        return re.sub(r'name="csrf" value="[^"]*"|"exp":\d+', "", text.replace(NOWHERE, HIDDEN))


@pytest.fixture(scope="module")
def closed(served: ServedRegistry, tmp_path_factory: pytest.TempPathFactory) -> Closed:
    own = copy_of(served, tmp_path_factory.mktemp("closed") / "home")
    ben, names = own.client("ben"), names_of(own)
    steps = [one["id"] for one in ben.get("/api/v1/transfers").json()["items"] if one["wanted"].startswith(HIDDEN)]
    versions = [ben.get(f"/api/v1/{kind}/vision/digits/versions").json()["items"] for kind in ("models", "datasets")]
    digests = [one["digest"].removeprefix("sha256:")[:12] for items in versions for one in items]
    close(own)
    names |= {"step": steps[0]}
    secret = "|".join(["vision[/.]digits", *steps, *digests, names["request_id"], names["finding_id"]])
    return Closed(own, names, {(one, path): said for one, path, said in operations(own)}, re.compile(secret))


def close(served: ServedRegistry) -> None:
    served.family.registry("ana").teams.close(HIDDEN)
    served.family.registry("ana").teams.add_member(HIDDEN, "ben", Level.MANAGE)
    served.family.registry("ana").teams.remove_member(HIDDEN, "ana")


def send(closed: Closed, browser: Any, client: Any, method: str, path: str, team: str) -> tuple[int, str]:
    """What is answered at an address about a thing of `team`."""
    names = {**MORE, **closed.of(team), "team": team, "name": "digits"}
    where = filled(path.replace(":path", ""), **names)
    params = {one: text.replace(HIDDEN, team) for one, text in asked(closed, method, path).items()}
    if path.startswith("/api/v1"):
        need = NEEDS.get((method.lower(), path), ("", None))[1]
        if isinstance(need, tuple):
            answer = client.request(
                method, where, params=params, content=need[1].replace(HIDDEN.encode(), team.encode()),
                headers={"Content-Type": UPLOAD},
            )  # fmt: skip
        elif isinstance(need, str):
            yaml = {"Content-Type": "application/yaml"}
            answer = client.request(method, where, params=params, content=need.replace(HIDDEN, team), headers=yaml)
        else:
            body = json.loads(json.dumps(need).replace(HIDDEN, team))
            offset = {"Upload-Offset": "0"} if method == "PATCH" and "/uploads/" in path else {}
            answer = client.request(method, where, params=params, json=body, headers=offset)
    elif (method, path) in BODIES:
        body = json.loads(json.dumps(BODIES[method, path]).replace(HIDDEN, team))
        answer = client.request(method, where, params=params, json=body)
    elif method == "POST" and not path.startswith(("/api/", "/{team}")):
        form = {one: text.replace(HIDDEN, team) for one, text in FILLED.items()}
        answer = browser.post(where, data={**form, "csrf": form_token(browser.get("/people").text)})
    else:
        answer = client.request(method, where, params=params)
    return answer.status_code, answer.text


def asked(closed: Closed, method: str, path: str) -> Mapping[str, str]:
    """The parameters of an address that name something."""
    if not path.startswith("/api/v1"):
        return ASKED.get(path, {})
    needed = needed_of(closed.said.get((method.lower(), path.replace(":path", "")), {}))
    own = {"target": GOOD["target"]} if path.endswith(("e/checks", "e/compute", "e/marks", "e/corrections")) else {}
    task = {"reference": "models:/vision/digits/1"} if "/tasks" in path and method == "POST" else {}
    return {**needed, **own, **task}


def named(closed: Closed) -> Iterator[tuple[str, str]]:
    """Every address that names a thing. Any other has to be one of `APART`: a new one is refused here."""
    for method, path in routes_of(closed.served.app):
        need = json.dumps(NEEDS.get((method.lower(), path), ("", None))[1], default=repr)
        told = path.startswith("/api/v1") and GOOD["target"] in asked(closed, method, path).values()
        form = method == "POST" and f"{method} {path}" not in APART and not path.startswith("/api/")
        if THINGS.search(path) or path in ASKED or (method, path) in BODIES or HIDDEN in need or told or form:
            yield method, path
        else:
            assert f"{method} {path}" in APART, f"{method} {path}: does it name something that a team can hide?"


def test_every_verb_of_somebody_to_whom_a_team_is_closed_is_guarded(closed: Closed) -> None:
    dev = closed.served.family.registry("dev")
    for subject in RULES.keys() - {"doctor"}:
        guard = getattr(dev, subject)
        with pytest.raises((KeyError, AttributeError, PermissionDeniedError)):
            guard.nothing_of_this_name()
        assert type(guard).__name__ == "_Guard", subject
    assert type(closed.served.family.registry("ben").catalog).__name__ == "_Guard"


@contextmanager
def reading() -> Iterator[Counter[str]]:
    """How often each statement reads from a database meanwhile."""
    told = Counter[str]()

    def note(*given: Any) -> None:
        told[given[2]] += given[2].lstrip().startswith(("SELECT", "WITH"))

    event.listen(Engine, "before_cursor_execute", note)
    try:
        yield told
    finally:
        event.remove(Engine, "before_cursor_execute", note)


@pytest.mark.parametrize("who", ["dev", pytest.param("ana", marks=pytest.mark.slow)])
def test_a_thing_of_a_closed_team_is_answered_as_one_that_does_not_exist(closed: Closed, who: str) -> None:
    client, browser = closed.served.client(who), closed.served.browser(who)
    head = closed.served.client("ben").get("/api/v1/audit/verify").json()["head"]
    for method, path in named(closed):
        if path in SEEN_BY_ITS_DESCENDANTS or (who == "ana" and path in SEEN_BY_ADMINS):
            continue
        with reading() as at_hidden:
            hidden = send(closed, browser, client, method, path, HIDDEN)
        with reading() as at_nothing:
            nowhere = send(closed, browser, client, method, path, NOWHERE)
        assert hidden[0] == nowhere[0], (method, path, hidden, nowhere)
        if not IDS_OF_THINGS.search(path):  # nobody guesses an id
            assert at_hidden == at_nothing, (method, path, "the time of the answer tells of it")
        assert closed.alike(hidden[1]) == closed.alike(nowhere[1]), (method, path)
    assert closed.served.client("ben").get("/api/v1/audit/verify").json()["head"] == head


@pytest.mark.parametrize("who", ["dev", pytest.param("ana", marks=pytest.mark.slow)])
@pytest.mark.parametrize("seen", ["edge/digits-small", pytest.param("library/lite0", marks=pytest.mark.slow)])
def test_no_page_and_no_answer_tells_of_it(closed: Closed, who: str, seen: str) -> None:
    """A descendant and an ancestor of what is hidden are read at every address, and every list."""
    client = closed.served.client(who)
    ben = closed.served.client("ben").get("/api/v1/transfers").json()["items"]
    others = {one["wanted"]: one["id"] for one in ben}
    team, _, name = seen.partition("/")
    things = {"step": others[seen], "team": team, "name": name, "version": "1", "revision": "1", "digest": "x"}
    for method, path in routes_of(closed.served.app):
        if method != "GET" or path.endswith("/events") or "{team}/{name}/artifacts" in path:
            continue
        where = filled(path.replace(":path", ""), **{**MORE, **closed.names, "request_id": "x", **things})
        params = {one: text.replace("vision/digits/2", f"{seen}/1") for one, text in READ.items()}
        if path.startswith("/api/v1"):
            known = {
                one["name"] for one in closed.said.get(("get", path.replace(":path", "")), {}).get("parameters", ())
            }
            params = {one: text for one, text in params.items() if one in known}
        else:
            params = {one: text.replace("vision/digits", seen) for one, text in ASKED.get(path, {}).items()}
            params = {one: text.replace("vision.digits", f"{team}.{name}") for one, text in params.items()}
        told = client.get(where, params=params).text.replace("for example vision.digits", "")
        if path.endswith("recipes/schema"):  # its example is not about this registry
            continue
        asked_for = {closed.names["finding_id"]} & set(re.findall(r"fnd-\w+", where))
        found = [one for one in closed.secrets.findall(told) if one not in asked_for]
        assert not found, (path, found, told[:2000])


@pytest.mark.parametrize(
    "level", [Level.USE, *(pytest.param(one, marks=pytest.mark.slow) for one in Level if one is not Level.USE)]
)
def test_each_level_opens_what_it_is_for_and_no_more(closed: Closed, level: Level) -> None:
    """Of dev, who has the role developer. What changes something is tried with lower levels alone."""
    ben = closed.served.family.registry("ben")
    ben.teams.add_member(HIDDEN, "dev", level)
    client, browser = closed.served.client("dev"), closed.served.browser("dev")
    try:
        for method, path in named(closed):
            if not path.startswith("/api/v1") or "{reading}" in path:
                continue
            needed = LEVELS.get((method, path), Level.READ if method == "GET" else None)
            assert needed is not None, f"{method} {path}: which level does it need?"
            if method != "GET" and level.includes(needed):
                continue
            if path.endswith("/events"):
                continue
            status, text = send(closed, browser, client, method, path, HIDDEN)
            refused = status == 403 and (method == "HEAD" or "has the level" in text)
            assert refused is not level.includes(needed), (method, path, status, text)
    finally:
        ben.teams.remove_member(HIDDEN, "dev")


@pytest.mark.parametrize("path", ["/api/v1/store/stats", "/api/v1/selections/backtest"])
def test_figures_over_every_team_are_for_who_sees_every_team(closed: Closed, path: str) -> None:
    """What one's own upload adds to all that is stored tells whether a hidden model has the same bytes."""
    refused = closed.served.client("dev").get(path)
    assert (refused.status_code, refused.json()["code"]) == (403, "permission-denied")
    assert closed.served.client("ben").get(path).status_code == 200


def test_nothing_is_made_in_a_team_that_is_hidden_or_new(closed: Closed) -> None:
    client = closed.served.client("dev")
    told = set()
    for team in (HIDDEN, NOWHERE):
        draft = client.post("/api/repos/create", json={"name": "new", "organization": team, "type": "model"})
        upload, kind = NEEDS["post", "/api/v1/models/{team}/{name}/versions"][1], {"Content-Type": UPLOAD}
        assert isinstance(upload, tuple)
        made = client.post(f"/api/v1/models/{team}/new/versions", content=upload[1], headers=kind)
        assert (draft.status_code, made.status_code) == (403, 403), (draft.text, made.text)
        told.add((draft.text.replace(NOWHERE, HIDDEN), made.text.replace(NOWHERE, HIDDEN)))
    assert len(told) == 1
    closed.served.family.registry("ana").teams.open("brand-new")
    answer = client.post("/api/repos/create", json={"name": "x", "organization": "brand-new", "type": "model"})
    assert answer.status_code == 200, answer.text
