"""What pages refuse, they refuse in their reader's language."""

from __future__ import annotations

import re
from html import unescape
from typing import Any

import httpx
import pytest
from guarded_site import Site
from screens import csrf_of, log_in, send

from anju_dashboards.language import load_languages
from anju_dashboards.refusals import of_kind, refusal_text
from anju_platform.auth import passwords
from anju_platform.errors import ConflictError, InvalidRequestError, Phrase
from anju_platform.middleware import MAX_BODY

_SAID = re.compile(
    r'role="alert"[^>]*>(.*?)</(?:p|div)>|middle".*?<h1>(.*?)<p class="buttons">', re.DOTALL
)
_ENGLISH = re.compile(r"[A-Za-z]{2,}(?:[ ,;']+[a-z]{2,}){2}")

GROUP = {"kind": "robot", "name": "保安群", "slug": "guards", "roles": ["guard"]}
KEY = "wecombot://693a91f6-7xxx-4bc4-97a0-0ec2sifa5aaa"
HOOK = {"name": "城市平台", "slug": "city", "least": "2", "steps": ["raised"]}
URL = "https://x.example.org/hook"
ROOM = {"kind": "room", "label": "新", "label_en": "New", "slug": "new", "parent": "b1"}
SHIFT = {"starts": "08:00", "ends": "20:00", "holidays": "any", "days": ["0|0"]}
SPOT = {"was_x": "", "was_y": "", "within": "", "page": "1", "slug": "b1-101-smoke"}
STEP = {"after": ["60"], "unit": ["s"], "repeat": "60", "repeat_unit": "s", "severity": "1"}
WORK = {"place": "", "device": "", "minutes": "60", "reason": ""}
STRANGER = {"slug": "new-one", "gateway": "gw-west", "model": "pir"}
NOBODY = "999999"

ASKED: tuple[tuple[str, str, dict[str, Any], str], ...] = (
    ("/me", "/me/addresses", {"kind": "email", "target": "nobody"}, "“nobody”不是邮箱地址"),
    ("/me", "/me/addresses", {"kind": "phone", "target": "abc"}, "5 到 15 位数字"),
    ("/me", f"/me/addresses/{NOBODY}/code", {}, ""),
    ("/me", f"/me/addresses/{NOBODY}/test", {}, ""),
    ("/channels", "/channels", GROUP | {"url": "nonsense://x"}, "必须以下列之一开头：wecombot://"),
    ("/channels", "/channels", GROUP | {"url": KEY, "roles": []}, "谁在群里看消息"),
    ("/channels", "/channels", GROUP | {"url": KEY, "per_minute": "x"}, "每分钟上限：请填写整数"),
    ("/channels", "/channels", GROUP | {"url": KEY, "per_minute": "0"}, "不能小于 1"),
    ("/channels", "/channels", GROUP | {"url": KEY, "kind": "email", "roles": []}, "smtps://"),
    ("/channels", "/channels/push/test", {}, "允许本浏览器接收推送"),
    ("/channels", "/channels/nothing/test", {}, "没有通知渠道“nothing”"),
    ("/channels", "/channels/push/remove", {}, "推送渠道不能删除"),
    ("/webhooks", "/webhooks", HOOK | {"url": "http://10.0.0.1/x"}, "必须以 https:// 开头"),
    ("/webhooks", "/webhooks", HOOK | {"url": URL, "places": "b99"}, "没有位置 b99"),
    ("/webhooks", "/webhooks", HOOK | {"url": URL, "steps": []}, "推送内容：至少选择 1 项"),
    ("/webhooks", "/webhooks", HOOK | {"url": URL, "name": " "}, "名称"),
    ("/places", "/places", ROOM | {"slug": "b1"}, "已有位置“b1”"),
    ("/places", "/places", ROOM | {"x": "1"}, "x 和 y"),
    ("/places", "/places", ROOM | {"label": ""}, ""),
    ("/places/plan", "/places/plan", SPOT | {"x": "9999", "y": "1"}, "0 到 170 米"),
    ("/places/plan", "/places/plan/picture", {"width": "120"}, "请先选择"),
    ("/groups", "/groups", {"name": "夜班", "members": [NOBODY]}, f"没有编号为 {NOBODY} 的人"),
    ("/rota", "/rota/new", SHIFT | {"name": "x", "people": [f"0|{NOBODY}"]}, "班次：没有编号为"),
    ("/rota", "/rota/new", SHIFT | {"name": "x" * 64, "people": []}, "请选择值班人"),
    ("/escalation", "/escalation/plan", STEP | {"to": [f"0|user:{NOBODY}"]}, "没有这个人"),
    ("/escalation", "/escalation/plan", STEP | {"to": ["0|role:x"]}, "的通知对象“role:x”不对"),
    ("/escalation", "/escalation/plan", STEP | {"to": ["0|first"], "place": "x"}, "没有位置“x”"),
    ("/devices", "/waiting-devices", STRANGER | {"place": "b99"}, "本小区的位置中没有“b99”"),
    ("/devices", "/waiting-devices", STRANGER | {"place": "b1", "gateway": "x"}, "的网关中没有"),
    ("/devices", "/devices/b1-101-smoke/replacement", {"by": "b1-101-smoke"}, "已有设备"),
    ("/rules", "/rules/fall/activate", {"version": "0", "seen": "0"}, ""),
    ("/rules", "/rules/fall/withdraw", {"seen": "0", "reason": " "}, "请说明原因"),
    ("/rules", "/rules/fall/withdraw", {"seen": "7", "reason": "x"}, "它从未改动过"),
    ("/people", "/people/invite", {"name": "x", "role": "grid"}, ""),
    ("/people", "/people/invite", {"name": "x" * 65, "role": "guard"}, "名称：最多 64 个字"),
    ("/people", "/people/{me}/disabled", {"disabled": "true"}, "不能停用自己的账号"),
    ("/people", f"/people/{NOBODY}/disabled", {"disabled": "true"}, ""),
    ("/me", "/me/tokens", {"name": "x", "rights": ["see_alerts"], "password": "x"}, "密码"),
    ("/me", "/me/tokens", {"name": "x", "rights": ["handle"], "password": "x"}, "不能授予程序"),
    ("/me", "/me/second-factor", {"password": "x"}, "密码"),
    ("/me", "/me/second-factor/confirm", {"code": "1"}, ""),
    ("/maintenance", "/maintenance/work", WORK, ""),
    ("/maintenance", "/maintenance/drill", {"minutes": "x"}, "多长时间：请填写整数"),
    ("/homes", "/homes/import", {}, "请选择文件"),
    ("/alerts", "/alerts/{alert}/comment", {"screen": "page"}, ""),
    ("/alerts", "/alerts/{alert}/shelve", {"screen": "page", "version": "1", "minutes": "5"}, ""),
    ("/alerts", "/alerts/{alert}/ack", {"screen": "page", "version": "7"}, ""),
    ("/alerts", "/alerts/{alert}/close", {"screen": "page", "version": "1"}, ""),
)
"""Where a form stands, where it goes, what is wrong with it, and what is said of that."""


def said_in(page: str) -> str:
    """Give what a page says to whoever is to hear it at once."""
    found = " ".join(one or other for one, other in _SAID.findall(page))
    return " ".join(unescape(re.sub(r"<[^>]*>", " ", found)).split())


def test_what_forms_refuse_is_said_in_chinese(client: httpx.Client, site: Site) -> None:
    admin = log_in(client, "admin")
    here = {"me": site.users["admin"], "alert": site.raise_alert()}
    wrong = {}
    for at, path, fields, words in ASKED:
        answer = send(admin, path.format(**here), at, **fields)
        said = said_in(answer.text)
        is_chinese = re.search(r"[\u4e00-\u9fff]", said) and not _ENGLISH.search(said)
        if answer.status_code < 400 or words not in said or not is_chinese:
            wrong[path, str(fields)] = answer.status_code, said
    assert wrong == {}


def test_what_a_place_still_holds_is_said(client: httpx.Client) -> None:
    admin = log_in(client, "admin")
    stamp = re.search(r'name="stamp" value="(\w+)"', admin.get("/places?at=b1").text)
    assert stamp is not None
    asked = {"retired": "true", "stamp": stamp[1]}
    said = said_in(send(admin, "/places/b1/state", "/places", **asked).text)
    assert re.fullmatch(
        "“1 栋”里还有 \\d+ 个位置、\\d+ 台设备(、\\d+ 户)?：请先移走或停用", said
    ), said


def test_whoever_is_not_logged_in_reads_chinese_too(client: httpx.Client) -> None:
    for path, fields, words in (
        ("/login", {"username": "admin", "password": "x"}, "用户名或密码"),
        ("/invited/nothing", {"username": "x", "password": "x"}, ""),
    ):
        said = said_in(client.post(path, data=fields).text)
        assert (words in said, bool(said), _ENGLISH.search(said)) == (True, True, None), said


def test_how_long_to_wait_is_said_as_it_is(client: httpx.Client) -> None:
    form = {"username": "admin", "password": "x"}
    held = [passwords._places for _ in range(passwords.AT_ONCE)]
    for place in held:
        assert place.acquire(blocking=False)
    try:
        answer = client.post("/login", data=form)
    finally:
        for place in held:
            place.release()
    assert (answer.status_code, said_in(answer.text)) == (429, "同时登录的人太多，请稍后再试")
    for _ in range(6):
        answer = client.post("/login", data=form)
    assert answer.status_code == 429
    assert re.search(r"登录失败次数过多，请 \d+ 秒后再试", said_in(answer.text))


def test_too_much_and_what_cannot_be_read_are_called_so(client: httpx.Client) -> None:
    admin = log_in(client, "admin")
    answer = send(admin, "/groups", "/groups", name="x" * 2 * MAX_BODY)
    assert (answer.status_code, "内容太大" in answer.text) == (413, True)
    answer = client.post("/login", content=b"x", headers={"Content-Type": "multipart/form-data"})
    assert (answer.status_code, "内容无法读取" in answer.text) == (400, True)


def test_a_page_to_look_at_is_not_called_undone(client: httpx.Client) -> None:
    admin = log_in(client, "admin")
    answer = admin.get("/places/plan?page=0")
    assert (answer.status_code, "缺少内容" in answer.text) == (422, True)
    assert "操作未完成" not in answer.text


def test_in_english_it_is_as_programs_read_it(client: httpx.Client) -> None:
    grace = log_in(client, "grace")
    page = send(grace, "/me/addresses", "/me", kind="email", target="{nobody}")
    assert said_in(page.text) == "'{nobody}' is not an e-mail address"
    form = {"X-CSRF-Token": csrf_of(grace.get("/me").text)}
    asked = {"kind": "email", "target": "{nobody}"}
    answer = grace.post("/api/v1/me/addresses", json=asked, headers=form)
    assert answer.json()["detail"] == "'{nobody}' is not an e-mail address"


@pytest.mark.parametrize("code", ["zh", "en"])
def test_what_nobody_translated_is_said_in_english(code: str) -> None:
    error = InvalidRequestError("nobody knows {what}, {n:g} times", what="{braces}", n=2)
    assert refusal_text(load_languages()[code], error) == "nobody knows {braces}, 2 times"
    assert refusal_text(load_languages()[code], InvalidRequestError("")) == ""


def test_a_translation_that_does_not_fit_is_passed_over() -> None:
    for translated in ("{other}", "{n", "{n.inside}", "{n:d}", "{0}"):
        phrase = Phrase("step {n}", n="x")
        assert phrase.said(lambda _pattern, to=translated: to) == "step x"  # type: ignore[misc]


def test_a_translation_that_formats_nothing_is_passed_over() -> None:
    assert Phrase("step {n}", n=None).said(lambda _: "{n:>5}") == "step None"


def test_a_narrower_kind_of_refusal_has_the_words_of_the_wider() -> None:
    class NarrowError(ConflictError):
        """A kind nobody listed."""

    words = {InvalidRequestError: "wrong", ConflictError: "changed"}
    assert of_kind(words, NarrowError("x")) == "changed"


def test_words_within_a_phrase_are_translated_as_well() -> None:
    error = InvalidRequestError("{where}: choose its days", where=Phrase("shift {n}", n=2))
    assert str(error) == "shift 2: choose its days"
    chinese = {"{where}: choose its days": "{where}：请选择日期", "shift {n}": "班次 {n}"}
    assert error.phrase.said(chinese.__getitem__) == "班次 2：请选择日期"
