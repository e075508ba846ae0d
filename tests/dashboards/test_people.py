"""Inviting people and taking an invitation up, on pages that need no script."""

from __future__ import annotations

import re

import httpx
from guarded_site import Site
from screens import csrf_of, log_in


def send(client: httpx.Client, path: str, **fields: str) -> httpx.Response:
    """Post a form as the page of people holds it."""
    token = csrf_of(client.get("/people").text)
    return client.post(path, data={"csrf": token, **fields})


def link_in(answer: httpx.Response) -> str:
    found = re.search(r"<code>http://[^/]+(/invited/[\w-]+)</code>", answer.text)
    assert found is not None, answer.text
    return found.group(1)


def test_what_was_typed_of_an_invitation_is_kept(client: httpx.Client) -> None:
    log_in(client, "admin")
    typed = {"name": "孙浩", "role": "grid", "scope": "b99", "relation": "组长"}
    answer = send(client, "/people/invite", **typed)
    assert (answer.status_code, "没有位置“b99”" in answer.text) == (422, True)
    for value in ("孙浩", "b99", "组长"):
        assert f'value="{value}"' in answer.text
    assert '<option value="grid" selected>' in answer.text


def test_a_family_is_invited_and_begins(client: httpx.Client, site: Site) -> None:
    log_in(client, "admin")
    made = send(
        client, "/people/invite", name="张强", role="family", scope="b3-501", relation="儿子"
    )
    link = link_in(made)
    assert "张强" in client.get("/people").text
    assert link not in client.get("/people").text
    client.cookies.clear()
    page = client.get(link)
    assert "张强，欢迎。" in page.text
    taken = client.post(link, data={"username": "liqiang", "password": "a good long one"})
    assert (taken.status_code, "已被使用" in taken.text) == (422, True)
    weak = client.post(link, data={"username": "zhangqiang", "password": "short"})
    assert (weak.status_code, "至少 10 位" in weak.text) == (422, True)
    odd = client.post(link, data={"username": "Zhang Qiang", "password": "a good long one"})
    assert (odd.status_code, "个小写字母、数字、点" in odd.text) == (422, True)
    done = client.post(link, data={"username": "zhangqiang", "password": "a good long one"})
    assert done.url.path == "/login"
    assert client.get(link).status_code == 404
    said = {"username": "zhangqiang", "password": "a good long one", "next": "/"}
    home = client.post("/login", data=said)
    assert home.url.path == "/family"
    assert "3 栋 2 单元 501" in home.text
    assert site.households["b3-501"]


def test_what_is_missing_is_asked_for(client: httpx.Client) -> None:
    log_in(client, "admin")
    for fields, says in (
        ({"name": " ", "role": "guard"}, "请填写姓名"),
        ({"name": "张强", "role": "family", "scope": "nowhere"}, "没有住户“nowhere”"),
        ({"name": "张强", "role": "family"}, "请填写住户编号"),
        ({"name": "孙浩", "role": "grid"}, "网格员须对应位置"),
        ({"name": "孙浩", "role": "grid", "scope": "a " * 30}, "最多选择 20 项"),
        ({"name": "张强", "role": "family", "scope": "a " * 30}, "住户：最多选择 20 项"),
    ):
        answer = send(client, "/people/invite", **fields)
        assert (answer.status_code, says in answer.text) == (422, True)


def test_a_link_of_another_site_opens_nothing(client: httpx.Client) -> None:
    log_in(client, "admin")
    link = link_in(send(client, "/people/invite", name="赵云", role="guard"))
    said = {"username": "zhaoyun", "password": "a good long one"}
    answer = client.post(link, data=said, headers={"Origin": "https://evil.example"})
    assert answer.status_code == 403
    assert client.get(link).status_code == 200


def test_people_are_shut_out_and_let_in_again(client: httpx.Client, site: Site) -> None:
    log_in(client, "admin")
    path = f"/people/{site.users['grace']}/disabled"
    mark = 'class="status retired"'
    assert mark in send(client, path, disabled="true").text
    assert mark not in send(client, path, disabled="false").text
    assert "/invited/" in send(client, f"/people/{site.users['grace']}/password").text


def test_invitations_are_withdrawn(client: httpx.Client) -> None:
    log_in(client, "admin")
    link = link_in(send(client, "/people/invite", name="赵云", role="guard"))
    number = re.search(r"/people/invitations/(\d+)/withdraw", client.get("/people").text)
    assert number is not None
    after = send(client, number.group(0))
    assert "赵云" not in after.text
    assert client.get(link).status_code == 404


def test_a_log_in_elsewhere_is_ended(client: httpx.Client) -> None:
    log_in(client, "liqiang")
    elsewhere = httpx.Client(base_url=client.base_url, headers={"User-Agent": "Firefox Android"})
    with elsewhere:
        log_in(elsewhere, "liqiang")
        page = client.get("/me").text
        assert "Firefox" in page
        ended = re.search(r"/me/logins/\w+/end", page)
        assert ended is not None
        client.post(ended.group(0), data={"csrf": csrf_of(page)})
        assert elsewhere.get("/me").headers["location"].startswith("/login")
    assert "Firefox" not in client.get("/me").text
