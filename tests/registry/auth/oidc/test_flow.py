"""The way to a provider and back: bound to one browser, one provider and one code, and what is asked there."""

from __future__ import annotations

import base64
import hashlib
from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path
from urllib.parse import parse_qs, urlsplit

import pytest

from registry.auth.oidc import Returned, Way
from registry.auth.oidc.provider import Provider
from registry.errors import RefusedError, UnauthenticatedError, UnavailableError, UsageError
from registry.settings import Settings
from tests.providing import Stage, new_key, provider

KEY = "k" * 40


@pytest.fixture
def stage() -> Iterator[Stage]:
    with provider() as stage:
        yield stage


def settings(stage: Stage, **more: object) -> Settings:
    fixed = {"oidc_issuer": stage.issuer, "oidc_client": "forebear", "public_url": "https://models.example/"}
    return Settings(**{**fixed, "oidc_private": True, **more})  # type: ignore[arg-type]


def way_of(stage: Stage, **more: object) -> Way:
    way = Way.of(settings(stage, **more), KEY)
    assert way is not None
    return way


def begun(way: Way, stage: Stage, next: str = "/steps") -> tuple[dict[str, str], str]:
    """What the provider was asked, and the cookie of the browser."""
    where, cookie = way.begin(next)
    asked = {name: values[0] for name, values in parse_qs(urlsplit(where).query).items()}
    stage.nonce = asked["nonce"]
    return asked, cookie


def back(way: Way, asked: dict[str, str], cookie: str, **query: str) -> Returned:
    return way.finish({"state": asked["state"], "code": "good", **query}, cookie)


def test_a_code_is_asked_for_with_pkce_and_given_for_the_verifier_of_this_browser(stage: Stage) -> None:
    way = way_of(stage)
    asked, cookie = begun(way, stage)
    assert (asked["response_type"], asked["scope"], asked["code_challenge_method"]) == (
        "code",
        "openid profile",
        "S256",
    )
    assert asked["redirect_uri"] == "https://models.example/sign-in/provider/return"
    assert len({asked["state"], asked["nonce"], asked["code_challenge"]}) == 3
    assert len(asked["state"]) == 43
    found = back(way, asked, cookie)
    assert (found.identity.issuer, found.identity.subject, found.next) == (stage.issuer, "u-1", "/steps")
    _, form, header = next(one for one in stage.asked if one[0] == "/token")
    digest = hashlib.sha256(form["code_verifier"].encode()).digest()
    assert base64.urlsafe_b64encode(digest).decode().rstrip("=") == asked["code_challenge"]
    assert (form["redirect_uri"], form["client_id"], header) == (asked["redirect_uri"], "forebear", "")
    assert form["code_verifier"] not in cookie + str(asked)


def test_a_sign_in_that_another_browser_began_is_refused(stage: Stage) -> None:
    way = way_of(stage)
    (mine, cookie), (theirs, other) = begun(way, stage), begun(way, stage)
    for state, brought in (
        (theirs, cookie),
        (mine, other),
        (mine, ""),
        (mine, cookie[:-1] + ("1" if cookie[-1] == "0" else "0")),
        (mine, "x" + cookie),
    ):
        with pytest.raises(UnauthenticatedError, match="not begun in this browser"):
            back(way, state, brought)
    with pytest.raises(UnauthenticatedError, match="not begun in this browser"):
        way.finish({"code": "good"}, cookie)
    assert stage.asked_for("/token") == 0, "nothing was asked of the provider for it"


def test_the_token_of_another_sign_in_is_refused(stage: Stage) -> None:
    way = way_of(stage)
    asked, cookie = begun(way, stage)
    begun(way, stage)  # its nonce is in the token
    with pytest.raises(UnauthenticatedError, match="not made for this sign-in"):
        back(way, asked, cookie)


def test_a_sign_in_is_finished_within_ten_minutes(stage: Stage) -> None:
    way = way_of(stage)
    asked, cookie = begun(way, stage)
    with pytest.raises(UnauthenticatedError, match="more than 10 minutes ago"):
        back(replace(way, now=lambda: way.now() + 601), asked, cookie)


def test_an_answer_of_another_provider_is_refused(stage: Stage) -> None:
    way = way_of(stage)
    asked, cookie = begun(way, stage)
    with pytest.raises(UnauthenticatedError, match="Another provider answered"):
        back(way, asked, cookie, iss="https://evil.example")
    assert back(way, asked, cookie, iss=stage.issuer)
    stage.metadata["authorization_response_iss_parameter_supported"] = True
    named = way_of(stage)
    asked, cookie = begun(named, stage)
    with pytest.raises(UnauthenticatedError, match="Another provider answered"):
        back(named, asked, cookie)
    with pytest.raises(UnauthenticatedError, match="was begun"):
        back(way_of(stage, oidc_issuer="http://127.0.0.1:9"), asked, cookie)


def test_what_the_provider_says_went_wrong_is_not_repeated(stage: Stage) -> None:
    way = way_of(stage)
    asked, cookie = begun(way, stage)
    with pytest.raises(UnauthenticatedError, match="signed nobody in: access_denied"):
        back(way, asked, cookie, error="access_denied")
    with pytest.raises(UnauthenticatedError) as refused:
        back(way, asked, cookie, error="Call +1 555 0100", error_description="<b>now</b>")
    assert "555" not in str(refused.value)
    for code in ("", "spent", "x" * 5000):
        with pytest.raises(UnauthenticatedError):
            back(way, asked, cookie, code=code)


def test_keys_are_read_again_when_the_provider_has_new_ones_and_not_for_every_forged_token(stage: Stage) -> None:
    seconds = [0.0]
    way = way_of(stage)
    way.provider.now = lambda: seconds[0]
    asked, cookie = begun(way, stage)
    back(way, asked, cookie)
    back(way, asked, cookie)
    assert (stage.asked_for("/keys"), stage.asked_for("/.well-known/openid-configuration")) == (1, 1)
    stage.key = new_key("ES256", "next")
    with pytest.raises(UnauthenticatedError):
        back(way, asked, cookie)
    with pytest.raises(UnauthenticatedError):
        back(way, asked, cookie)
    assert stage.asked_for("/keys") == 1
    seconds[0] = 61.0
    assert back(way, asked, cookie)
    assert (stage.asked_for("/keys"), stage.asked_for("/.well-known/openid-configuration")) == (2, 1)


@pytest.mark.parametrize(
    ("metadata", "why"),
    [
        ({"issuer": "https://evil.example"}, "says that it is another one"),
        ({"code_challenge_methods_supported": ["plain"]}, "does not know PKCE"),
        ({"id_token_signing_alg_values_supported": ["HS256", "none"]}, "signs with none of"),
        ({"jwks_uri": "http://10.0.0.1/keys"}, "not encrypted"),
        ({"token_endpoint": "file:///etc/passwd"}, "no address for token_endpoint"),
        ({"authorization_endpoint": "javascript:alert(1)"}, "no address for authorization_endpoint"),
        ({"authorization_endpoint": 7}, "no address for authorization_endpoint"),
    ],
)
def test_a_provider_that_does_not_fit_is_refused(stage: Stage, metadata: dict[str, object], why: str) -> None:
    stage.metadata |= metadata
    with pytest.raises(UnavailableError, match=why):
        way_of(stage).begin("/")


def test_an_inner_address_is_asked_for_the_issuer_alone_and_only_where_a_setting_allows_it(stage: Stage) -> None:
    outside = Provider(stage.issuer, "forebear")
    with pytest.raises(RefusedError, match="FOREBEAR_OIDC_PRIVATE"):
        outside.metadata()
    stage.metadata["token_endpoint"] = "https://10.0.0.1/token"
    way = way_of(stage)
    asked, cookie = begun(way, stage)
    with pytest.raises(RefusedError, match="not an address of the internet"):
        back(way, asked, cookie)


def test_the_secret_of_the_client_comes_from_a_file_and_goes_where_the_provider_wants_it(
    stage: Stage, tmp_path: Path
) -> None:
    file = tmp_path / "secret"
    file.write_text("s3cret:%\n")
    way = way_of(stage, oidc_secret_file=file)
    asked, cookie = begun(way, stage)
    back(way, asked, cookie)
    assert base64.b64decode(stage.asked[-2][2].removeprefix("Basic ")).decode() == "forebear:s3cret%3A%25"
    stage.metadata["token_endpoint_auth_methods_supported"] = ["client_secret_post"]
    way = way_of(stage, oidc_secret_file=file)
    asked, cookie = begun(way, stage)
    back(way, asked, cookie)
    assert next(form for path, form, _ in reversed(stage.asked) if path == "/token")["client_secret"] == "s3cret:%"
    assert "s3cret" not in repr(way)


@pytest.mark.parametrize(
    ("wrong", "why"),
    [
        ({"oidc_algorithms": ("RS256", "HS256")}, "not HS256"),
        ({"oidc_algorithms": ("none",)}, "not none"),
        ({"oidc_algorithms": ()}, "not nothing"),
        ({"oidc_client": ""}, "needs FOREBEAR_OIDC_CLIENT"),
        ({"public_url": ""}, "FOREBEAR_PUBLIC_URL"),
        ({"oidc_private": False}, "not encrypted"),
        ({"oidc_issuer": "https://user@id.example"}, "is no issuer"),
        ({"oidc_issuer": "id.example"}, "is no issuer"),
        ({"oidc_secret_file": Path("/nowhere/secret")}, "cannot be read"),
    ],
)
def test_settings_that_cannot_work_are_refused_before_anything_is_asked(
    stage: Stage, wrong: dict[str, object], why: str
) -> None:
    with pytest.raises(UsageError, match=why):
        way_of(stage, **wrong)
    assert stage.asked == []


def test_a_provider_that_does_not_answer_is_asked_again_after_half_a_minute(stage: Stage) -> None:
    moment = [0.0]
    gone = Provider(f"{stage.issuer}/gone", "forebear", private=True, now=lambda: moment[0])
    for moment[0], asked in ((0.0, 1), (29.0, 1), (31.0, 2)):
        with pytest.raises(UnavailableError):
            gone.metadata()
        assert len(stage.asked) == asked
