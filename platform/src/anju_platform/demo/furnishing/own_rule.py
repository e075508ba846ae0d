"""A rule of the demo community's own: one version in force, the next one back-tested."""

from sqlalchemy import Engine

from anju_platform.backtest.jobs import service as backtests
from anju_platform.backtest.jobs.schemas import BacktestRequest
from anju_platform.database import transaction
from anju_platform.demo.furnishing.actors import act
from anju_platform.rulebook import service as rulebook
from anju_platform.rulebook.overview import known_rule
from anju_platform.rulebook.proof import prove

RULE = "restless-night"
_TEXT = """\
id: restless-night
title: {{zh: 夜间长时间走动, en: Up and about at night}}
icon: walk
says:
  zh: 夜间 {hours} 持续走动满 {seconds} 秒时提示；停下即恢复。
  en: "Tells when somebody keeps moving for {seconds} s within {hours}; it ends when they rest."
do:
  zh: 次日电话问候，了解是否身体不适。
  en: Call the next day and ask how they are.
severity: 4
models: [pir]
when: m.motion == true
for: {seconds}s
schedule: {{hours: "{hours}"}}
notify: [property]
tests:
  - name: so long at three in the morning
    shows: fires
    given:
      - {{t: 19h, values: {{motion: true}}}}
    expect: [{{t: {at}s, kind: active, severity: 4}}]
    until: 70000s
  - name: a few steps are ordinary
    shows: below
    given:
      - {{t: 19h, values: {{motion: true}}}}
      - {{t: 68460s, values: {{motion: false}}}}
    expect: []
"""


def _text(hours: str, seconds: int) -> str:
    """Write the rule; its test begins 19 hours after eight in the morning."""
    return _TEXT.format(hours=hours, seconds=seconds, at=19 * 3600 + seconds)


_FIRST, _SECOND = _text("01:00-04:00", 600), _text("00:00-05:00", 120)
_DAYS = 4


def write(engine: Engine, slug: str) -> None:
    """Make two versions, and put the first in force once its own tests pass."""
    with transaction(engine) as session:
        admin = act(session, slug, "admin")
        if known_rule(session, admin.community_id, RULE).versions:
            return
        rulebook.create(session, admin, text=_FIRST, note="居委会提议，先在独居老人家中试行")
        rulebook.demand_proof(prove(_FIRST))
        rulebook.activate(
            session, admin, RULE, version=1, reason="居委会 11 月例会决定试行一个月", seen=0
        )
        note = "放宽到整夜、两分钟即提示，先看会多响多少"
        rulebook.save(session, admin, RULE, text=_SECOND, note=note, based_on=1)


def test_again(engine: Engine, database_url: str, slug: str) -> None:
    """Back-test the second version on the days that people have lived there."""
    with transaction(engine) as session:
        admin = act(session, slug, "admin")
        if backtests.newest(session, admin, RULE):
            return
        wanted = BacktestRequest(text=_SECOND, version=2, days=_DAYS)
        job = backtests.plan(session, admin, RULE, wanted)
    backtests.launch(database_url, job)
