"""Every text of templates and views exists in both languages."""

from __future__ import annotations

import re
from collections import Counter

import pytest
from babel.messages.extract import extract_from_dir
from babel.messages.pofile import read_po
from refused import Refusal, reasons, refusals

from anju_dashboards.language import LOCALES, load_languages
from anju_dashboards.rendering import PACKAGE

METHODS = [("**.py", "python"), ("**.html", "jinja2")]
_PLACE = re.compile(r"%\(\w+\)s|\{\w+")
"""For a value, without how it is written: Chinese quotes it in its own way."""
KEYWORDS = {"_": None, "N_": None, "gettext": None, "text": None}


def used() -> set[str]:
    options = {"**.html": {"silent": "false", "trim_blocks": "true"}}
    found = extract_from_dir(str(PACKAGE), METHODS, keywords=KEYWORDS, options_map=options)
    said = {message for _, _, message, _, _ in found if isinstance(message, str)}
    return said | {pattern for one in refusals() for pattern in one.patterns}


def chinese() -> dict[str, str]:
    with (LOCALES / "zh" / "messages.po").open("rb") as file:
        catalog = read_po(file, locale="zh")
    return {str(m.id): str(m.string) for m in catalog if m.id and isinstance(m.id, str)}


def test_every_text_is_translated() -> None:
    translated = {message for message, text in chinese().items() if text}
    assert sorted(used() - translated) == []


def test_no_text_is_translated_twice() -> None:
    lines = (LOCALES / "zh" / "messages.po").read_text("utf-8").splitlines()
    one_line = [line for line in lines if line.startswith('msgid "') and line != 'msgid ""']
    assert sorted(line for line, count in Counter(one_line).items() if count > 1) == []


def test_no_translation_is_left_over() -> None:
    assert sorted(set(chinese()) - used()) == []


def test_translations_keep_their_places_for_values() -> None:
    wrong = {
        message: text
        for message, text in chinese().items()
        if sorted(_PLACE.findall(message)) != sorted(_PLACE.findall(text))
    }
    assert wrong == {}


def test_a_refusal_has_a_value_for_each_of_its_places() -> None:
    assert {one.where: one.gaps() for one in refusals() if one.gaps()} == {}


@pytest.mark.parametrize(
    ("pattern", "values", "gaps"),
    [
        ("there is no {kind} {slug!r}", {"kind", "slug"}, set()),
        ("there is no {kind} {slug!r}", {"kind"}, {"slug"}),
        ("there is no place {slug}", set(), {"slug"}),
    ],
)
def test_a_place_without_a_value_is_found(pattern: str, values: set[str], gaps: set[str]) -> None:
    assert Refusal("here", (pattern,), frozenset(values)).gaps() == gaps


def test_what_services_outside_answer_is_translated() -> None:
    """The words before a bracket; what stands in it is for whoever mends it."""
    known = list(used())
    assert [one for one in reasons() if not any(re.fullmatch(one, each) for each in known)] == []


def test_translations_are_chinese() -> None:
    letters = {m: t for m, t in chinese().items() if re.search(r"[A-Za-z]", _PLACE.sub("", m))}
    plain = {m: t for m, t in letters.items() if not re.search(r"[\u4e00-\u9fff]", t)}
    assert plain == {}


@pytest.mark.parametrize(("code", "said"), [("zh", "确认"), ("en", "Acknowledge")])
def test_a_language_gives_its_words(code: str, said: str) -> None:
    assert load_languages()[code].gettext("Acknowledge") == said
