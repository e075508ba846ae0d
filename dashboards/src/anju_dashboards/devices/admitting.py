"""Devices that speak and are not known yet, and the exchange of broken ones."""

from dataclasses import dataclass
from typing import Annotated

from fastapi import APIRouter, Form
from pydantic import BaseModel, ValidationError
from starlette.responses import Response

from anju_dashboards.devices.views import draw_device
from anju_dashboards.pages import CurrentPage, Page, see_other
from anju_dashboards.refusals import refused
from anju_devices.catalog import MODELS
from anju_devices.model import DeviceModel
from anju_platform.auth.dependencies import require
from anju_platform.auth.rights import Right
from anju_platform.database import reading, transaction
from anju_platform.errors import ConflictError, InvalidRequestError
from anju_platform.lanes import repository as lanes
from anju_platform.lanes.intake import fitting
from anju_platform.lanes.repository import Stranger
from anju_platform.registry import admission
from anju_platform.registry.places import repository as places
from anju_platform.registry.schemas import DeviceState, NewDevice, Replacement

router = APIRouter(include_in_schema=False, dependencies=[require(Right.KEEP_DEVICES)])

MOST_SHOWN = 50
_REFUSED = (InvalidRequestError, ConflictError)


@dataclass(frozen=True, slots=True)
class Waiting:
    """A stranger, with the models that may say what it says."""

    device: Stranger
    fits: tuple[DeviceModel, ...]


class _Approval(BaseModel):
    """A device as an installer typed it in."""

    slug: str
    gateway: str
    model: str
    place: str = ""
    name: str = ""
    name_en: str = ""


Approval = Annotated[_Approval, Form()]


@router.get("/waiting-devices")
def waiting(page: CurrentPage) -> Response:
    """Show the devices that speak and wait to be approved."""
    return _draw(page)


@router.post("/waiting-devices")
def approve(page: CurrentPage, wanted: Approval) -> Response:
    """Approve a device; in somebody's home it is that home's. What it said is then taken in."""
    said = {name: value.strip() for name, value in wanted.model_dump().items()}
    model = MODELS.get(said["model"])
    if model is not None:  # a name that was left out is the kind's
        said["name"] = said["name"] or model.title.zh
        said["name_en"] = said["name_en"] or model.title.en
    try:
        with transaction(page.engine) as session:
            device = NewDevice.model_validate(said)
            admission.add_device(session, page.actor, page.community.id, device)
    except ValidationError:
        fault = page.text("Name the place: its id as in the community file, such as b1.")
        return _draw(page, wanted, fault=fault, status=422)
    except _REFUSED as error:
        return _draw(page, wanted, **refused(page, error))
    return see_other(f"/devices/{wanted.slug}")


@router.post("/devices/{slug}/state")
def set_state(page: CurrentPage, slug: str, state: Annotated[DeviceState, Form()]) -> Response:
    """Retire a device, or bring it back."""
    with transaction(page.engine) as session:
        admission.set_state(session, page.actor, page.community.id, slug, state)
    return see_other(f"/devices/{slug}")


@router.post("/devices/{slug}/replacement")
def replace(
    page: CurrentPage,
    slug: str,
    by: Annotated[str, Form(max_length=64)],
    reason: Annotated[str, Form(max_length=500)] = "",
) -> Response:
    """Put a new device in place of a broken one."""
    try:
        wanted = Replacement(slug=by.strip(), reason=reason.strip())
        with transaction(page.engine) as session:
            admission.replace_device(session, page.actor, page.community.id, slug, wanted)
    except ValidationError:
        fault = page.text("An id is of small letters a-z, digits and dashes.")
        return draw_device(page, slug, fault=fault, status=422)
    except _REFUSED as error:
        return draw_device(page, slug, **refused(page, error))
    return see_other(f"/devices/{wanted.slug}")


def _draw(
    page: Page, typed: _Approval | None = None, *, fault: str | None = None, status: int = 200
) -> Response:
    with reading(page.engine) as session:
        query = page.request.query_params
        found, onward = lanes.strangers(
            session, page.community.id, after=query.get("after") or None, limit=MOST_SHOWN
        )
        slugs = places.slugs(session, page.community.id)
    return page.html(
        "devices/waiting.html",
        status=status,
        section="/devices",
        waiting=[Waiting(one, tuple(fitting(one.payload))) for one in found],
        models=sorted(MODELS.values(), key=lambda model: model.name),
        slugs=slugs,
        onward=onward,
        query=dict(query),
        typed=typed,
        fault=fault,
    )
