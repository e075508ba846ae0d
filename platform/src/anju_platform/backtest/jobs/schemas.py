"""What screens and the JSON API see of back-tests, and what starts one."""

from datetime import datetime
from typing import Any

from pydantic import BaseModel, ConfigDict, Field

from anju_platform.backtest.jobs.model import JobState

MOST_DAYS = 92
USUAL_DAYS = 28


class BacktestView(BaseModel):
    """A back-test of one rule; ``version`` null: of a text that was not saved.

    ``progress`` goes from 0 to 1. ``interrupted`` says that its process was gone before it was
    done. ``fault`` says why it failed. ``report`` is what ``anju rule backtest --json`` writes,
    once it is done (lists leave it out).
    """

    model_config = ConfigDict(frozen=True)

    id: int
    rule_id: str
    version: int | None
    days: int
    state: JobState
    progress: float
    started_by: str
    started_at: datetime
    ended_at: datetime | None
    fault: str
    report: dict[str, Any] | None = None


class BacktestRequest(BaseModel):
    """What is to be tested: a text, and on the readings of how many days up to now.

    ``version`` says which one the text is of; left out, it is a draft.
    """

    text: str = Field(max_length=65_536)
    version: int | None = Field(default=None, ge=1)
    days: int = Field(default=USUAL_DAYS, ge=1, le=MOST_DAYS)
