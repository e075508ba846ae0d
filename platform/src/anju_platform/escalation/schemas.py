"""What the JSON API says of plans."""

from datetime import datetime
from typing import Annotated

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
