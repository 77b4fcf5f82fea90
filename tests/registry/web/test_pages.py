"""The pages: complete without JavaScript, the same data at the API, and every name escaped."""

from __future__ import annotations

import re
from datetime import UTC, datetime, timedelta
from html import unescape

import pytest

from registry.domain.names import Reference
from registry.services.governance.policies.stored import default_policy_text
from registry.web.render import ago, link, static
from tests.builders import add_dataset_version, dataset_ref, event
from tests.serving import ServedRegistry, form_token

PAGES = (
    "/",
    "/models/vision/digits",
    "/models/vision/digits/1",
    "/models/vision/digits/@candidate",
    *(f"/models/vision/digits/2?tab={tab}" for tab in ("versions", "lineage", "approvals", "files", "activity")),
    "/datasets",
    "/datasets/vision/digits",
    "/datasets/vision/digits/1",
    "/steps",
    "/steps?state=succeeded",
    "/lineage?target=models:/vision/digits/2",
    "/lineage?target=datasets:/vision/digits/1&down=1",
    "/promotions",
    "/promotions?state=all",
    "/findings",
    *("/selections", "/start", "/start?data=datasets:/vision/digits/1"),
    "/selections?dataset=datasets:/vision/digits/1",
    "/drift?reference=models:/vision/digits/2",
    *("/cascade", "/cascade?reference=models:/vision/digits/2"),
    "/difference?one=models:/vision/digits/1",
    "/difference?one=models:/library/lite0/1&other=models:/vision/digits/2",
    "/inbox",
    *("/advisories", "/recalls", "/recalls?target=datasets:/vision/digits/1&level=recall"),
    "/emergencies",
    "/waivers",
    *("/corrections?reference=models:/vision/digits/2", "/corrections?reference=datasets:/vision/digits/1"),
    "/policies",
    "/policies/default?days=90&judges=yes",
    "/people",
    "/people/ana/sessions",
    "/webhooks",
    "/webhooks?state=dead",
    "/audit?verify=true",
    "/api",
)


def text_of(html: str) -> str:
    """What a reader sees of the main part."""
    body = html.partition("<main")[2].partition("</main>")[0]
    return re.sub(r"\s+", " ", unescape(re.sub(r"<[^>]*>", " ", body)))


@pytest.fixture(scope="module")
def followed() -> set[str]:
    """The addresses that a test followed already: most pages link to the same ones."""
    return set()


@pytest.mark.parametrize("path", PAGES)
def test_a_page_is_whole_and_links_only_inside(served: ServedRegistry, path: str, followed: set[str]) -> None:
    client = served.client("ana")
    answer = client.get(path)
    assert answer.status_code == 200
    html = answer.text
    assert html.count("<h1") == 1
    assert " style=" not in html
    assert not re.search(r"<script(?![^>]*\bsrc=)|\son\w+=", html)
    addresses = [unescape(one) for one in re.findall(r'(?:href|src|action|formaction)="([^"]*)"', html)]
    assert all(one.startswith(("/", "#")) and not one.startswith("//") for one in addresses), addresses
    json = re.search(r'rel="alternate" type="application/json" href="([^"]+)"', html)
    assert json, "no address of the same data"
    assert client.get(unescape(json[1])).headers["content-type"] == "application/json"
    for one in set(addresses) - followed:
        posts = ("#", "/sign-out", "/promotions/req", "/api/v1/audit/export", "/evidence", "/status", "/start/")
        if not one.startswith(posts) and one != "/promotions":
            assert client.get(one).status_code == 200, one
            followed.add(one)


def test_every_form_that_changes_something_carries_its_token(served: ServedRegistry) -> None:
    browser = served.browser("ana")
    for path in PAGES:
        for form in re.findall(r"<form[^>]*>.*?</form>", browser.get(path).text, re.DOTALL):
            if 'method="post"' in form:
                assert re.search(r'name="csrf" value="[\w-]{20,}"', form), (path, form[:200])


def test_the_catalog_searches_and_narrows_without_scripts(served: ServedRegistry) -> None:
    client = served.client("vic")
    html = client.get("/", params={"text": "digits"}).text
    assert "edge/ digits-small" in text_of(html)
    assert "minilm" not in text_of(html)
    narrowed = next(unescape(one) for one in re.findall(r'href="(/\?[^"]*)"', html) if "stage=candidate" in one)
    assert "text=digits" in narrowed
    page = text_of(client.get(narrowed).text)
    assert "vision/ digits" in page
    assert "digits-small" not in page
    assert "No model matches" in client.get("/", params={"text": "nothing-like-this"}).text


def test_a_model_page_says_what_one_needs_to_know(served: ServedRegistry) -> None:
    page = text_of(served.client("vic").get("/models/vision/digits/2").text)
    for words in (
        "candidate",
        "0.957",
        "Apache-2.0",
        "efficientnet-lite0",
        "vision/digits/1",
        "fine tuning",
        "sha256:",
    ):
        assert words in page
    assert "Intended use" in page


def test_the_outline_shows_the_ancestry_without_scripts(served: ServedRegistry) -> None:
    html = served.client("vic").get("/models/vision/digits/2?tab=lineage").text
    assert "What the weights say about vision/digits/1" in html
    assert "<dt>Relation</dt><dd>trained further</dd>" in html
    outline = html.split('aria-label="Ancestors"')[1].split('aria-label="Descendants"')[0]
    order = [outline.index(f'href="{one}"') for one in ("/models/vision/digits/2", "/models/vision/digits/1",
                                                           "/models/library/lite0/1")]  # fmt: skip
    assert order == sorted(order)
    assert "observed" in outline
    assert outline.count("<ul") - 1 == outline.count("</ul>") - 1 >= 3
    assert outline.count("<li>") == outline.count("</li>")
    assert "edge/digits-small/1" in html.split('aria-label="Descendants"')[1]


def test_a_step_page_draws_its_curves_on_the_server(served: ServedRegistry) -> None:
    client = served.client("vic")
    step = client.get("/api/v1/models/vision/digits/versions/2").json()["step"]
    html = client.get(f"/steps/{step}").text
    assert html.count("<polyline") == 4
    assert html.count("<title id=") == html.count("<desc id=") == 2
    assert "best: epoch 8" in html
    part = client.get(f"/steps/{step}/curves")
    assert part.text.strip() in html
    assert "<html" not in part.text
    assert "data-live" not in html, "it has ended"
    page = text_of(html)
    for words in ("Resolved recipe", "mirrored", "validation", "environment · torch", "8 of 8"):
        assert words in page


def test_a_refusal_is_shown_with_every_reason(own_served: ServedRegistry) -> None:
    browser = own_served.browser("dev")
    csrf = form_token(browser.get("/models/vision/digits/1?tab=approvals").text)
    asked = {"csrf": csrf, "reference": "models:/vision/digits/1", "to_stage": "production"}
    answer = browser.post("/promotions", data=asked)
    reasons = browser.post(
        "/api/v1/promotions",
        json={"reference": asked["reference"], "to_stage": "production"},
        headers={"X-CSRF-Token": csrf},
    ).json()["facts"]["reasons"]
    assert (answer.status_code, len(reasons) >= 1) == (403, True)
    for reason in reasons:
        assert reason in text_of(answer.text)


def test_the_form_suggests_the_stages_that_the_policy_lets_follow(served: ServedRegistry) -> None:
    for version, stage in ((1, "candidate"), (2, "validated")):
        html = served.client("vic").get(f"/models/vision/digits/{version}?tab=approvals").text
        choices = re.search(r'<select name="to_stage" required>(.*?)</select>', html)
        assert choices
        assert re.findall(r'<option value="([^"]*)"', choices[1]) == [stage]


def test_a_promotion_is_asked_for_and_decided_with_forms_alone(own_served: ServedRegistry) -> None:
    path = f"/promotions/{own_served.family.request.summary.id}"
    browser = own_served.browser("ben")
    html = browser.get(path).text
    assert "0 of 1 validator approvals" in text_of(html)
    answer = browser.post(f"{path}/approve", data={"csrf": form_token(html), "comment": "<b>fine</b>"})
    assert (answer.status_code, answer.headers["location"]) == (303, path)
    html = browser.get(path).text
    assert "Nothing is missing" in text_of(html)
    assert "&lt;b&gt;fine" in html
    assert "formaction" not in html
    assert f"{path}/explanation" in html
    told = text_of(browser.get(f"{path}/explanation").text)
    assert "it gives the same result" in told
    assert "1 of 1 validator approvals" in told


def test_what_people_write_is_escaped_everywhere(own_served: ServedRegistry) -> None:
    client = own_served.client("dev")
    evil = "<script>alert(1)</script>\"'"
    summary = client.get("/api/v1/models/vision/digits").json()["summary"]
    said = {key: summary[key] for key in ("modality",)} | {
        "task": evil, "licence": "MIT", "origin": evil, "description": evil, "tags": {"x": evil},
    }  # fmt: skip
    assert client.put("/api/v1/models/vision/digits", json=said).status_code == 200
    body = {"type": "other", "body": {evil: evil, "deep": {evil: [evil, {"a": evil}]}, "n": None, "f": 1.5}}
    assert client.post("/api/v1/models/vision/digits/versions/2/evidence", json=body).status_code == 201
    for path in (*PAGES, "/?text=" + evil, f"/?task={evil}", f"/audit?subject={evil}", f"/sign-in?next=/{evil}"):
        html = client.get(path).text
        assert "<script>alert" not in html, path
        assert "<h1" in html


def test_a_person_without_a_role_sees_a_refusal_not_data(own_served: ServedRegistry) -> None:
    admin = own_served.client("ana")
    admin.post("/api/v1/people", json={"handle": "new", "name": "New"})
    secret = admin.post("/api/v1/people/new/tokens", json={"label": "x"}).json()["secret"]
    new = own_served.client()
    new.headers["Authorization"] = f"Bearer {secret}"
    for path in PAGES:
        if path != "/api":
            answer = new.get(path)
            assert answer.status_code == 403, path
            assert "digits-small" not in answer.text


def test_an_error_page_says_what_is_wrong_and_what_to_do(served: ServedRegistry) -> None:
    client = served.client("vic")
    absent = (
        "/models/no/such",
        "/models/vision/digits/99",
        "/models/vision/digits?tab=none",
        "/steps/x",
        "/promotions/x",
    )
    bad = (
        "/?sort=luck",
        "/?modality=smell",
        "/?status=odd",
        "/?cursor=x",
        "/lineage",
        "/models/BAD/name",
        "/steps?cursor=z",
    )
    for path, status in [(one, 404) for one in absent] + [(one, 400) for one in bad]:
        answer = client.get(path)
        assert (answer.status_code, answer.headers["content-type"]) == (status, "text/html; charset=utf-8"), path
        assert "Back to the catalog" in answer.text


def test_ages_and_links_and_static_addresses_are_written_in_short() -> None:
    now = datetime(2026, 11, 23, tzinfo=UTC)
    told = [ago(now - timedelta(seconds=s), now) for s in (-5, 3, 60, 7200, 86400, 3 * 86400, 90 * 86400)]
    assert told == ["just now", "just now", "1 minute ago", "2 hours ago", "1 day ago", "3 days ago", "25 Aug 2026"]
    assert link("/", {"a": "x y", "b": ""}, c=None, d=["1", "2"]) == "/?a=x+y&d=1&d=2"
    assert re.fullmatch(r"/static/forebear\.css\?v=[0-9a-f]{12}", static("forebear.css"))


def test_a_dataset_that_a_step_made_shows_where_it_comes_from(own_served: ServedRegistry) -> None:
    with own_served.family.system.context.write() as uow:
        parents = [own_served.family.backbone, dataset_ref("vision/digits/1")]
        ref = add_dataset_version(uow, "vision/features", parents=parents, at=datetime.now(UTC))
        uow.commit(event(str(ref), "dataset_version.created"))
    html = own_served.client("ana").get("/datasets/vision/features").text
    assert "Made from" in text_of(html)
    assert f'href="/models/{own_served.family.backbone.label}"' in html
    assert 'href="/datasets/vision/digits/1"' in html
    assert re.search(r'href="/steps/step-[^"]+">feature extraction<', html)
    imported = own_served.client("ana").get("/datasets/vision/digits").text
    assert "Made from" not in imported
    assert "/datasets/vision/features/1" in imported, "what was made with it"


def test_a_refused_vote_is_explained_on_its_own_page_and_the_comment_is_kept(own_served: ServedRegistry) -> None:
    path = f"/promotions/{own_served.family.request.summary.id}"
    browser = own_served.browser("ben")
    data = {"csrf": form_token(browser.get(path).text), "comment": ""}
    answer = browser.post(f"{path}/reject", data=data)
    assert answer.status_code in {400, 422}
    assert 'role="alert"' in answer.text
    viewer = own_served.browser("vic")
    html = viewer.get(path).text
    assert re.search(r"<button[^>]*/approve[^>]*disabled", html)
    refused = viewer.post(f"{path}/approve", data={"csrf": form_token(html), "comment": "looks fine"})
    assert refused.status_code == 403
    assert ">looks fine</textarea>" in refused.text
    assert 'role="alert"' in refused.text


def test_the_audit_log_is_found_by_person_and_day(served: ServedRegistry) -> None:
    client = served.client("ana")
    rows = client.get("/audit?person=ana").text
    assert "<details" in rows
    assert " open" not in re.search(r"<tbody>.*</tbody>", rows, re.DOTALL)[0]  # type: ignore[index]
    assert "No entry matches." in client.get("/audit?person=nobody").text
    assert "No entry matches." in client.get("/audit?until=2001-01-01").text
    assert client.get("/audit?since=yesterday").status_code == 400


def test_every_entry_about_a_thing_links_to_its_page(served: ServedRegistry) -> None:
    client = served.client("ana")
    found = re.findall(r'<td><a href="(/(?:models|datasets|steps|promotions|people)[^"]*)">', client.get("/audit").text)
    assert found
    for address in set(found):
        assert client.get(unescape(address)).status_code == 200, address


@pytest.mark.parametrize("on_request", [False, True], ids=["page of the model", "page of the request"])
def test_a_wrong_value_of_evidence_is_named_beside_its_field_and_the_form_keeps_what_was_typed(
    own_served: ServedRegistry, on_request: bool
) -> None:
    browser, request = own_served.browser("ben"), own_served.family.request.summary
    back = f"/promotions/{request.id}" if on_request else "/models/vision/digits/2?tab=approvals"
    typed = {
        "csrf": form_token(browser.get(back).text),
        "reference": str(request.ref) if on_request else "models:/vision/digits/2",
        "type": "validation",
        "back": back,
        "field-result": "maybe",
        "field-note": "400 pictures <by hand>",
        "field-errors": "many",
    }
    before = own_served.family.registry("dev").promotions.evidence(Reference.parse(typed["reference"]))
    answer = browser.post("/evidence", data=typed)
    assert answer.status_code == 422
    html = answer.text
    assert re.search(r'id="problem-validation-result">Result must be pass or fail, not &#39;maybe&#39;\.<', html)
    assert re.search(r'id="problem-validation-errors">Errors must be a number, not &#39;many&#39;\.<', html)
    assert 'aria-invalid="true" aria-describedby="problem-validation-errors"' in html
    assert "400 pictures &lt;by hand&gt;</textarea>" in html
    assert html.count('<details class="more" open>') == 1
    assert f'name="back" value="{back}"' in html
    again = typed | {"field-result": "pass", "field-errors": "3", "csrf": form_token(html)}
    answer = browser.post("/evidence", data=again)
    assert (answer.status_code, answer.headers["location"]) == (303, back)
    after = own_served.family.registry("dev").promotions.evidence(Reference.parse(typed["reference"]))
    assert len(after) == len(before) + 1


def test_a_promotion_that_is_refused_says_so_beside_its_form_which_keeps_the_comment(
    own_served: ServedRegistry,
) -> None:
    browser, back = own_served.browser("dev"), "/models/vision/digits/1?tab=approvals"
    asked = {"csrf": form_token(browser.get(back).text), "reference": "models:/vision/digits/1"}
    answer = browser.post("/promotions", data=asked | {"to_stage": "production", "comment": "Please <look>"})
    assert answer.status_code == 403
    assert "Stage order: production follows validated" in answer.text
    assert "Please &lt;look&gt;</textarea>" in answer.text


def test_evidence_that_is_too_long_is_refused_at_the_top_of_its_form(own_served: ServedRegistry) -> None:
    browser, back = own_served.browser("ben"), "/models/vision/digits/2?tab=approvals"
    fields = {"csrf": form_token(browser.get(back).text), "reference": "models:/vision/digits/2", "back": back}
    fields |= {"type": "validation", "field-result": "pass", "field-note": "x" * 70_000}
    answer = browser.post("/evidence", data=fields, files={"file": ("report.pdf", b"%PDF-", "application/pdf")})
    assert answer.status_code == 422
    assert "The evidence is larger than 65,536 bytes. Attach the long part as a file." in answer.text
    assert "Choose the file again." in answer.text


def test_a_report_of_a_megabyte_is_added_as_evidence_by_a_form(own_served: ServedRegistry) -> None:
    browser = own_served.browser("ben")
    csrf = form_token(browser.get("/models/vision/digits/1?tab=approvals").text)
    fields = {"csrf": csrf, "reference": "models:/vision/digits/1", "type": "validation", "field-result": "pass"}
    sent = {"file": ("report.pdf", b"%PDF-" + bytes(1_000_000), "application/pdf")}
    answer = browser.post("/evidence", data=fields | {"back": "/models/vision/digits/1?tab=approvals"}, files=sent)
    assert (answer.status_code, answer.headers.get("location")) == (303, "/models/vision/digits/1?tab=approvals")
    assert "report.pdf" in browser.get("/models/vision/digits/1?tab=approvals").text
    too_large = {"file": ("report.pdf", bytes(33 * 1024**2), "application/pdf")}
    assert browser.post("/evidence", data=fields, files=too_large).status_code == 413


def test_the_pages_of_a_damaged_version_say_so_and_what_to_do(own_served: ServedRegistry) -> None:
    browser = own_served.browser("ana")
    pages = ("/models/vision/digits/2", "/datasets/vision/digits/1")
    assert not [page for page in pages if "Damaged:" in text_of(browser.get(page).text)]
    for blob in (own_served.family.home / "blobs").glob("??/??/*"):
        blob.unlink()
    assert own_served.client("ana").post("/api/v1/store/check?seconds=60").json()["damage"]
    for page in pages:
        assert "forebear store repair --from BACKUP" in text_of(browser.get(page).text), page
    assert text_of(browser.get("/models/vision/digits/2").text).count("active, damaged") == 1


def test_a_status_is_set_a_policy_decided_on_and_a_role_confirmed_in_the_browser(own_served: ServedRegistry) -> None:
    browser, path = own_served.browser("ana"), "/models/vision/digits/1"
    data = {"csrf": form_token(browser.get(path).text), "reference": "models:/vision/digits/1"}
    assert (
        browser.post("/status", data={**data, "status": "deprecated", "comment": "see 2"}).headers["location"] == path
    )
    assert "Deprecated: see 2" in text_of(browser.get(path).text)
    text = default_policy_text().replace("version: 3", "version: 4", 1)
    headers = {"X-CSRF-Token": data["csrf"], "Content-Type": "application/yaml"}
    proposal = browser.post("/api/v1/policies", content=text, headers=headers).json()["id"]
    refused = browser.post(f"/policies/{proposal}/approve", data=data)
    assert (refused.status_code, "nobody puts their own policy in force" in text_of(refused.text)) == (403, True)
    cleo = own_served.browser("cleo")
    token = {"csrf": form_token(cleo.get("/policies").text)}
    assert cleo.post(f"/policies/{proposal}/approve", data=token).headers["location"] == "/policies"
    assert "version 4" in text_of(cleo.get("/policies").text)
    own_served.client("ana").put("/api/v1/people/dev/roles/validator")
    assert "Roles that wait for a second person" in text_of(cleo.get("/people").text)
    assert cleo.post("/people/dev/validator/confirm", data=token).status_code == 303
    assert "Roles that wait" not in text_of(cleo.get("/people").text)
