"""Homes from a spreadsheet: read, shown as what it would change, brought in once."""

from __future__ import annotations

import csv
import io
from collections.abc import Callable, Sequence
from datetime import date, timedelta
from typing import Any

import httpx
import openpyxl
import pytest
from hypothesis import given
from hypothesis import strategies as st
from outer_site import Site, community_file
from sqlalchemy import select, update

from anju_platform.auth.model import Role
from anju_platform.database import now, reading, transaction
from anju_platform.importing import repository
from anju_platform.importing.model import HomesImport
from anju_platform.importing.plan import Home, Known, What, Why, plan
from anju_platform.importing.sheet import Row, SheetError, read
from anju_platform.people.model import Contact, Resident
from anju_platform.people.schemas import Person
from anju_platform.provision import import_community

LogIn = Callable[..., httpx.Client]
HEAD = "房号,类别,姓名,出生日期,老人,关系,电话,有钥匙,独居"
TODAY = date(2026, 11, 28)
KNOWN = Known(
    {
        "h-1": Home(
            "h-1",
            "b1-501",
            {"lives_alone": True, "away": "2026-12-01"},
            (
                Person(
                    "resident", "张桂兰", {"born_on": date(1944, 3, 1), "elder": True, "health": ""}
                ),
                Person(
                    "contact",
                    "张敏",
                    {"relation": "女儿", "phone": "13800001380", "has_key": False},
                ),
                Person(
                    "contact",
                    "周建国",
                    {"relation": "邻居", "phone": "13900001390", "has_key": True},
                ),
            ),
        )
    },
    {"1 栋 501": ("b1-501",), "1 栋 502": ("b1-502",), "车棚": ("shed-1", "shed-2")},
    TODAY,
)


def table(*lines: str, head: str = HEAD) -> bytes:
    return "\r\n".join((head, *lines)).encode()


def planned(*lines: str, head: str = HEAD, exactly: bool = False) -> Any:
    return plan(read(table(*lines, head=head)), KNOWN, exactly=exactly)


def xlsx(*lines: Sequence[object]) -> bytes:
    book = openpyxl.Workbook()
    for line in lines:
        book.active.append(line)
    written = io.BytesIO()
    book.save(written)
    return written.getvalue()


@pytest.mark.parametrize("encoding", ["utf-8", "utf-8-sig", "gb18030"])
@pytest.mark.parametrize("separator", [",", ";", "\t"])
def test_csv_as_spreadsheets_write_it(encoding: str, separator: str) -> None:
    text = table("1 栋 501,居民,张桂兰,1944-03-01,是").decode().replace(",", separator)
    (row,) = read(text.encode(encoding))
    assert (row.number, row["place"], row["name"], row["elder"]) == (2, "1 栋 501", "张桂兰", "是")


def test_xlsx_with_days_and_numbers_as_spreadsheets_keep_them() -> None:
    content = xlsx(
        ("房号", "类别", "姓名", "出生日期", "电话", None),
        ("1 栋 501", "居民", "张桂兰", date(1944, 3, 1), None),
        (None, None, None, None, None),
        ("1 栋 501", "联系人", "张敏", None, 13800002231),
    )
    one, two = read(content)
    assert (one.number, one["born_on"]) == (2, "1944-03-01")
    assert (two.number, two["phone"]) == (4, "13800002231")


@pytest.mark.parametrize(
    ("content", "says"),
    [
        (b"", "missing"),
        (table(head="房号,姓名"), "类别"),
        (table(head="类别,姓名"), "房号"),
        (table("x,y", head="房号,类别,姓名,手机"), "'手机' is not known"),
        (table("x,y", head="房号,类别,姓名,name"), "twice"),
        (table(), "no row"),
        (b"\x00\x01\x02\xff", "neither CSV"),
        (b"PK\x03\x04 no zip", "no XLSX"),
        (table('1,居民,"张'), "no CSV"),
        (table(*["1 栋 501,居民,张"] * 5001), "5000 at most"),
        (b"x" * (4 * 1024**2 + 1), "4 MB"),
    ],
)
def test_what_cannot_be_read_at_all_says_why(content: bytes, says: str) -> None:
    with pytest.raises(SheetError, match=says):
        read(content)


def test_an_xlsx_that_unpacks_to_too_much_is_refused() -> None:
    packed = io.BytesIO()
    import zipfile

    with zipfile.ZipFile(packed, "w", zipfile.ZIP_DEFLATED) as archive:
        archive.writestr("xl/worksheets/sheet1.xml", b"0" * (65 * 1024 * 1024))
    with pytest.raises(SheetError, match="too large"):
        read(packed.getvalue())


@pytest.mark.parametrize(
    ("line", "column", "why"),
    [
        (",居民,张三", "place", Why.NO_HOME),
        ("9 栋 101,居民,张三", "place", Why.NO_SUCH_PLACE),
        ("车棚,居民,张三", "place", Why.PLACE_OF_SEVERAL),
        ("1 栋 501,亲戚,张三", "kind", Why.NO_KIND),
        ("1 栋 501,居民,", "name", Why.NO_NAME),
        ("1 栋 501,居民,张三,1944-13-01", "born_on", Why.NO_DAY),
        ("1 栋 501,居民,张三,2027-01-01", "born_on", Why.NOT_BORN),
        ("1 栋 501,居民,张三,,大概", "elder", Why.NOT_YES_OR_NO),
        ("1 栋 501,联系人,张三,,,儿子,没有", "phone", Why.NO_PHONE),
        ("1 栋 501,联系人,张三,,,儿子,", "phone", Why.NO_PHONE),
        ("1 栋 501,联系人,张三,,,儿子,1380", "phone", Why.NO_PHONE),
        (f"1 栋 501,居民,{'张' * 65}", "name", Why.TOO_LONG),
    ],
)
def test_each_fault_names_its_row_and_cell(line: str, column: str, why: Why) -> None:
    (fault,) = planned("1 栋 501,居民,张桂兰", line).faults
    assert (fault.row, fault.column, fault.why) == (3, column, why)


def test_faults_between_rows() -> None:
    twice = planned("1 栋 501,居民,李四", "1 栋 501,居民,李四").faults
    assert [(f.row, f.why) for f in twice] == [(3, Why.TWICE)]
    words = planned("1 栋 501,居民,李四,,,,,,是", "1 栋 501,居民,王五,,,,,,否").faults
    assert [(f.row, f.column, f.why) for f in words] == [(3, "lives_alone", Why.TWO_WORDS)]
    head = "住户,房号,类别,姓名"
    (other,) = planned("h-9,,居民,李四", head=head).faults
    assert (other.column, other.why) == ("home", Why.NO_SUCH_HOME)
    (moved,) = planned("h-1,1 栋 502,居民,李四", head=head).faults
    assert moved.why is Why.HOME_ELSEWHERE


def test_an_empty_cell_leaves_what_is_known() -> None:
    outcome = planned("1 栋 501,联系人,张敏,,,,１３８-0000-2231,")
    (changed,) = [c for c in outcome.changes if c.what is not What.SAME]
    assert (changed.before, changed.after) == ({"phone": "13800001380"}, {"phone": "13800002231"})
    (home,) = outcome.homes
    assert home.attributes == KNOWN.homes["h-1"].attributes
    assert [p.name for p in home.people] == ["张桂兰", "张敏", "周建国"]


def test_whoever_is_not_named_stays_unless_the_file_is_exact() -> None:
    line = "1 栋 501,居民,张桂兰"
    assert all(c.what is What.SAME for c in planned(line).changes)
    gone = [c.name for c in planned(line, exactly=True).changes if c.what is What.GONE]
    assert gone == ["张敏", "周建国"]


def test_a_file_that_names_all_contacts_orders_them() -> None:
    outcome = planned("1 栋 501,联系人,周建国", "1 栋 501,联系人,张敏")
    (home,) = outcome.homes
    assert [p.name for p in home.people] == ["张桂兰", "周建国", "张敏"]
    (order,) = [c for c in outcome.changes if "order" in c.after]
    assert order.after == {"order": "周建国 → 张敏"}


def test_health_and_the_way_in_come_along() -> None:
    head = "房号,类别,姓名,健康状况,进门办法"
    outcome = planned("1 栋 501,居民,张桂兰,青霉素过敏,钥匙在 502", head=head)
    (home,) = outcome.homes
    assert (home.entry, home.people[0].values["health"]) == ("钥匙在 502", "青霉素过敏")
    assert home.attributes == KNOWN.homes["h-1"].attributes


def test_a_new_home_begins_at_a_place_without_one() -> None:
    outcome = planned("1 栋 502,居民,李四,1950年1月2日,是,,,,是")
    (home,) = outcome.homes
    assert (home.slug, home.place, home.attributes) == ("h-b1-502", "b1-502", {"lives_alone": True})
    assert {c.what for c in outcome.changes} == {What.NEW}


_NAMES = st.sampled_from(["张桂兰", "张敏", "周建国", "李四"])
_ROWS = st.lists(
    st.tuples(
        st.sampled_from(["1 栋 501", "1 栋 502", "车棚", ""]),
        st.sampled_from(["居民", "联系人", "?"]),
        _NAMES,
        st.sampled_from(["", "13800001380", "x"]),
    ),
    max_size=8,
)


@given(_ROWS, st.booleans())
def test_brought_in_twice_changes_nothing_the_second_time(
    rows: list[tuple[str, str, str, str]],
    exactly: bool,
) -> None:
    names = ("place", "kind", "name", "phone")
    lines = [Row(n, dict(zip(names, row, strict=True))) for n, row in enumerate(rows, start=2)]
    once = plan(lines, KNOWN, exactly=exactly)
    good = [line for line in lines if line.number not in {f.row for f in once.faults}]
    first = plan(good, KNOWN, exactly=exactly)
    assert first.faults == ()
    after = Known(KNOWN.homes | {h.slug: h for h in first.homes}, KNOWN.places, TODAY)
    again = plan(good, after, exactly=exactly)
    assert {c.what for c in again.changes} <= {What.SAME}
    for home in first.homes:
        assert len({(p.kind, p.name) for p in home.people}) == len(home.people)


def send(client: httpx.Client, content: bytes, **query: object) -> httpx.Response:
    return client.post("/api/v1/home-imports", content=content, params=query)


def apply(client: httpx.Client, shown: dict[str, Any]) -> httpx.Response:
    path = f"/api/v1/home-imports/{shown['id']}/apply"
    return client.post(path, json={"digest": shown["digest"]})


def people(site: Site) -> list[tuple[str, int]]:
    with reading(site.engine) as session:
        found = [
            *session.execute(select(Resident.name, Resident.id)),
            *session.execute(select(Contact.name, Contact.id).order_by(Contact.position)),
        ]
    return [(name, each) for name, each in found]


def test_it_is_shown_first_and_then_brought_in_once(site: Site, log_in: LogIn) -> None:
    office = log_in(Role.OFFICE)
    before = people(site)
    content = table(
        "1 栋 501,联系人,张敏,,,,13900009999", "1 栋 501,联系人,王刚,,,儿子,137 0000 1234"
    )
    shown = send(office, content).json()
    assert shown["counts"] == {"new": 1, "changed": 1, "same": 2, "gone": 0, "new_homes": 0}
    assert people(site) == before
    done = apply(office, shown)
    assert (done.status_code, done.json()["counts"]["new"]) == (200, 1)
    after = people(site)
    assert after[:-1] == before  # whoever stays keeps their row
    assert after[-1][0] == "王刚"
    assert apply(office, shown).json()["applied_at"] == done.json()["applied_at"]
    (entry,) = site.audited("homes.imported")
    assert (entry.actor, entry.data["new"]) == ("何敏", 1)
    assert office.get(f"/api/v1/home-imports/{shown['id']}").json()["changes"] == []


def test_what_changed_since_it_was_shown_is_shown_again(site: Site, log_in: LogIn) -> None:
    office, admin = log_in(Role.OFFICE), log_in(Role.ADMIN)
    mine = send(office, table("1 栋 501,联系人,张敏,,,,13900009999")).json()
    theirs = send(admin, table("1 栋 501,联系人,张敏,,,,13900008888")).json()
    assert apply(admin, theirs).status_code == 200
    late = apply(office, mine)
    assert (late.status_code, late.json()["type"]) == (409, "/problems/plan-changed")
    again = office.get(f"/api/v1/home-imports/{mine['id']}").json()
    assert again["changes"][0]["before"] == {"phone": "13900008888"}
    assert apply(office, again).status_code == 200
    assert len(site.audited("homes.imported")) == 2


def test_while_one_row_is_wrong_nothing_is_changed(site: Site, log_in: LogIn) -> None:
    office = log_in(Role.OFFICE)
    before = people(site)
    shown = send(office, table("1 栋 501,居民,新人", "1 栋 999,居民,谁")).json()
    assert shown["faults"] == [
        {"row": 3, "column": "place", "value": "1 栋 999", "why": "no_such_place"}
    ]
    assert apply(office, shown).status_code == 422
    assert people(site) == before


def test_what_is_exported_changes_nothing_when_it_comes_back(site: Site, log_in: LogIn) -> None:
    office = log_in(Role.OFFICE)
    exported = office.get("/api/v1/households.csv").content
    lines = list(csv.reader(io.StringIO(exported.decode("utf-8-sig"))))
    assert len(lines) == 1 + len(people(site))
    shown = send(office, exported, exactly=True).json()
    assert (shown["faults"], shown["changes"]) == ([], [])
    assert len(site.audited("homes.exported")) == 1


def test_the_communitys_file_leaves_the_rows_of_whoever_stays(site: Site) -> None:
    before = people(site)
    with transaction(site.engine) as session:
        import_community(session, community_file())
    assert people(site) == before


def test_what_a_preview_shows_of_a_home_is_a_look_at_it(site: Site, log_in: LogIn) -> None:
    office = log_in(Role.OFFICE)
    send(office, table("1 栋 501,居民,谁也不是"))
    assert site.audited("care.read") == []  # nothing of what is known was shown
    send(office, table("1 栋 501,居民,谁也不是"), exactly=True)
    office.get("/api/v1/households.csv")
    looks = [(one.actor, one.subject, one.data["as"]) for one in site.audited("care.read")]
    assert looks == [("何敏", "household:h-501", how) for how in ("import", "export")]


def test_an_xlsx_of_a_few_bytes_names_no_row_far_away() -> None:
    book = openpyxl.Workbook()
    book.active.append(("房号", "类别", "姓名"))
    book.active["A1000000"] = "1 栋 501"
    written = io.BytesIO()
    book.save(written)
    with pytest.raises(SheetError, match="empty ones"):
        read(written.getvalue())


def test_rows_are_kept_for_a_day(site: Site, log_in: LogIn) -> None:
    office = log_in(Role.OFFICE)
    shown = send(office, table("1 栋 501,居民,新人")).json()
    with transaction(site.engine) as session:
        session.execute(update(HomesImport).values(at=now() - timedelta(hours=25)))
        assert repository.delete_older(session, now() - timedelta(days=1)) == 1
    assert apply(office, shown).status_code == 404


def test_guards_and_property_change_no_homes(log_in: LogIn) -> None:
    for role in (Role.GUARD, Role.PROPERTY, Role.AUDITOR, Role.FAMILY):
        assert send(log_in(role), table("1 栋 501,居民,新人")).status_code == 403
