"""The audit and the shelved alerts, on pages of their own."""

from __future__ import annotations

import re
from datetime import timedelta
from uuid import UUID

import httpx
import pytest
from guarded_site import Site
from screens import csrf_of, log_in

from anju_platform.audit.model import AuditEntry
from anju_platform.database import now, to_millis, transaction


@pytest.fixture
def auditor(client: httpx.Client) -> httpx.Client:
    return log_in(client, "admin")


def written(site: Site, many: int = 1, ago: timedelta = timedelta(0), **how: str) -> None:
    said = {"actor": "王磊", "action": "care.read", "subject": "device:b3-501-fall"} | how
    with transaction(site.engine) as session:
        session.add_all(
            AuditEntry(
                at=now() - ago,
                community_id=site.community,
                user_id=site.users["wanglei"],
                address="10.0.0.7",
                data={"number": number},
                **said,
            )
            for number in range(many)
        )


def numbers(page: str) -> list[int]:
    return [int(found) for found in re.findall(r"<span>number: (\d+)</span>", page)]


def test_it_is_filtered_by_person_action_subject_and_time(
    auditor: httpx.Client, site: Site
) -> None:
    written(site)
    written(site, action="media.viewed", subject="media:1", actor="李强")
    written(site, ago=timedelta(days=9), action="rule.activated", subject="rule:smoke")
    for query, count in (
        ("", 2),
        ("?person=王磊", 1),
        ("?action=media.viewed", 1),
        ("?action=care.", 1),
        ("?about=b3-501", 1),
        ("?about=%25", 0),
        ("?start=2020-01-01&person=王磊", 2),
        ("?start=2020-01-01&end=2020-01-02", 0),
    ):
        assert (query, len(numbers(auditor.get(f"/audit{query}").text))) == (query, count)
    page = auditor.get("/audit").text
    assert "查看了照护数据" in page
    assert 'href="/devices/b3-501-fall"' in page
    for odd in ("start=x", "action=odd", "after=x", "person=%00"):
        assert auditor.get(f"/audit?{odd}").status_code == 422


def test_pages_follow_each_other_without_gaps_while_more_is_written(
    auditor: httpx.Client, site: Site
) -> None:
    written(site, 150)
    first = auditor.get("/audit?action=care.read").text
    older = re.search(r'rel="next" href="([^"]+)"', first)
    assert older is not None
    written(site, 5)
    second = auditor.get(older.group(1).replace("&amp;", "&")).text
    assert sorted(numbers(first) + numbers(second)) == list(range(150))
    assert 'rel="next"' not in second


def test_details_are_said_in_words(auditor: httpx.Client, site: Site) -> None:
    for data in (
        {"household": 7, "purpose": "care", "alert": None},
        {"second_factor": "recovery", "by": "oidc"},
        {"enabled": True, "rights": ["see_alerts", "watch"], "before": {"role": "guard"}},
        {"viewer": "role:property", "sensors": "health"},
        {"ends_at": "2026-01-02T03:04:05+00:00", "place_id": 3},
    ):
        with transaction(site.engine) as session:
            entry = {"community_id": site.community, "actor": "王磊", "action": "care.read"}
            session.add(AuditEntry(at=now(), subject="device:b3-501-fall", data=data, **entry))
    found = auditor.get("/audit?action=care.read").text
    said = re.findall(r"<span>([^<:]+): ([^<]+)</span>", found)
    assert dict(said) == {
        "用途": "日常照护",
        "第二步": "恢复码",
        "身份确认方": "外部账号",
        "enabled": "是",
        "权限": "查看告警, 查看实时动态和图片",
        "之前": "身份: 保安",
        "谁可以看": "物业人员",
        "传感器": "健康数据（心率、呼吸）",
        "结束": "2026-01-02 11:04:05",
    }


def test_its_export_is_on_record_and_harms_no_spreadsheet(
    auditor: httpx.Client, site: Site
) -> None:
    written(site, actor="=1+1")
    table = auditor.get("/audit.csv?action=care.read").text
    assert "'=1+1" in table
    assert "导出了审计记录" in auditor.get("/audit").text


def shelve(site: Site, *, agreed: bool = True) -> UUID:
    at = to_millis(now())
    shelf = {"minutes": 60, "reason": "水表检修", "asked_by": site.users["wanglei"], "asked_at": at}
    if not agreed:
        return site.raise_alert(shelf=shelf)
    until = shelf | {"until": at + 3_600_000}
    return site.raise_alert(severity=3, overlays=["shelved"], shelf=until)


def test_what_is_shelved_stands_on_one_page_and_is_ended_there(
    client: httpx.Client, site: Site
) -> None:
    alert, wish = shelve(site), shelve(site, agreed=False)
    closed = shelve(site)
    site.change(closed, handling="closed")
    log_in(client, "liqiang")
    page = client.get("/shelved").text
    assert re.findall(r"水表检修|王磊|仅申请", page) == [
        "王磊",
        "水表检修",
        "仅申请",
        "王磊",
        "水表检修",
    ]
    assert str(closed) not in page
    token, path = csrf_of(page), f"/shelved/{alert}/end"
    late = client.post(path, data={"csrf": token, "version": "9"})
    assert (late.status_code, "有人抢先一步" in late.text) == (409, True)
    after = client.post(path, data={"csrf": token, "version": "1"}).text
    assert str(alert) not in after
    assert site.alert(alert).overlays == []
    assert str(wish) in after
    twice = client.post(path, data={"csrf": token, "version": "1"})
    assert twice.status_code == 200
    client.post(f"/shelved/{wish}/end", data={"csrf": token, "version": "1"})
    assert "没有搁置的告警" in client.get("/shelved").text
