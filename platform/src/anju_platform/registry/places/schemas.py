"""What screens and the JSON API see of the place tree, and what installers send."""

from datetime import datetime
from typing import Annotated

from pydantic import BaseModel, ConfigDict, Field

from anju_platform.registry.schemas import Id

MOST_M = 100_000.0
"""No site is wider than that, in metres."""

Name = Annotated[str, Field(min_length=1, max_length=100, pattern=r"^[^\x00-\x1f\x7f]*$")]
Kind = Annotated[str, Field(pattern=r"^[a-z_]{1,32}$")]
Metres = Annotated[float, Field(ge=-MOST_M, le=MOST_M, allow_inf_nan=False)]
Stamp = Annotated[str, Field(pattern=r"^[0-9a-f]{16}$")]


class View(BaseModel):
    """A frozen answer."""

    model_config = ConfigDict(frozen=True)


class PlaceNode(View):
    """A place with what lies in it; ``x``/``y`` are its own metres on the plan, if it has any.

    ``places`` counts what hangs directly below it, ``devices`` and ``homes`` all that is
    anywhere in it. ``stamp`` names its present state: whoever changes it says which was seen.
    """

    slug: str
    parent: str | None
    kind: str
    label: str
    label_en: str
    x: float | None
    y: float | None
    retired_at: datetime | None
    places: int
    devices: int
    homes: int
    stamp: str


class PlaceLevel(View):
    """One level of the tree: a place (none: the top), the way to it, and what is below."""

    place: PlaceNode | None
    path: tuple[PlaceNode, ...]
    below: tuple[PlaceNode, ...]


class PlaceChange(View):
    """What a place is to be; ``stamp`` is the one that was seen.

    ``parent`` null hangs it at the top. With ``rename_below`` the names of places in it that
    begin with its former name begin with the new one.
    """

    label: Name
    label_en: Name
    kind: Kind
    parent: Id | None = None
    x: Metres | None = None
    y: Metres | None = None
    stamp: Stamp
    rename_below: bool = True


class NewPlace(View):
    """A place to be added; without ``slug`` it gets one made of its parent's."""

    slug: Id | None = None
    label: Name
    label_en: Name
    kind: Kind
    parent: Id | None = None
    x: Metres | None = None
    y: Metres | None = None


class PlaceState(BaseModel):
    """Retire a place, or bring it back; ``stamp`` is the one that was seen."""

    retired: bool
    stamp: Stamp
