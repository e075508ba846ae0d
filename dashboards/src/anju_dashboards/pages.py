"""What every page starts from: who looks, at which community, in which language, when."""

from dataclasses import dataclass
from typing import Annotated, Any
from urllib.parse import urlsplit
from zoneinfo import ZoneInfo

from fastapi import Depends, Request
from sqlalchemy import Engine
from starlette.responses import HTMLResponse, RedirectResponse, Response

from anju_dashboards.clock import Clock
from anju_dashboards.language import Language
from anju_dashboards.rendering import Renderer
from anju_platform.auth.actor import Actor
from anju_platform.auth.dependencies import CurrentActor
from anju_platform.auth.rights import Right
from anju_platform.config import Settings
from anju_platform.database import now, reading
from anju_platform.registry.listing import community as find_community
from anju_platform.registry.listing import feed_position
from anju_platform.registry.schemas import CommunityView

LANGUAGE_COOKIE = "anju_locale"
_ZONE = ZoneInfo("Asia/Shanghai")


@dataclass(frozen=True, slots=True, kw_only=True)
class Page:
    """A request by a logged-in person, with what its answer is drawn from.

    ``seq`` is the feed's position *before* anything else was read, so the stream that starts
    there misses nothing.
    """

    request: Request
    renderer: Renderer
    language: Language
    clock: Clock
    actor: Actor
    community: CommunityView
    seq: int

    @property
    def engine(self) -> Engine:
        """The process's database."""
        engine: Engine = self.request.app.state.engine
        return engine

    @property
    def settings(self) -> Settings:
        """The installation's settings."""
        settings: Settings = self.request.app.state.settings
        return settings

    @property
    def partial(self) -> bool:
        """Whether htmx asks for a part of a page."""
        return self.request.headers.get("HX-Request") == "true"

    def text(self, message: str, **values: Any) -> str:
        """Translate a message and fill in its values."""
        translated = self.language.gettext(message)
        return translated % values if values else translated

    def draw(self, template: str, **context: Any) -> str:
        """Draw a template with what every page knows."""
        known = {
            "actor": self.actor,
            "community": self.community,
            "here": here(self.request),
            "seq": self.seq,
            "stream": self.actor.may(Right.WATCH),
        }
        return self.renderer.render(template, self.language, self.clock, **(known | context))

    def html(self, template: str, *, status: int = 200, **context: Any) -> HTMLResponse:
        """Answer with a template."""
        return HTMLResponse(self.draw(template, **context), status)


def current_page(request: Request, actor: CurrentActor) -> Page:
    """Gather what a page starts from."""
    with reading(request.app.state.engine) as session:
        community = find_community(session, actor.community_id)
        seq = feed_position(session, actor.community_id)
    renderer: Renderer = request.app.state.renderer
    language = renderer.language(actor.locale)
    return Page(
        request=request,
        renderer=renderer,
        language=language,
        clock=Clock(ZoneInfo(community.timezone), now()),
        actor=actor,
        community=community,
        seq=seq,
    )


CurrentPage = Annotated[Page, Depends(current_page)]
"""The page a logged-in person asked for."""


_STARTS = (
    (Right.WATCH, "/wall"),
    (Right.OWN_HOMES, "/family"),
    (Right.SEE_ALERTS, "/alerts"),
    (Right.SEE_DEVICES, "/devices"),
)


def start_of(actor: Actor) -> str:
    """Give the page where a person's work begins."""
    return next((path for right, path in _STARTS if actor.may(right)), "/me")


def here(request: Request) -> str:
    """Give the address of a page, to come back to."""
    query = f"?{request.url.query}" if request.url.query else ""
    return f"{request.url.path}{query}"


def plain_text(given: str | None) -> str | None:
    """Give what was typed to look for, nothing for nothing.

    Raises:
        ValueError: it holds characters that no text of ours can hold.
    """
    if given and "\0" in given:
        raise ValueError(given)
    return given or None


def safe_path(path: str | None, default: str = "/wall") -> str:
    """Give ``path`` if it stays on this site, else ``default``."""
    if not path or not path.startswith("/") or path.startswith("//") or "\\" in path:
        return default
    parts = urlsplit(path)
    return path if not parts.scheme and not parts.netloc and path.isprintable() else default


def see_other(path: str) -> Response:
    """Send the browser on after something was done."""
    return RedirectResponse(path, status_code=303)


def visitor_language(request: Request) -> Language:
    """Choose the language of a page that failed, or of one for whoever is not logged in."""
    known: str | None = getattr(request.state, "locale", None)
    renderer: Renderer = request.app.state.renderer
    return renderer.language(known or request.cookies.get(LANGUAGE_COOKIE))


def visitor_clock() -> Clock:
    """Give the clock of a page that belongs to no community yet."""
    return Clock(_ZONE, now())
