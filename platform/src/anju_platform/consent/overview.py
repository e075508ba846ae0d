"""How homes stand with their consents, those first that lack a word or will soon."""

from collections.abc import Collection, Sequence

from sqlalchemy.orm import Session

from anju_platform.auth.actor import Actor
from anju_platform.auth.rights import Right
from anju_platform.consent import listing
from anju_platform.consent.schemas import ConsentPage, ConsentView, HomeOverview
from anju_platform.consent.service import REMIND, asked, view_of
from anju_platform.people.model import Household
from anju_platform.registry.model import Place


def overview(
    session: Session, actor: Actor, *, text: str = "", after: str | None = None, limit: int = 50
) -> ConsentPage:
    """Give how some homes stand, those first that lack a word or of which one ends soon.

    Raises:
        ForbiddenError: the actor keeps no consents.
        InvalidRequestError: ``after`` is no ``next``.
    """
    actor.demand(Right.KEEP_CONSENT)
    found, total = listing.homes(
        session, actor.community_id, text=text, remind=REMIND, after=after, limit=limit
    )
    numbers = [home.id for home, _, _ in found.rows]
    spoken = listing.have_spoken(session, numbers)
    people: dict[int, list[tuple[str, bool]]] = {}
    for home_id, name, elder in listing.residents(session, numbers):
        people.setdefault(home_id, []).append((name, elder))
    ending: dict[int, list[ConsentView]] = {}
    for row in listing.ending(session, numbers, REMIND):
        ending.setdefault(row[0].household_id, []).append(view_of(row))
    items = tuple(
        _state(home, place, stopped, asked(people.get(home.id, ())), spoken, ending)
        for home, place, stopped in found.rows
    )
    return ConsentPage(items=items, next=found.next, total=total)


def _state(  # noqa: PLR0917 - one line of the list
    home: Household,
    place: Place,
    stopped: int,
    people: Sequence[str],
    spoken: Collection[tuple[int, str]],
    ending: dict[int, list[ConsentView]],
) -> HomeOverview:
    missing = [name for name in people if (home.id, name) not in spoken]
    return HomeOverview(
        slug=home.slug,
        place=place.label,
        place_en=place.label_en,
        people=tuple(people),
        missing=tuple(missing),
        ending=tuple(ending.get(home.id, ())),
        stopped=stopped,
    )
