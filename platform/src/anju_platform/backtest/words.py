"""The words of a report, in both languages, and how it writes times and figures."""

from datetime import UTC, datetime
from zoneinfo import ZoneInfo

from anju_platform.backtest.report import Precision, Report, RuleResult

LANGUAGES = ("zh", "en")
CELLS = ("alerts", "per day", "occurrences", "late", "median", "p90", "peak", "precision")
"""The figures a table shows of each rule."""
_MINUTE, _HOUR, _DAY = 60, 3600, 86_400
_UNITS = {
    "zh": {1: "秒", _MINUTE: "分", _HOUR: "小时", _DAY: "天"},
    "en": {1: "s", _MINUTE: "min", _HOUR: "h", _DAY: "d"},
}

_WORDS = {
    "title": ("规则回测", "Rule back-test"),
    "tested": ("被测规则", "Rules tested"),
    "alerts": ("告警", "Alerts"),
    "per day": ("每天", "per day"),
    "occurrences": ("发生次数", "Occurrences"),
    "late": ("迟到", "Late"),
    "rings": ("通知次数", "Times people are told"),
    "peak": ("10 分钟峰值", "Most in 10 min"),
    "median": ("中位时长", "Median"),
    "p90": ("P90 时长", "90th percentile"),
    "lasting": ("未自行结束", "Did not end"),
    "precision": ("准确率", "Precision"),
    "true": ("真实", "true"),
    "false": ("误报", "false"),
    "test": ("测试", "test"),
    "cannot_tell": ("无法判断", "cannot tell"),
    "unknown": ("无人判定", "not judged"),
    "missed": ("漏掉的真实告警", "true ones missed"),
    "of true and false": (
        "真实 /（真实 + 误报），95 % 区间",
        "true / (true + false), 95 % interval",
    ),
    "by day": ("每日告警", "Alerts per day"),
    "by severity": ("按级别", "By severity"),
    "by rule": ("按规则", "By rule"),
    "by entity": ("按对象（前 20）", "By device, place or home (top 20)"),
    "rule": ("规则", "Rule"),
    "entity": ("对象", "Entity"),
    "severity": ("级别", "Severity"),
    "comparison": ("与对照规则相比", "Against the other rules"),
    "both": ("两者都有", "In both"),
    "appear": ("新增", "Appear"),
    "disappear": ("消失", "Disappear"),
    "against": ("对照", "Other"),
    "quiet": ("没有告警的规则", "Rules without an alert"),
    "data": ("数据", "Data"),
    "readings": ("读数", "Readings"),
    "events": ("其中事件", "of them events"),
    "devices": ("发言的设备", "Devices that spoke"),
    "days with data": ("有数据的天数", "Days with data"),
    "blind": ("失联时间", "Blind time"),
    "itself": ("平台自身", "the platform itself"),
    "no blind": ("没有失联", "none"),
    "assumed": ("接收时间为推定的读数", "Readings whose receive time is assumed"),
    "undated": ("无法定时而略去的读数", "Readings left out: no true time"),
    "skipped": ("略过的坏行", "Bad lines skipped"),
    "failures": ("出错的规则（次数）", "Rules that failed (times)"),
    "assumptions": ("假定", "Assumptions"),
    "at": ("时间", "When"),
    "span": ("时段", "Span"),
    "source": ("来源", "Source"),
    "none": ("没有告警", "no alert"),
    "never": ("从不", "never"),
    "took": ("用时", "Took"),
    "1": ("P1 生命", "P1 life"),
    "2": ("P2 紧急", "P2 urgent"),
    "3": ("P3 关注", "P3 attention"),
    "4": ("P4 维护", "P4 maintenance"),
}
_CLOSING = (
    "人员处理为假定：条件解除后 {clear} 关闭；须人工关闭的，触发后 {latched} 关闭。",
    (
        "When people close alerts is assumed: {clear} after they cleared; those only a person"
        " closes, {latched} after they were raised."
    ),
)
_WARM_UP = (
    "规则先预热 {warm}；其间产生的告警不计入。级别取每条告警到过的最高级。",
    (
        "Rules warmed up for {warm} before; what they raised then is not counted. An alert's"
        " severity is the worst it came to."
    ),
)


_TODAY = (
    "设备档案和已学习的作息（b.*）按现在的算；没有学习过的按固定时限。",
    (
        "The registry and the learned baselines are those of now; where nothing was learned, the"
        " fixed times hold."
    ),
)


class Words:
    """The words of one language and one time zone."""

    def __init__(self, language: str, timezone: str) -> None:
        self.language = language
        self._column = LANGUAGES.index(language)
        self._units = _UNITS[language]
        self._zone = ZoneInfo(timezone)

    def __call__(self, key: str) -> str:
        """Give a word."""
        return _WORDS[key][self._column]

    def title(self, title: str, title_en: str) -> str:
        """Choose between the two titles of a rule."""
        return (title, title_en)[self._column]

    def time(self, at: int) -> str:
        """Write a moment in the site's time."""
        return f"{datetime.fromtimestamp(at / 1000, UTC).astimezone(self._zone):%Y-%m-%d %H:%M}"

    def length(self, seconds: float | None) -> str:
        """Write how long something took, in its two largest units."""
        if seconds is None:
            return "–"
        if seconds < _MINUTE:
            return f"{seconds:.3g} {self._units[1]}"
        if seconds < _HOUR:
            return self._two(seconds, _MINUTE, 1)
        if seconds < _DAY:
            return self._two(seconds, _HOUR, _MINUTE)
        return self._two(seconds, _DAY, _HOUR)

    def _two(self, seconds: float, large: int, small: int) -> str:
        many, rest = divmod(round(seconds / small) * small, large)
        left = f" {rest // small} {self._units[small]}" if rest else ""
        return f"{many} {self._units[large]}{left}"

    def after(self, seconds: float | None) -> str:
        """Write an assumed delay, which may be never."""
        return self.length(seconds) if seconds is not None else self("never")

    def number(self, value: float) -> str:
        """Write a count or rate."""
        return f"{value:,.0f}" if value == round(value) else f"{value:,.2f}".rstrip("0")

    def per_day(self, value: float) -> str:
        """Write how many a day there are."""
        return (f"每天 {self.number(value)}", f"{self.number(value)} per day")[self._column]

    def rules(self, number: int) -> str:
        """Write how many rules were tested."""
        return (f"{number} 条规则", f"{number} rules")[self._column]

    def share(self, said: Precision) -> str:
        """Write a precision with its interval, or that nobody judged."""
        if said.value is None or said.low is None or said.high is None:
            return "–"
        return f"{said.value:.0%} [{said.low:.0%}, {said.high:.0%}]"

    def cells(self, rule: RuleResult) -> tuple[str, ...]:
        """Write the figures of one rule, in the order of ``CELLS``."""
        f = rule.figures
        return (
            str(f.alerts),
            self.number(f.per_day),
            str(f.occurrences),
            str(f.late),
            self.length(f.median_s),
            self.length(f.p90_s),
            str(f.peak),
            self.share(rule.precision),
        )

    def failures(self, report: Report) -> str:
        """Name the rules that failed, and how often."""
        return ", ".join(f"{one.rule_id} ({one.times})" for one in report.failures)

    def assumptions(self, report: Report) -> list[str]:
        """Write what was assumed."""
        closing = _CLOSING[self._column].format(
            clear=self.after(report.closed_after_clear_s),
            latched=self.after(report.latched_closed_after_s),
        )
        warm_up = _WARM_UP[self._column].format(warm=self.length(report.warm_up_s))
        return [closing, warm_up, _TODAY[self._column]]
