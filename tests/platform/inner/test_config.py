from __future__ import annotations

import pytest

from anju_platform.config import Settings
from anju_platform.errors import ConfigError


@pytest.fixture(autouse=True)
def empty_environment(monkeypatch: pytest.MonkeyPatch) -> None:
    import os

    for name in list(os.environ):
        if name.upper().startswith("ANJU_"):
            monkeypatch.delenv(name)
    monkeypatch.setenv("ANJU_DATABASE_URL", "postgresql://localhost/anju")


def test_defaults_suit_one_machine() -> None:
    settings = Settings.load()
    assert settings.broker_host == "127.0.0.1"
    assert settings.public_url == "http://127.0.0.1:8000"
    assert settings.secure_cookies is False


def test_cookies_are_secure_as_soon_as_the_url_is_not_this_machine(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setenv("ANJU_PUBLIC_URL", "http://anju.example")
    assert Settings.load().secure_cookies is True


def test_a_missing_database_url_is_named(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.delenv("ANJU_DATABASE_URL")
    with pytest.raises(ConfigError, match="ANJU_DATABASE_URL"):
        Settings.load()


def test_an_unknown_setting_is_named_with_the_nearest_known(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setenv("ANJU_BROKER_PROT", "1884")
    with pytest.raises(ConfigError, match=r"ANJU_BROKER_PROT.*ANJU_BROKER_PORT"):
        Settings.load()


def test_a_wrong_value_is_named(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("ANJU_WEB_PORT", "many")
    with pytest.raises(ConfigError, match="ANJU_WEB_PORT"):
        Settings.load()


def test_secrets_do_not_show_when_settings_are_printed(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("ANJU_DATABASE_URL", "postgresql://u:hidden@h/d")
    monkeypatch.setenv("ANJU_BROKER_PASSWORD", "hidden")
    assert "hidden" not in repr(Settings.load())
