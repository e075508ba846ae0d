"""What the JSON API says of plans."""

from datetime import datetime
from typing import Annotated, Literal

from pydantic import BaseModel, ConfigDict, Field

Severity = Annotated[int, Field(ge=1, le=4)]


class StepView(BaseModel):
    """``after_s`` seconds after the alert was raised, ``to`` are told.

    A target is ``first`` (whoever was told when it was raised), ``role:<role>``, ``rota:<id>``
    (whoever is on duty then), ``group:<id>``, ``user:<id>`` or ``contacts:<n>`` (the n-th of
    those to call for the home).
    """

    model_config = ConfigDict(frozen=True, extra="forbid")

    after_s: Annotated[int, Field(gt=0)]
    to: tuple[Annotated[str, Field(max_length=64)], ...]


class PolicyText(BaseModel):
    """Steps in order; the last one is told again after ``repeat_s`` seconds, then ever later."""

    model_config = ConfigDict(frozen=True, extra="forbid")

    steps: tuple[StepView, ...]
    repeat_s: int


class PolicyView(BaseModel):
    """The plan for a severity at a place (none: everywhere); ``ours``: not the product's own."""

    model_config = ConfigDict(frozen=True)

    severity: int
    place: str | None
    policy: PolicyText
    ours: bool
    changed_at: datetime | None


class PlanChange(BaseModel):
    """Who changed a plan, and what held there before and holds since (none: the product's own).

    ``removed``: the place's, or the community's, was taken back; the one around it holds.
    """

    model_config = ConfigDict(frozen=True)

    at: datetime
    by: str
    severity: int
    place: str | None
    removed: bool
    before: PolicyText | None
    after: PolicyText | None


class WayView(BaseModel):
    """A way to somebody: ``state`` is proven, untried, failed or gone."""

    model_config = ConfigDict(frozen=True)

    kind: str
    state: Literal["proven", "untried", "failed", "gone"]


class CalleeView(BaseModel):
    """Somebody who would be called; ``ways``: none means on screens only."""

    model_config = ConfigDict(frozen=True)

    recipient: str
    name: str
    role: str
    ways: tuple[WayView, ...]


class CallView(BaseModel):
    """Whom a step would call at its time, and what is wrong with that.

    ``nobody``: groups without anybody; ``holes``: rotas by which nobody is on duty;
    ``overlaps``: rotas that were not handed over; ``by_hand``: contacts somebody must call by
    hand; ``missing``: contacts there are not; ``instead``: somebody of the staff was added,
    because nobody else of those could close the alert.
    """

    model_config = ConfigDict(frozen=True)

    after_s: int
    at: datetime
    people: tuple[CalleeView, ...]
    nobody: tuple[str, ...]
    holes: tuple[str, ...]
    overlaps: tuple[str, ...]
    by_hand: tuple[int, ...]
    missing: tuple[int, ...]
    instead: bool
