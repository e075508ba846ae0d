"""Brings the demo's community and people into the database, or up to date; repeatable."""

import json
from collections import Counter
from collections.abc import Iterable, Mapping
from typing import Any

from sqlalchemy import Engine
from sqlalchemy.orm import Session

from anju_platform.accounts.scopes import give_scopes
from anju_platform.auth import repository as people
from anju_platform.auth.model import Role
from anju_platform.auth.service import add_user, set_password
from anju_platform.database import transaction
from anju_platform.demo.site import Person, Site
from anju_platform.private import write_private
from anju_platform.provision import import_community
from anju_platform.registry.repository import community

GRID_PLACES = ("b1", "b2", "b3")
"""The western buildings, which the demo's grid worker looks after."""


def provision(
    engine: Engine, site: Site, documents: Iterable[Mapping[str, Any]], cast: Iterable[Person]
) -> None:
    """Import the community files and make the demo's people with this folder's passwords."""
    secrets = site.gateway_secrets if site.secrets_file.exists() else {}
    with transaction(engine) as session:
        for document in documents:
            secrets |= import_community(session, document)
        # before the commit: a gateway whose secret nobody has would be lost
        write_private(site.secrets_file, json.dumps(secrets, indent=1).encode())
        known = community(session, site.slug)
        for person in cast:
            _add(session, site, person, known.id if known else None)


def _add(session: Session, site: Site, person: Person, community_id: int | None) -> None:
    """Make somebody who is not there yet; their password is the folder's either way."""
    password = site.passwords[person.username]
    if people.user_by_name(session, person.username) is not None:
        set_password(session, person.username, password)
        return
    user = add_user(
        session,
        username=person.username,
        name=person.name,
        role=person.role,
        community_id=community_id,
        password=password,
    )
    if person.username == "family":
        give_scopes(session, user, [own_home(site)], relation="女儿", places=())
    if person.role == Role.GRID:
        give_scopes(session, user, (), relation="", places=GRID_PLACES)


def own_home(site: Site) -> str:
    """Choose whose family the demo has: of somebody old with a button, and with most devices."""
    document = site.community
    homes = Counter(each.get("household") for each in document["devices"])
    buttons = {d.get("household") for d in document["devices"] if d["model"] == "sos_button"}
    slugs = sorted(
        (home["slug"] for home in document["households"]),
        key=lambda slug: (slug in buttons, homes[slug]),
        reverse=True,
    )
    old = {
        home["slug"]
        for home in document["households"]
        if any(one["elder"] for one in home["residents"])
    }
    return str(next((slug for slug in slugs if slug in old), slugs[0]))
