"""Settings of the platform's processes, read once in ``main`` and passed down."""

import difflib
import os
from collections.abc import Mapping
from pathlib import Path
from typing import Annotated, Any, Literal, Self
from urllib.parse import urlsplit

from pydantic import Field, SecretStr, ValidationError, field_validator, model_validator
from pydantic_settings import BaseSettings, NoDecode, SettingsConfigDict

from anju_platform.errors import ConfigError

PREFIX = "ANJU_"

_OTHERS = ("ANJU_TEST_", "ANJU_RECORDINGS", "ANJU_EDGE_", "ANJU_SIM_")
"""Variables of the tests and of the other parts, which share the prefix."""

LOOPBACK = {"127.0.0.1", "localhost", "::1"}


class Settings(BaseSettings):
    """What an operator may set, each as the environment variable ``ANJU_<NAME>``.

    ``database_url`` is required. ``secure_cookies`` defaults to true unless ``public_url``
    (default: where the web process listens) is plain http on this very machine.
    ``broker_admin_password`` is of the account that changes the broker's accounts.
    ``ingest_processes`` is how many of them ``anju up`` starts.
    ``second_factor_roles`` are those, by commas, whose people must have a second factor.
    ``oidc_...`` are of a provider people may log in by, ``oidc_name`` what its button says: all
    of them or none. ``oidc_auth_time``: whether its word counts that does not say when it asked.
    ``metrics_token`` opens ``/metrics`` to other machines; durations carry their unit.
    ``inside_hosts`` are hosts of the own network, by commas, that channels may speak to (a
    mail server, a telephone gateway); ``inside_push_hosts`` those that browsers may name as
    their push service. ``push_contact`` is whom a push service may write to, as
    ``mailto:`` or ``https:`` (default: ``public_url``).
    """

    model_config = SettingsConfigDict(env_prefix=PREFIX, extra="forbid", frozen=True)

    database_url: str = Field(repr=False)
    broker_host: str = "127.0.0.1"
    broker_port: int = Field(default=1883, ge=1, le=65535)
    broker_username: str | None = None
    broker_password: SecretStr | None = None
    broker_admin_password: SecretStr | None = None
    broker_tls: bool = False
    broker_ca_file: Path | None = None
    broker_protocol: Literal["5", "3.1.1"] = "5"
    data_dir: Path = Path("anju-data")
    web_host: str = "127.0.0.1"
    web_port: int = Field(default=8000, ge=0, le=65535)
    public_url: str = ""
    secure_cookies: bool = True
    session_hours: int = Field(default=12, ge=1, le=744)
    second_factor_roles: Annotated[tuple[str, ...], NoDecode] = ()
    oidc_issuer: str = ""
    oidc_client_id: str = ""
    oidc_client_secret: SecretStr | None = None
    oidc_name: str = ""
    oidc_auth_time: Literal["required", "if-given"] = "required"
    metrics_token: SecretStr | None = None
    telemetry_keep_days: int = Field(default=90, ge=30)
    health_keep_days: int = Field(default=90, ge=1)
    rollup_keep_days: int = Field(default=730, ge=1)
    health_rollup_keep_days: int = Field(default=365, ge=1)
    event_keep_days: int = Field(default=365, ge=30)
    alert_keep_days: int = Field(default=1825, ge=30)
    media_keep_days: int = Field(default=30, ge=1)
    ingest_processes: int = Field(default=1, ge=1, le=64)
    inside_hosts: Annotated[tuple[str, ...], NoDecode] = ()
    inside_push_hosts: Annotated[tuple[str, ...], NoDecode] = ()
    push_contact: str = Field(default="", pattern=r"^((mailto:|https:).+)?$")
    log_level: str = "INFO"

    @model_validator(mode="before")
    @classmethod
    def _fill(cls, given: dict[str, Any]) -> dict[str, Any]:
        filled = dict(given)
        if not filled.get("public_url"):
            host, port = filled.get("web_host", "127.0.0.1"), filled.get("web_port", 8000)
            filled["public_url"] = f"http://{host}:{port}"
        if filled.get("secure_cookies") is None:
            url = urlsplit(str(filled["public_url"]))
            filled["secure_cookies"] = not (url.scheme == "http" and url.hostname in LOOPBACK)
        return filled

    @field_validator("inside_hosts", "inside_push_hosts", "second_factor_roles", mode="before")
    @classmethod
    def _by_commas(cls, given: Any) -> Any:
        if not isinstance(given, str):
            return given
        return tuple(each.strip().lower() for each in given.split(",") if each.strip())

    @classmethod
    def load(cls) -> Self:
        """Read the settings from the environment.

        Raises:
            ConfigError: a setting is missing, wrong, or not known; the text names it.
        """
        _refuse_unknown(os.environ)
        try:
            return cls()
        except ValidationError as error:
            faults = (
                f"{PREFIX}{'_'.join(str(p) for p in fault['loc']).upper()}: {fault['msg']}"
                for fault in error.errors()
            )
            raise ConfigError("; ".join(faults)) from error


def _refuse_unknown(environment: Mapping[str, str]) -> None:
    known = {f"{PREFIX}{name}".upper() for name in Settings.model_fields}
    for name in sorted(environment):
        upper = name.upper()
        if not upper.startswith(PREFIX) or upper in known or upper.startswith(_OTHERS):
            continue
        near = difflib.get_close_matches(upper, known, n=1, cutoff=0.0)[0]
        raise ConfigError(f"{name} is not a setting; did you mean {near}?")
