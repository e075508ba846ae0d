"""The tree of places, level by level: add, rename, move, retire, bring back."""

from typing import Annotated

from fastapi import APIRouter, Form, Query
from pydantic import BaseModel, ValidationError
from starlette.responses import Response

from anju_dashboards.pages import CurrentPage, Page, see_other
from anju_dashboards.refusals import refused
from anju_dashboards.words import N_, PLACE_KIND
from anju_platform.auth.dependencies import require
from anju_platform.auth.rights import Right
from anju_platform.database import reading, transaction
from anju_platform.errors import ConflictError, InvalidRequestError, NotFoundError
from anju_platform.registry import listing
from anju_platform.registry.places import repository, service
from anju_platform.registry.places.schemas import NewPlace, PlaceChange, Stamp
from anju_platform.registry.places.service import PlaceChangedError

router = APIRouter(include_in_schema=False, dependencies=[require(Right.SEE_DEVICES)])
_KEEP = [require(Right.KEEP_PLACES)]
_REFUSED = (InvalidRequestError, ConflictError)


class _Wanted(BaseModel):
    """A place as it was typed in."""

    label: str = ""
    label_en: str = ""
    kind: str = "room"
    parent: str = ""
    slug: str = ""
    x: str = ""
    y: str = ""
    stamp: str = ""
    rename_below: bool = False

    def values(self) -> dict[str, object]:
        """Give what was said; a field that was left empty says nothing."""
        said = {name: value.strip() for name, value in self if isinstance(value, str)}
        empty = {"parent", "slug", "x", "y"}
        return {name: value or None if name in empty else value for name, value in said.items()}


Wanted = Annotated[_Wanted, Form()]


@router.get("/places")
def places(
    page: CurrentPage,
    at: Annotated[str | None, Query(max_length=64)] = None,
    text: Annotated[str, Query(max_length=100)] = "",
    *,
    retired: bool = False,
) -> Response:
    """Show one level of the tree, or what holds a text."""
    return _draw(page, at, text=text.strip(), retired=retired)


@router.post("/places", dependencies=_KEEP)
def add(page: CurrentPage, wanted: Wanted) -> Response:
    """Add a place."""
    at = wanted.parent.strip() or None
    try:
        new = NewPlace.model_validate(wanted.values())
        with transaction(page.engine) as session:
            service.add(session, page.actor, new)
    except ValidationError as error:
        return _draw(page, at, adding=wanted, fault=_unfit(page, error), status=422)
    except _REFUSED as error:
        return _draw(page, at, adding=wanted, **refused(page, error))
    return see_other(_address(at))


@router.post("/places/{slug}/change", dependencies=_KEEP)
def change(page: CurrentPage, slug: str, wanted: Wanted) -> Response:
    """Rename a place, or hang it elsewhere."""
    try:
        to = PlaceChange.model_validate(wanted.values() | {"rename_below": wanted.rename_below})
        with transaction(page.engine) as session:
            service.change(session, page.actor, slug, to)
    except ValidationError as error:
        return _draw(page, slug, changing=wanted, fault=_unfit(page, error), status=422)
    except PlaceChangedError as error:
        fault = page.text(
            N_(
                "Somebody changed this place while you typed. It is now “%(name)s”; what you"
                " typed is still below. Save again if yours is right."
            ),
            name=page.language.pick(error.place.label, error.place.label_en),
        )
        return _draw(page, slug, changing=wanted, fault=fault, status=409)
    except _REFUSED as error:
        return _draw(page, slug, changing=wanted, **refused(page, error))
    except NotFoundError:
        fault = page.text("There is no place of that id to hang it below.")
        return _draw(page, slug, changing=wanted, fault=fault, status=422)
    return see_other(_address(slug))


@router.post("/places/{slug}/state", dependencies=_KEEP)
def set_state(
    page: CurrentPage,
    slug: str,
    stamp: Annotated[Stamp, Form()],
    *,
    retired: Annotated[bool, Form()],
) -> Response:
    """Retire a place, or bring it back."""
    try:
        with transaction(page.engine) as session:
            service.set_retired(session, page.actor, slug, retired=retired, stamp=stamp)
    except _REFUSED as error:
        return _draw(page, slug, **refused(page, error))
    return see_other(_address(slug))


def _address(at: str | None) -> str:
    return f"/places?at={at}" if at else "/places"


def _unfit(page: Page, error: ValidationError) -> str:
    """Say which field is not as it should be."""
    words = {
        "label": page.text("The Chinese name is missing, or longer than 100 letters."),
        "label_en": page.text("The English name is missing, or longer than 100 letters."),
        "slug": page.text("An id is of small letters a-z, digits and dashes."),
        "parent": page.text("An id is of small letters a-z, digits and dashes."),
        "x": page.text("x and y are metres on the plan, such as 12.5."),
        "y": page.text("x and y are metres on the plan, such as 12.5."),
    }
    named = {str(each["loc"][0]) for each in error.errors() if each["loc"]}
    said = dict.fromkeys(words[name] for name in words if name in named)
    return " ".join(said) or page.text("Something is missing")


def _draw(
    page: Page,
    at: str | None,
    *,
    text: str = "",
    retired: bool = False,
    adding: _Wanted | None = None,
    changing: _Wanted | None = None,
    fault: str | None = None,
    status: int = 200,
) -> Response:
    with reading(page.engine) as session:
        level = service.level(session, page.actor, at, retired=retired)
        found = repository.nodes(
            session, repository.found(session, page.community.id, text) if text else ()
        )
        devices = listing.devices_at(session, page.community.id, at) if at is not None else ()
        slugs = repository.slugs(session, page.community.id)
    return page.html(
        "places/places.html",
        status=status,
        section="/places",
        level=level,
        place=level.place,
        shown=found if text else level.below,
        text=text,
        retired=retired,
        devices=devices,
        slugs=slugs if page.actor.may(Right.KEEP_PLACES) else (),
        kinds=PLACE_KIND,
        adding=adding,
        changing=changing,
        fault=fault,
    )
