"""Settings are read once, checked at start, and name everything that is wrong at once."""

from __future__ import annotations

import base64
import json
import stat
from pathlib import Path

import pytest

from elearn.settings import SECRETS, Settings, SettingsError

GIVEN = {name: base64.urlsafe_b64encode(b"k" * length).decode() for name, length in SECRETS.items()}
SERVER = {"DATABASE_URL": "postgresql+psycopg:///x", "REDIS_URL": "redis://localhost"}


def test_a_first_start_needs_no_preparation(tmp_path: Path) -> None:
    settings = Settings.from_env({"ELEARN_DATA_DIR": str(tmp_path / "var")})
    assert settings.database_url is None
    assert len({settings.secret_key, settings.sealing_key, settings.index_key, settings.signing_key}) == 4


def test_secrets_made_at_the_first_start_are_kept_for_the_next(tmp_path: Path) -> None:
    env = {"ELEARN_DATA_DIR": str(tmp_path)}
    assert Settings.from_env(env) == Settings.from_env(env)


def test_kept_secrets_are_readable_by_their_owner_only(tmp_path: Path) -> None:
    Settings.from_env({"ELEARN_DATA_DIR": str(tmp_path)})
    kept = tmp_path / "secrets.json"
    assert stat.S_IMODE(kept.stat().st_mode) == 0o600
    assert set(json.loads(kept.read_text())) == set(SECRETS)


def test_with_a_server_every_missing_variable_is_named_in_one_error(tmp_path: Path) -> None:
    with pytest.raises(SettingsError) as error:
        Settings.from_env({"DATABASE_URL": "postgresql+psycopg:///x", "ELEARN_DATA_DIR": str(tmp_path)})
    for name in (*SECRETS, "REDIS_URL"):
        assert name in str(error.value)
    assert not (tmp_path / "secrets.json").exists(), "a server's secrets are never invented"


@pytest.mark.parametrize(
    ("variable", "value", "why"),
    [
        ("ELEARN_SECRET_KEY", "short", "must be 32 bytes"),
        ("ELEARN_SIGNING_KEY", "not base64 at all!", "must be 32 bytes"),
        ("ELEARN_PUBLIC_URL", "ftp://example.org", "http:// or https://"),
        ("ELEARN_POLICY_SCALE", "0", "1 or more"),
        ("ELEARN_POLICY_SCALE", "half", "1 or more"),
        ("ELEARN_TRUSTED_PROXIES", "-1", "0 or more"),
        ("ELEARN_SMS_URL", "sms.example", "http:// or https://"),
        ("ELEARN_SMS_URL", "https://sms.example/send", "ELEARN_SMS_SECRET is missing"),
        ("ELEARN_FACE_URL", "https://face.example/look", "ELEARN_FACE_SECRET is missing"),
        ("ELEARN_REMIND_BY_SMS", "1", "must be yes or no"),
        ("ELEARN_SMTP_URL", "mail.example:25", "smtp\\+starttls://user@host:587"),
        ("ELEARN_SMTP_URL", "smtp://mail.example:25", "ELEARN_SMTP_FROM must be"),
        ("ELEARN_SMTP_URL", "smtps://me@mail.example:465", "ELEARN_SMTP_PASSWORD is missing"),
        ("ELEARN_SMTP_URL", "smtp://me@mail.example:25", "no password goes in the open"),
        ("ELEARN_REMIND_BY_SMS", "yes", "ELEARN_SMS_URL is missing"),
        ("ELEARN_LEDGER_SIGNER", "/run/signer.sock", "unix:/path/of/a/socket or http://host:port"),
        ("ELEARN_LEDGER_SIGNER", "http://signer.example", "unix:/path/of/a/socket or http://host:port"),
        ("ELEARN_LEDGER_SIGNER", "http://signer.example:8440", "ELEARN_LEDGER_SECRET is missing"),
        ("ELEARN_LEDGER_POLICY", "/nonexistent/policy", "must name a file"),
    ],
)
def test_a_wrong_value_is_refused_at_start(variable: str, value: str, why: str, tmp_path: Path) -> None:
    with pytest.raises(SettingsError, match=f"{variable}.*{why}|{why}.*{variable}"):
        Settings.from_env({**GIVEN, **SERVER, "ELEARN_DATA_DIR": str(tmp_path), variable: value})


def test_secrets_do_not_show_when_settings_are_printed(tmp_path: Path) -> None:
    settings = Settings.from_env({**GIVEN, **SERVER, "ELEARN_DATA_DIR": str(tmp_path)})
    assert "kkkk" not in repr(settings)
    assert "postgresql" not in repr(settings)


def test_cookies_are_secure_wherever_the_address_is(tmp_path: Path) -> None:
    env = {**GIVEN, **SERVER, "ELEARN_DATA_DIR": str(tmp_path)}
    assert Settings.from_env({**env, "ELEARN_PUBLIC_URL": "https://example.org/"}).secure_cookies
    assert not Settings.from_env({**env, "ELEARN_PUBLIC_URL": "http://localhost:8000"}).secure_cookies


def test_settings_handed_to_a_child_process_come_back_the_same(tmp_path: Path) -> None:
    env = {**GIVEN, **SERVER, "ELEARN_DATA_DIR": str(tmp_path), "ELEARN_MEDIA_URL": "https://cdn.example/m"}
    env |= {"ELEARN_SMTP_URL": "smtps://me@mail.example:465", "ELEARN_SMTP_FROM": "reminders@school.example"}
    env |= {"ELEARN_SMTP_PASSWORD": "secret", "ELEARN_SMS_URL": "https://sms.example", "ELEARN_REMIND_BY_SMS": "yes"}
    env |= {"ELEARN_SMS_SECRET": "sixteen letters!"}
    settings = Settings.from_env(env)
    assert Settings.from_env(settings.to_env()) == settings


def test_services_and_their_secrets_reach_the_processes_that_a_server_starts(tmp_path: Path) -> None:
    secrets = {"ELEARN_SMS_SECRET": "s" * 16, "ELEARN_FACE_SECRET": "f" * 16}
    urls = {"ELEARN_SMS_URL": "https://sms.example/send", "ELEARN_FACE_URL": "https://face.example/look"}
    settings = Settings.from_env({"ELEARN_DATA_DIR": str(tmp_path), **secrets, **urls})
    assert (secrets | urls).items() <= settings.to_env().items()
    assert "s" * 16 not in repr(settings)


def test_what_the_log_needs_reaches_the_processes_that_a_server_starts(tmp_path: Path) -> None:
    policy = tmp_path / "witnesses"
    policy.write_text("quorum none\n")
    ledger = {
        "ELEARN_LEDGER_DIR": str(tmp_path / "public"),
        "ELEARN_LEDGER_SIGNER": "http://signer.example:8440",
        "ELEARN_LEDGER_SECRET": "l" * 16,
        "ELEARN_LEDGER_POLICY": str(policy),
        "ELEARN_LEDGER_SERIES": "2",
        "ELEARN_LEDGER_SAMPLE": "2.5",
        "ELEARN_LEDGER_TSA": "https://tsa.example/stamp",
        "ELEARN_EVIDENCE_DAYS": "1100",
    }
    settings = Settings.from_env({"ELEARN_DATA_DIR": str(tmp_path), "ELEARN_POLICY_SCALE": "60", **ledger})
    assert ledger.items() <= settings.to_env().items()
    assert Settings.from_env(settings.to_env() | {"ELEARN_DATA_DIR": str(tmp_path)}).ledger_dir == tmp_path / "public"
    assert "l" * 16 not in repr(settings)
    assert settings.ledger_minute_ms == 1_000
