"""A database that somebody gives is the demo's only if it is empty, or was the demo's before.

The demo sets passwords, answers alerts and changes plans by itself: nobody's own community may
ever be what it does that to. It knows its own by the secrets of the gateways it brought in, which
its folder keeps; a real community of the same name has others.
"""

from collections.abc import Iterable

from sqlalchemy.exc import OperationalError
from sqlalchemy.orm import Session

from anju_platform.database import connect, reading
from anju_platform.demo import repository
from anju_platform.demo.site import Person, Site
from anju_platform.errors import ConfigError, DatabaseUnavailableError
from anju_platform.registry.credentials import secret_matches

_DO = "nothing was changed. Give --database-url an empty database, or leave it out"
_MOST_NAMED = 5


def demand_own(database_url: str, site: Site, cast: Iterable[Person]) -> None:
    """Check that a database is empty or this folder's; also one that is not migrated yet.

    Raises:
        ConfigError: it is somebody's; the text says what was found there, and what to do.
        DatabaseUnavailableError: the server cannot be reached.
    """
    engine = connect(database_url, pool_size=1)
    try:
        if not repository.is_bare(engine):
            with reading(engine) as session:
                _demand_own(session, site, cast)
    except OperationalError as error:
        raise DatabaseUnavailableError(f"the database cannot be reached: {error.orig}") from error
    finally:
        engine.dispose()


def _demand_own(session: Session, site: Site, cast: Iterable[Person]) -> None:
    gateways = repository.gateways(session)
    if not gateways:
        if users := repository.usernames(session):
            raise _of_others("accounts", users)
        return
    secrets = site.gateway_secrets if site.secrets_file.exists() else {}
    own = {
        community
        for community, slug, kept in gateways
        if slug in secrets and kept and secret_matches(secrets[slug], kept)
    }
    if foreign := [one for one in dict.fromkeys(row[0] for row in gateways) if one not in own]:
        raise _of_others("communities", foreign)
    names = [one.username for one in cast]
    if taken := repository.elsewhere(session, names, site.slug):
        raise _of_others("accounts", taken)


def _of_others(what: str, found: Iterable[str]) -> ConfigError:
    names = list(found)
    more = f" and {len(names) - _MOST_NAMED} more" if len(names) > _MOST_NAMED else ""
    named = ", ".join(names[:_MOST_NAMED])
    return ConfigError(
        f"the database holds {what} which this demo did not make ({named}{more}); {_DO}"
    )
