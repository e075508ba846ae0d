"""The settings of a log-in by another provider: all of them, or none."""

from dataclasses import dataclass, field
from urllib.parse import urlsplit

from anju_platform.config import LOOPBACK, Settings
from anju_platform.errors import ConfigError

BACK = "/login/oidc/back"
"""Where the provider sends browsers back to, on our side."""
_LONGEST_NAME = 20


@dataclass(frozen=True, slots=True)
class OidcSettings:
    """A provider: its ``name`` for people, and as whom we ask it.

    ``says_when``: its word counts only with the time at which it asked for the password.
    """

    issuer: str
    client_id: str
    client_secret: str = field(repr=False)
    name: str
    redirect_uri: str
    says_when: bool = True


def oidc_settings(settings: Settings) -> OidcSettings | None:
    """Give the provider that is set, if one is.

    Raises:
        ConfigError: some of the settings are missing, or wrong.
    """
    secret = settings.oidc_client_secret
    given = {
        "ANJU_OIDC_ISSUER": settings.oidc_issuer.strip(),
        "ANJU_OIDC_CLIENT_ID": settings.oidc_client_id.strip(),
        "ANJU_OIDC_CLIENT_SECRET": secret.get_secret_value() if secret else "",
        "ANJU_OIDC_NAME": settings.oidc_name.strip(),
    }
    if not any(given.values()):
        return None
    if missing := [name for name, value in given.items() if not value]:
        raise ConfigError(f"{', '.join(missing)}: set all of ANJU_OIDC_*, or none")
    issuer, client_id, client_secret, name = given.values()
    _check_issuer(issuer)
    if not (client_id + client_secret).isascii():
        raise ConfigError("ANJU_OIDC_CLIENT_ID, ANJU_OIDC_CLIENT_SECRET: not as they were given")
    if len(name) > _LONGEST_NAME:
        raise ConfigError(f"ANJU_OIDC_NAME: a button holds {_LONGEST_NAME} characters")
    back = f"{settings.public_url.rstrip('/')}{BACK}"
    says_when = settings.oidc_auth_time == "required"
    return OidcSettings(issuer, client_id, client_secret, name, back, says_when)


def _check_issuer(issuer: str) -> None:
    try:
        parts = urlsplit(issuer)
    except ValueError as error:
        raise ConfigError(f"ANJU_OIDC_ISSUER: {error}") from error
    here = parts.scheme == "http" and parts.hostname in LOOPBACK
    if not here and not (parts.scheme == "https" and parts.hostname):
        raise ConfigError("ANJU_OIDC_ISSUER: an address that begins with https:// is needed")
    if parts.query or parts.fragment or parts.username:
        raise ConfigError("ANJU_OIDC_ISSUER: as the provider writes it, without anything after it")
