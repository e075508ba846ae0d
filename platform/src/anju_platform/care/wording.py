"""What a home's week is said to have been: well only if it was. Pure.

No name and no health value: a telephone shows it on its locked screen.
"""

from collections import Counter
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import timedelta
from typing import Literal, TypeAlias

from anju_platform.notifications.letters import Text

Ended: TypeAlias = Literal["true", "false", "over", "open"]
"""How an alert ended: it was real, it was not, it was over without a word, or it goes on."""
Name: TypeAlias = tuple[str, str]

SHORT = timedelta(hours=1)
"""So much blindness in a week is an ordinary week of a network."""
_DAYS = 7


@dataclass(frozen=True, slots=True, kw_only=True)
class Week:
    """A home's week: ``usual_days`` of seven (none: nobody can say), and all that was not usual.

    ``silent`` devices said nothing for a while, ``flat`` ones have a low battery. ``unprotected``:
    what a life may hang on was silent. ``hidden``: what sees movement is not shared with the
    reader. ``blind`` is how long nothing could be heard from there.
    """

    home: str
    place: str
    place_en: str
    usual_days: int | None
    alerts: Sequence[Ended]
    silent: Sequence[Name]
    flat: Sequence[Name]
    unprotected: bool
    hidden: bool = False
    blind: timedelta
    is_well_now: bool
    away: bool

    @property
    def was_watched(self) -> bool:
        """Tell whether an alarm would have been heard all week."""
        return not self.unprotected and self.blind <= SHORT

    @property
    def was_well(self) -> bool:
        """Tell whether it can be said that all is well: watched, quiet, and so now."""
        rang = set(self.alerts) - {"false"}
        return self.was_watched and self.is_well_now and not (rang or self.silent or self.hidden)


_TITLE = {
    "zh": {
        "well": "本周平安 · {place}",
        "ended": "本周情况 · {place}",
        "look": "本周需要留意 · {place}",
    },
    "en": {
        "well": "All is well this week · {place}",
        "ended": "This week · {place}",
        "look": "This week needs a look · {place}",
    },
}
_SAYS: Mapping[str, Mapping[str, str]] = {
    "zh": {
        "days": "7 天中有 {n} 天一切如常。",
        "nobody": "没有能看到活动的设备，日常情况无法得知。",
        "hidden": "居家活动未向您共享，告警仍会通知您。",
        "quiet": "没有告警。",
        "alerts": "告警 {n} 次（{how}）。",
        "true": "属实 {n}",
        "false": "误报 {n}",
        "over": "已结束 {n}",
        "open": "尚未结束 {n}",
        "unprotected": "防护曾中断：生命安全设备没有消息，这段时间的告警无法得知。",
        "blind": "有 {time}收不到这个家的消息，这段时间的告警无法得知。",
        "silent": "失联过：{names}。",
        "flat": "电量低：{names}。",
        "battery": "设备电量正常。",
        "not now": "现在的情况请看页面。",
        "away": "已报备外出。",
    },
    "en": {
        "days": "{n} of 7 days were as usual.",
        "nobody": "Nothing there sees movement, so nobody can say how the days were.",
        "hidden": "What moves at home is not shared with you; alarms still reach you.",
        "quiet": "No alerts.",
        "alerts": "{n} alerts ({how}).",
        "true": "{n} real",
        "false": "{n} false",
        "over": "{n} over",
        "open": "{n} still open",
        "unprotected": "Protection was off: what a life may hang on said nothing, and an alarm"
        " then would not have been heard.",
        "blind": "For {time} nothing could be heard from there; an alarm then would not have been.",
        "silent": "Silent for a while: {names}.",
        "flat": "Battery low: {names}.",
        "battery": "Batteries are in order.",
        "not now": "Look at the page for how it is now.",
        "away": "Declared away.",
    },
}


def text_of(week: Week, locale: str | None) -> Text:
    """Say it in a language."""
    zh = locale != "en"
    says = _SAYS["zh" if zh else "en"]
    title = _TITLE["zh" if zh else "en"][_kind(week)]
    return Text(
        title=title.format(place=week.place if zh else week.place_en or week.place),
        body=("" if zh else " ").join(_sentences(week, says, zh=zh)),
        path=f"/family?home={week.home}",
    )


def _kind(week: Week) -> str:
    if week.was_well:
        return "well"
    is_past = week.was_watched and week.is_well_now and not week.silent
    return "ended" if is_past and "open" not in week.alerts else "look"


def _sentences(week: Week, says: Mapping[str, str], *, zh: bool) -> list[str]:
    """What was not well comes first: of a message a telephone shows the beginning."""
    found = []
    if week.unprotected:
        found.append(says["unprotected"])
    if week.blind > SHORT:
        found.append(says["blind"].format(time=_hours(week.blind, zh=zh)))
    if week.silent:
        found.append(says["silent"].format(names=_names(week.silent, zh=zh)))
    if week.hidden:
        found.append(says["hidden"])
    elif week.usual_days is None:
        found.append(says["nobody"])
    else:
        found.append(says["days"].format(n=min(week.usual_days, _DAYS)))
    found.append(_alerts(week.alerts, says, zh=zh))
    if week.flat:
        found.append(says["flat"].format(names=_names(week.flat, zh=zh)))
    elif not week.silent:
        found.append(says["battery"])
    if week.away:
        found.append(says["away"])
    if not week.is_well_now:
        found.append(says["not now"])
    return found


def _alerts(alerts: Sequence[Ended], says: Mapping[str, str], *, zh: bool) -> str:
    if not alerts:
        return says["quiet"]
    counts = Counter(alerts)
    kinds: tuple[Ended, ...] = ("open", "true", "false", "over")
    how = [says[kind].format(n=counts[kind]) for kind in kinds if counts[kind]]
    return says["alerts"].format(n=len(alerts), how=("，" if zh else ", ").join(how))


def _names(names: Sequence[Name], *, zh: bool) -> str:
    return ("、" if zh else ", ").join((name if zh else name_en) or name for name, name_en in names)


def _hours(time: timedelta, *, zh: bool) -> str:
    hours = max(1, round(time / timedelta(hours=1)))
    return f"{hours} 小时" if zh else f"{hours} h"
