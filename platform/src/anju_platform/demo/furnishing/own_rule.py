"""A rule of the demo community's own: one version in force, the next one back-tested."""

from sqlalchemy import Engine

from anju_platform.backtest.jobs import service as backtests
from anju_platform.backtest.jobs.schemas import BacktestRequest
from anju_platform.database import transaction
from anju_platform.demo.furnishing.actors import act
from anju_platform.rulebook import service as rulebook
from anju_platform.rulebook.overview import known_rule
from anju_platform.rulebook.proof import prove

RULE = "night-entry"
_TEXT = """\
id: night-entry
title: {{zh: 深夜进出单元门, en: Entrance used late at night}}
icon: door
says:
  zh: 深夜 {hours} 有人刷卡进出单元门时提示。
  en: Tells when somebody uses an entrance between {hours}.
do:
  zh: 调看大厅画面，确认是否为住户本人。
  en: Look at the lobby camera and see whether they live there.
severity: 4
models: [door]
when: m.event == "access_granted"
schedule: {{hours: "{hours}"}}
notify: [property]
tests:
  - name: an entrance used at night is told
    shows: fires
    given: [{{t: 19h, event: access_granted}}]
    expect: [{{t: 19h, kind: active, severity: 4}}]
  - name: by day nobody is told
    shows: below
    given: [{{t: 4h, event: access_granted}}]
    expect: []
"""
_FIRST, _SECOND = (_TEXT.format(hours=hours) for hours in ("01:00-04:00", "23:00-05:00"))
_DAYS = 4


def write(engine: Engine, slug: str) -> None:
    """Make two versions, and put the first in force once its own tests pass."""
    with transaction(engine) as session:
        admin = act(session, slug, "admin")
        if known_rule(session, admin.community_id, RULE).versions:
            return
        rulebook.create(session, admin, text=_FIRST, note="业委会要求，先试行")
        rulebook.demand_proof(prove(_FIRST))
        rulebook.activate(
            session, admin, RULE, version=1, reason="业委会 11 月例会决定试行一个月", seen=0
        )
        note = "保安建议放宽到 23 点，先看会多响多少"
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
