"""Every form of the pages and every route, on what is one's own too: a role that does not allow it gets nothing."""

from __future__ import annotations

import pytest

from tests.registry.api.changing import FORMS
from tests.registry.api.needs import NEEDS
from tests.registry.api.test_attacks import filled, names_of, send, with_zed
from tests.serving import ServedRegistry, form_token, problem

FILLED = {
    "reference": "models:/vision/digits/1", "to_stage": "candidate", "comment": "it is good", "status": "deprecated",
    "deed": "propose", "text": "x", "gate": "no-worse", "reason": "r", "until": "2099-01-01", "type": "other",
    "severity": "low", "owner": "dev", "due": "2099-01-01", "target": "datasets:/vision/digits/1", "level": "advisory",
    "kind": "dispute", "data": "datasets:/vision/digits/1", "ranking": "none", "start": "1",
    "method": "fine_tuning", "baselines": "no", "given": "models:/library/lite0/1 as source",
    "step": "step-00000000000000000000000000",
}  # fmt: skip
"""What a form may ask for."""
OWN = {"/device", "/identities", "/sign-in", "/sign-in/password", "/sign-out", "/password", "/password/remove"}
"""Forms about one's own way in."""
LOOKED_UP = {"/advisories"}
"""Forms that write nothing: who may read may send them."""


@pytest.mark.parametrize("who", ["vic", "zed"])
def test_no_form_of_the_pages_does_what_a_role_does_not_allow(own_served: ServedRegistry, who: str) -> None:
    """vic may only read, and zed has no role at all."""
    names = names_of(with_zed(own_served)) | {"vote": "approve", "deed": "approve"}
    browser, ana = own_served.browser(who), own_served.client("ana")
    shown = browser.get("/people").text if who == "vic" else browser.get("/sign-out").text
    csrf = form_token(shown) if 'name="csrf"' in shown else ""
    head = ana.get("/api/v1/audit/verify").json()["head"]
    for form in FORMS:
        path = form.removeprefix("POST ")
        if path in OWN or (who == "vic" and path in {*LOOKED_UP, "/inbox"}):  # one's own
            continue
        answer = browser.post(filled(path, **names), data={**FILLED, "csrf": csrf})
        assert answer.status_code in {403, 404}, (path, answer.status_code, answer.text[:500])
    assert ana.get("/api/v1/audit/verify").json()["head"] == head


def test_who_owns_a_model_and_may_only_read_does_nothing_to_it_either(own_served: ServedRegistry) -> None:
    """Roles hold for the whole registry: there is no name under which somebody may do more."""
    names = names_of(own_served)
    ana, dev = own_served.family.registry("ana"), own_served.client("dev")
    assert '"owner":"dev"' in dev.get("/api/v1/models/vision/digits").text.replace(" ", "")
    ana.people.grant("dev", "viewer")
    ana.people.revoke("dev", "developer")
    head = own_served.client("ana").get("/api/v1/audit/verify").json()["head"]
    for (method, path), (need, body) in NEEDS.items():
        if need in {"edit", "admin"}:
            said = problem(send(own_served, "dev", method, filled(path, **names), body))
            assert said["status"] == 403, (method, path, said)
    assert own_served.client("ana").get("/api/v1/audit/verify").json()["head"] == head
