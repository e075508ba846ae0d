"""Turning views into HTML: templates, and what every page knows."""

import hashlib
from collections.abc import Callable, Mapping
from datetime import datetime
from functools import cache
from pathlib import Path
from typing import Any
from urllib.parse import urlencode

from jinja2 import Environment, FileSystemLoader, StrictUndefined
from markupsafe import Markup

from anju_dashboards import words
from anju_dashboards.clock import Clock
from anju_dashboards.icons import SPRITE, icon_name
from anju_dashboards.language import Language, load_languages
from anju_platform.notifications.addresses import browser

PACKAGE = Path(__file__).parent
STATIC = PACKAGE / "static"
_ICONS_URL = f"/static/{SPRITE.relative_to(STATIC).as_posix()}"
_WORDS = {name: value for name, value in vars(words).items() if name.isupper()}


class Renderer:
    """The templates, once per language, with the functions they may call."""

    def __init__(self) -> None:
        self.languages: Mapping[str, Language] = load_languages()
        self._environments = {code: _environment(each) for code, each in self.languages.items()}
        for environment in self._environments.values():
            environment.globals["languages"] = tuple(self.languages.values())

    def language(self, code: str | None) -> Language:
        """Give the language of that code, Chinese if there is none."""
        return self.languages.get(code or "", self.languages["zh"])

    def render(self, template: str, language: Language, clock: Clock, **context: Any) -> str:
        """Draw a template; the same one draws a row on first load and on every change."""
        environment = self._environments[language.code]
        return environment.get_template(template).render(
            clock=clock, since=_since(language, clock), **context
        )


def _why(language: Language) -> Callable[[str], str]:
    """Say why a service took nothing in the reader's words, as far as there are any."""

    def why(reason: str) -> str:
        words, bracket, more = reason.partition(" (")
        return f"{language.gettext(words)}{bracket}{more}" if words else ""

    return why


def _since(language: Language, clock: Clock) -> Callable[[datetime], str]:
    units = (language.gettext("min"), language.gettext("{h} h {m}"), language.gettext("d"))
    return lambda at: clock.since(at, units)


def _environment(language: Language) -> Environment:
    environment = Environment(
        loader=FileSystemLoader(PACKAGE),
        autoescape=True,
        undefined=StrictUndefined,
        trim_blocks=True,
        lstrip_blocks=True,
        extensions=["jinja2.ext.i18n"],
        auto_reload=False,  # an alarm's row does not wait for a look at the files
    )
    environment.install_gettext_translations(language.translations, newstyle=True)  # type: ignore[attr-defined] # added by the extension
    environment.globals.update(
        _WORDS,
        language=language,
        static=static,
        icon=icon,
        icons_url=_ICONS_URL,
        with_query=with_query,
    )
    environment.filters["why"] = _why(language)
    environment.filters["browser"] = lambda agent: browser(agent or "")
    # What a page may leave out.
    environment.globals.update(
        actor=None,
        stream=False,
        counts=None,
        notice=None,
        post=None,
        whole=False,
        panel=False,
        section=None,
        fault=None,
    )
    return environment


@cache
def static(path: str) -> str:
    """Give the address of a file of ours; its hash makes browsers fetch what has changed."""
    if path.startswith("vendor/"):
        return f"/static/{path}"
    digest = hashlib.sha256((STATIC / path).read_bytes()).hexdigest()[:12]
    return f"/static/{path}?v={digest}"


@cache
def icon(name: str) -> Markup:
    """Draw a picture that says nothing the words beside it do not."""
    return Markup('<svg class="icon" aria-hidden="true"><use href="{}#{}"></use></svg>').format(
        _ICONS_URL, icon_name(name)
    )


def with_query(query: Mapping[str, str], **changes: Any) -> str:
    """Give the query with some of it changed; what is empty is left out."""
    changed = {**query, **{name: str(value) for name, value in changes.items()}}
    return urlencode({name: value for name, value in changed.items() if value})
