"""The phrases of the guide to the rules, in both languages."""

from collections.abc import Iterable
from dataclasses import dataclass

_HANDY = 2
"""Fewer of a unit than this, and the next smaller one reads better, unless it is exactly one."""
_UNITS = (("d", 86_400_000), ("h", 3_600_000), ("min", 60_000), ("s", 1_000), ("ms", 1))


@dataclass(frozen=True, slots=True, kw_only=True)
class Language:
    """Everything the guide says by itself; ``{}`` is where figures and names go."""

    code: str
    colon: str
    comma: str
    semicolon: str
    stop: str
    units: dict[str, str]
    severities: dict[int, str]
    people: dict[str, str]
    about: str
    waits: str
    rises: str
    ends: str
    told: str
    advice: str
    parameters: str
    every_device: str
    except_for: str
    at_once: str
    at_once_possible: str
    hold: str
    counted: str
    sequence: str
    rate: str
    dwell: str
    travel: str
    hold_from: str
    silence: str
    usual: str
    intervals: str
    hours: str
    late: str
    rise_after: str
    rise_at: str
    rise_worse: str
    heard_again: str
    cleared: str
    clear_for: str
    no_longer_so: str
    quiet: str
    quiet_latched: str
    gap: str
    latched: str
    by_a_person: str

    def length(self, milliseconds: int) -> str:
        """Give a length of time in its largest whole unit, such as ``2 min``."""
        return length(milliseconds, self.units)

    def end(self, phrases: Iterable[str]) -> str:
        """Make one sentence of phrases; nothing of none."""
        text = self.semicolon.join(phrases)
        return text[:1].upper() + text[1:] + self.stop if text else ""


def length(milliseconds: int, units: dict[str, str]) -> str:
    """Give a length of time in its handiest unit: ``24 h``, ``23.5 h``, ``90 min``, ``1 h``."""
    for name, size in _UNITS:
        number = milliseconds / size
        if (number >= _HANDY and (number * 10).is_integer()) or (number == 1 and name != "d"):
            return f"{number:g} {units[name]}"
    return f"{milliseconds} {units['ms']}"


LANGUAGES = {
    "en": Language(
        code="en",
        colon=": ",
        comma=", ",
        semicolon="; ",
        stop=".",
        units={"d": "d", "h": "h", "min": "min", "s": "s", "ms": "ms"},
        severities={1: "life", 2: "urgent", 3: "attention", 4: "maintenance"},
        people={
            "guard": "guards",
            "property": "property desk",
            "family": "family",
            "elder": "the elder (voice call)",
            "neighbour": "neighbours",
            "grid": "grid and social workers",
            "community": "community office",
            "supervisor": "supervisor",
            "maintenance": "maintenance",
            "operator": "control room",
            "host": "the host",
            "owner": "the owner",
            "admin": "administrators",
        },
        about="About",
        waits="Waits",
        rises="Gets worse",
        ends="Ends",
        told="Told",
        advice="What to do",
        parameters="Can be set",
        every_device="every device",
        except_for=" except {}",
        at_once="rings at once",
        at_once_possible="at once when it is surely bad",
        hold="it must last {}",
        counted="{n} times within {within}",
        sequence="one after the other within {}",
        rate="measured over {}",
        dwell="{} in all within {}",
        travel="seen at two points faster than {} m/s",
        hold_from="it must last {} from the time the device names",
        silence="{} of silence",
        usual="once its habits are known, as long as is unusual for it ({} to {})",
        intervals="{} of the device's own intervals without a word",
        hours="only from {}",
        late="told late, up to {} after it happened, it rings all the same",
        rise_after="{} after {}",
        rise_at="{} at {} times",
        rise_worse="{} when it is worse",
        heard_again="when it is heard again",
        cleared="when the device says that it is over",
        clear_for=" and stays so for {}",
        no_longer_so="when it is no longer so",
        quiet="when it is not said again for {}",
        quiet_latched="not said again for {}, it is unknown, not over",
        gap="without news for {}, it is unknown, not over",
        latched="a person closes it, with the cause",
        by_a_person="a person closes it",
    ),
    "zh": Language(
        code="zh",
        colon="：",
        comma="、",
        semicolon="；",
        stop="。",
        units={"d": "天", "h": "小时", "min": "分钟", "s": "秒", "ms": "毫秒"},
        severities={1: "生命", 2: "紧急", 3: "注意", 4: "维护"},
        people={
            "guard": "保安",
            "property": "物业",
            "family": "家属",
            "elder": "老人（语音回拨）",
            "neighbour": "邻居",
            "grid": "网格员和社工",
            "community": "居委会",
            "supervisor": "主管",
            "maintenance": "维修人员",
            "operator": "值班室",
            "host": "被访住户",
            "owner": "车主",
            "admin": "管理员",
        },
        about="对象",
        waits="等多久",
        rises="什么时候升级",
        ends="怎么结束",
        told="通知谁",
        advice="怎么办",
        parameters="可以调整",
        every_device="所有设备",
        except_for="（{}除外）",
        at_once="马上响",
        at_once_possible="情况明确严重时马上响",
        hold="持续 {}才响",
        counted="{within}内满 {n} 次才响",
        sequence="{}内先后发生才响",
        rate="按 {}内的变化判断",
        dwell="在 {1}内累计满 {0}才响",
        travel="两处出现，折算速度超过每秒 {} 米才响",
        hold_from="从设备给出的时间算起，持续 {}才响",
        silence="{}没有消息才响",
        usual="学会其习惯后，按其反常的时长（{}至{}）",
        intervals="连续 {} 个上报周期没有消息才响",
        hours="只在 {} 生效",
        late="消息迟到，{}以内照样响",
        rise_after="{1}后升为 {0}",
        rise_at="满 {1} 次升为 {0}",
        rise_worse="情况加重时升为 {}",
        heard_again="再次收到消息，自动解除",
        cleared="设备报告恢复，自动解除",
        clear_for="（要稳定 {}）",
        no_longer_so="情况恢复正常，自动解除",
        quiet="{}内没有再报，自动解除",
        quiet_latched="{}内没有再报，变为“不明”，不算解除",
        gap="{}没有消息，变为“不明”，不算解除",
        latched="必须由人查明原因后关闭",
        by_a_person="由人关闭",
    ),
}

PEOPLE = frozenset(LANGUAGES["en"].people)
"""Whoever a rule's ``notify`` may name; a name that is not here reaches nobody."""
