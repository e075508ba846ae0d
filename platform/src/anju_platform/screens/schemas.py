"""What is said of walls."""

from datetime import datetime
from typing import Annotated

from pydantic import BaseModel, ConfigDict, Field

Post = Annotated[str, Field(pattern=r"^[a-z0-9-]{1,64}$")]
"""A duty desk, such as ``wall-1``."""


class Alive(BaseModel):
    """A wall's sign of life; ``sounds``: its browser lets it sound."""

    post: Post
    sounds: bool


class PostView(BaseModel):
    """A duty desk: how many walls are live there, whether one of them can sound, who last used it.

    ``alive_at`` is its last sign of life; ``left``: that one said that its page was left.
    """

    model_config = ConfigDict(frozen=True)

    post: str
    live: int
    sounds: bool
    user: str
    alive_at: datetime
    left: bool
