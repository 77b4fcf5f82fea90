"""Settings: every variable is read, a bad one is named, and a home is found where people are."""

from __future__ import annotations

from dataclasses import fields
from pathlib import Path

import pytest

from registry.errors import UsageError
from registry.limits import DataLimits
from registry.settings import Settings


def test_everything_can_be_left_out() -> None:
    assert Settings.from_environment({}) == Settings()


def test_every_variable_is_read() -> None:
    settings = Settings.from_environment(
        {
            "FOREBEAR_HOME": "/srv/forebear",
            "FOREBEAR_ACTOR": "ana",
            "FOREBEAR_URL": "https://models.example",
            "FOREBEAR_TOKEN": "fbr_x",
            "FOREBEAR_ALLOW_HTTP": "1",
            "FOREBEAR_DATABASE_URL": "postgresql://db/forebear",
            "FOREBEAR_MLFLOW_URI": "off",
            "FOREBEAR_THREADS": "3",
            "FOREBEAR_DEVICE": "cpu",
            "FOREBEAR_ENGINE": "ray",
            "FOREBEAR_ALLOWED_HOSTS": "a.example, b.example",
            "FOREBEAR_TRUSTED_PROXIES": "10.0.0.1, 10.1.0.0/16",
            "FOREBEAR_MAX_CONNECTIONS": "5",
            "FOREBEAR_HEADER_SECONDS": "4",
            "FOREBEAR_RATE_TOKEN": "1",
            "FOREBEAR_RATE_PERSON": "2",
            "FOREBEAR_RATE_ADDRESS": "3",
            "FOREBEAR_BODY_SECONDS": "6",
            "FOREBEAR_MAX_UPLOAD": "10",
            "FOREBEAR_IMPORT_MEMORY": "20",
            "FOREBEAR_IMPORT_SECONDS": "30",
            "FOREBEAR_CHECKPOINT_ENTRIES": "50",
            "FOREBEAR_CHECKPOINT_MINUTES": "0",
            "FOREBEAR_CHECKPOINT_ANCHORS": "/mnt/a:/mnt/b.txt",
            "FOREBEAR_HUB_UNAPPROVED": "1",
            "FOREBEAR_HUB_URL": "https://hub.intern",
            "FOREBEAR_HUB_HOSTS": "cdn.intern, cdn.intern:8443,",
            "FOREBEAR_HUB_PRIVATE_HOSTS": "cdn.intern",
            "FOREBEAR_HUB_TOKEN": "hush",
            "FOREBEAR_DRAFTS": "2",
            "FOREBEAR_DRAFT_DAYS": "3",
            "FOREBEAR_DRAFT_BYTES": "4",
            "FOREBEAR_WEBHOOK_HOSTS": "ci.intern, 127.0.0.1",
            "FOREBEAR_TIMESTAMP_URL": "https://tsa.example.org",
            "FOREBEAR_TIMESTAMP_ROOTS": "/etc/tsa.pem",
            "FOREBEAR_WEBHOOK_KEYS": "lineage.example=k1, CI.intern=k=2",
            "FOREBEAR_SMTP_URL": "smtp://u:p@mail.example",
            "FOREBEAR_MAIL_FROM": "forebear@example.org",
            "FOREBEAR_TRACKING_URLS": "https://track.example, https://other.example/mlflow",
            "FOREBEAR_TRACKING_PRIVATE_HOSTS": "track.intern",
            "FOREBEAR_TRACKING_TOKENS": "track.intern:5000=ana:s=1,other.example=t",
            "FOREBEAR_PUBLIC_URL": "https://models.example",
            "FOREBEAR_SESSION_IDLE_MINUTES": "5",
            "FOREBEAR_SESSION_HOURS": "6",
            "FOREBEAR_PASSWORDS": "1",
            "FOREBEAR_OIDC_ISSUER": "https://id.example",
            "FOREBEAR_OIDC_CLIENT": "forebear",
            "FOREBEAR_OIDC_SECRET_FILE": "/run/secret",
            "FOREBEAR_OIDC_NAME": "Example",
            "FOREBEAR_OIDC_SCOPES": "openid groups",
            "FOREBEAR_OIDC_ALGORITHMS": "RS256, EdDSA",
            "FOREBEAR_OIDC_GROUPS_CLAIM": "roles",
            "FOREBEAR_OIDC_ROLES": "ml=developer; CN=risk,OU=x=risk-owner",
            "FOREBEAR_OIDC_DECIDING_GROUPS": "CN=risk,OU=x; chiefs",
            "FOREBEAR_OIDC_NEW_PEOPLE": "1",
            "FOREBEAR_OIDC_PRIVATE": "1",
            "FOREBEAR_SECRET": "s",
            **{f"FOREBEAR_DATA_{one.name.upper()}": "7" for one in fields(DataLimits)},
        }
    )
    plain = Settings()
    assert all(getattr(settings, name) != getattr(plain, name) for name in Settings.__dataclass_fields__)
    assert settings.data_limits == DataLimits(7, 7, 7, 7, 7, 7, 7, 7)
    assert settings.checkpoint_anchors == (Path("/mnt/a"), Path("/mnt/b.txt"))
    assert settings.webhook_keys == {"lineage.example": "k1", "ci.intern": "k=2"}
    assert settings.allowed_hosts == ("a.example", "b.example")
    assert settings.hub_hosts == ("cdn.intern", "cdn.intern:8443")
    assert settings.tracking_urls == ("https://track.example", "https://other.example/mlflow")
    assert settings.tracking_tokens == {"track.intern:5000": "ana:s=1", "other.example": "t"}
    assert settings.trusted_proxies == ("10.0.0.1", "10.1.0.0/16")


def test_a_setting_that_is_not_a_number_is_named() -> None:
    with pytest.raises(UsageError, match="FOREBEAR_THREADS must be a whole number, not 'many'"):
        Settings.from_environment({"FOREBEAR_THREADS": "many"})


def test_a_session_that_would_never_be_over_is_refused() -> None:
    with pytest.raises(UsageError, match="FOREBEAR_SESSION_IDLE_MINUTES must be at least 1, not 0"):
        Settings.from_environment({"FOREBEAR_SESSION_IDLE_MINUTES": "0"})


def test_keys_that_are_not_written_by_host_are_refused_and_not_shown() -> None:
    with pytest.raises(UsageError, match="written as host=key") as refused:
        Settings.from_environment({"FOREBEAR_WEBHOOK_KEYS": "lineage.example=k1,hush"})
    assert "hush" not in str(refused.value)


def test_the_registry_folder_of_a_parent_directory_is_found(tmp_path: Path) -> None:
    (tmp_path / ".forebear").mkdir()
    inside = tmp_path / "a" / "b"
    inside.mkdir(parents=True)
    assert Settings().find_home(inside) == tmp_path / ".forebear"


def test_without_one_the_registry_folder_of_the_user_is_used(tmp_path: Path) -> None:
    assert Settings().find_home(tmp_path) == Path.home() / ".forebear"


def test_the_secret_is_never_shown() -> None:
    assert "hush" not in repr(Settings(secret="hush", token="hush", hub_token="hush", webhook_keys={"a": "hush"}))
