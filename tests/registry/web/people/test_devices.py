"""Signing in on a machine without a browser, by the page and the command line, and as somebody who fishes for it."""

from __future__ import annotations

import io
import re
import sys
from dataclasses import replace
from typing import Any

import pytest
import typer

from registry.client.transport.connection import Connection
from registry.domain.people.devices import new_user_code
from tests.command_line import CommandLine
from tests.serving import ServedRegistry, app_over, copy_of, form_token, listening, problem

WISH = {"machine": "login on <b>gpu-1</b>", "client": "forebear 1", "scope": "use", "days": 7}


@pytest.fixture(scope="module")
def shared(served: ServedRegistry, tmp_path_factory: pytest.TempPathFactory) -> ServedRegistry:
    return copy_of(served, tmp_path_factory.mktemp("devices") / "home")


@pytest.fixture
def counting(shared: ServedRegistry) -> ServedRegistry:
    """A server that has counted nothing yet."""
    return replace(shared, app=app_over(shared.family.home, shared.family.settings))


def begun(served: ServedRegistry) -> dict[str, Any]:
    answer = served.client().post("/api/v1/device", json=WISH)
    assert (answer.status_code, answer.headers["cache-control"]) == (201, "no-store")
    made: dict[str, Any] = answer.json()
    return made


def test_the_page_shows_who_asks_for_what_and_warns_before_anything_is_allowed(counting: ServedRegistry) -> None:
    one = begun(counting)
    stranger = counting.client().get(one["page"])
    assert (stranger.status_code, stranger.headers["location"].startswith("/sign-in?next=%2Fdevice")) == (303, True)
    browser = counting.browser("dev")
    page = browser.get(one["page"]).text
    for shown in ("login on &lt;b&gt;gpu-1&lt;/b&gt;", "forebear 1", "testclient", "7 days", one["user_code"]):
        assert shown in page, shown
    assert "If somebody sent you the code or the link, refuse it" in page
    asked = counting.client().post("/api/v1/device/token", json={"device_code": one["device_code"]})
    assert (asked.json()["state"], asked.json()["token"]) == ("authorization_pending", None), "looking allows nothing"
    form = {"code": one["user_code"], "deed": "allow"}
    assert browser.post("/device", data=form).status_code == 403, "nor does another site"
    assert "gets its token within seconds" in browser.post("/device", data={**form, "csrf": form_token(page)}).text
    assert "decided about this code already" in browser.get(one["page"]).text


def test_guessing_codes_ends_after_ten(counting: ServedRegistry) -> None:
    one, dev, browser = begun(counting), counting.client("dev"), counting.browser("dev")
    codes = [dev.get(f"/api/v1/device/{new_user_code()}").status_code for _ in range(6)]
    at = "/api/v1/device/{}/allow"
    codes += [dev.post(at.format(new_user_code()), headers={"If-Match": "*"}).status_code for _ in range(2)]
    codes += [browser.get("/device", params={"code": new_user_code()}).status_code for _ in range(4)]
    assert codes == [404] * 6 + [412] * 2 + [404] * 2 + [429] * 2
    assert problem(dev.post(f"/api/v1/device/{one['user_code']}/allow"))["status"] == 429
    assert counting.client("ben").get(f"/api/v1/device/{one['user_code']}").status_code == 200


def test_a_stranger_begins_ten_in_a_minute_and_no_more(counting: ServedRegistry) -> None:
    codes = [counting.client().post("/api/v1/device", json=WISH).status_code for _ in range(12)]
    assert codes == [201] * 10 + [429] * 2


class Terminal(io.StringIO):
    """Somebody who presses Enter."""

    def isatty(self) -> bool:
        return True


@pytest.mark.parametrize(("deed", "asked"), [("allow", False), ("refuse", False), ("allow", True)])
def test_the_command_line_shows_a_code_and_waits(
    counting: ServedRegistry, typed: CommandLine, monkeypatch: pytest.MonkeyPatch, deed: str, asked: bool
) -> None:
    shown: list[str] = []
    if asked:
        monkeypatch.setattr(sys, "stdin", Terminal())
        monkeypatch.setattr(sys.modules[typer.prompt.__module__], "hidden_prompt_func", lambda _: "")
    monkeypatch.setattr("registry.cli.printing.hint", shown.append)

    def somebody_decides(connection: Connection, seconds: float) -> None:
        code = re.search("[A-Z]{4}-[A-Z]{4}", shown[-1])
        assert code is not None
        assert seconds == 5
        assert counting.client("dev").post(f"/api/v1/device/{code[0]}/{deed}").status_code == 200

    monkeypatch.setattr(Connection, "sleep", somebody_decides, raising=False)
    monkeypatch.setattr(
        Connection, "__post_init__", lambda self: setattr(self, "sleep", lambda s: somebody_decides(self, s))
    )
    with listening(counting.app) as url:
        said = typed("login", url, *([] if asked else ["--device"]), "--scope", "read")
    assert ("Token (or press Enter to confirm in a browser" in said.err) is asked
    assert f"Open {url}/device?code=" in shown[0]
    assert (said.code, "as dev" in said.out) == ((0, True) if deed == "allow" else (9, False)), said.err
