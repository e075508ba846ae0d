"""An address is proven to be the person's: by a code typed in, or by a browser's first receipt."""

from __future__ import annotations

import re
from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from datetime import timedelta
from typing import Any

import httpx
import pytest
from outer_site import Site, Web
from reached_site import Reached
from sinks import Browser, MailServer, Sink
from sqlalchemy import select, update
from sqlalchemy.orm import Session

from anju_platform.auth.actor import Actor
from anju_platform.auth.model import Role
from anju_platform.database import now, transaction
from anju_platform.errors import InvalidRequestError, NotFoundError, TooManyAttemptsError
from anju_platform.notifications import addresses, listing, proving, repository, trying
from anju_platform.notifications.model import Address, AddressCode, Kind
from anju_platform.notifications.schemas import AddressBody, AddressView

LogIn = Callable[..., httpx.Client]
URL = "http://127.0.0.1:1"


@pytest.fixture
def web(site: Site, serve_site: Callable[..., Web]) -> Web:
    """A web process that may speak to this machine."""
    return serve_site(site.url, inside_hosts="127.0.0.1", inside_push_hosts="127.0.0.1")


@pytest.fixture
def mail() -> Iterator[MailServer]:
    server = MailServer()
    yield server
    server.stop()


def add(site: Site, kind: str = "email", target: str = "a@example.org") -> int:
    with transaction(site.engine) as session:
        body = AddressBody(kind=kind, target=target)  # type: ignore[arg-type]
        return addresses.add(session, site.actor(), body).id


def known(site: Site, actor: Actor | None = None) -> list[AddressView]:
    with Session(site.engine) as session:
        return addresses.addresses(session, actor or site.actor())


def later(site: Site, **by: int) -> None:
    """Let time have passed for codes and tries."""
    past = timedelta(**by)
    times = {"sent_at": AddressCode.sent_at - past, "expires_at": AddressCode.expires_at - past}
    with transaction(site.engine) as session:
        session.execute(update(AddressCode).values(times))
        session.execute(update(Address).values(tried_at=Address.tried_at - past))


def send(reached: Reached, address: int, **how: Any) -> None:
    actor = how.get("actor") or reached.site.actor()
    tried = proving.send_code(reached.site.engine, reached.carriers, actor, address, URL)
    assert tried.ok, tried.error


def code_in(text: str) -> str:
    found = re.search(r"\d{6}", text)
    assert found is not None, text
    return found[0]


def test_a_code_that_came_by_mail_proves_the_mailbox(
    reached: Reached, site: Site, mail: MailServer
) -> None:
    reached.channel("mail", Kind.EMAIL, mail.url)
    address = add(site)
    [before] = known(site)
    assert (before.proven, before.code_until) == (False, None)
    send(reached, address)
    code = code_in(mail.letters[0].get_content())
    assert known(site)[0].code_until is not None
    proving.prove(site.engine, site.actor(), address, f" {code[:3]} {code[3:]}")
    assert (known(site)[0].proven, known(site)[0].code_until) == (True, None)
    proving.prove(site.engine, site.actor(), address, "again")  # pressed twice: it is proven
    assert [entry.action for entry in site.audited("address.proven")] == ["address.proven"]
    with Session(site.engine) as session:
        kept = session.scalars(select(AddressCode)).one()
    assert code not in kept.code_hash


def test_a_short_message_before_a_call(reached: Reached, site: Site, sink: Sink) -> None:
    reached.voice(sink)
    address = add(site, "phone", "13800000001")
    send(reached, address)
    assert re.search(r"(\d, ){5}\d", sink.to("/voice")[0].json()["say"])  # said one by one
    reached.channel("sms", Kind.SMS, f"{sink.url}/sms", position=9)
    later(site, minutes=1)
    send(reached, address)
    proving.prove(site.engine, site.actor(), address, code_in(sink.to("/sms")[0].json()["say"]))


def test_tries_and_time_are_bounded_and_only_the_last_code_counts(
    reached: Reached, site: Site, mail: MailServer
) -> None:
    reached.channel("mail", Kind.EMAIL, mail.url)
    address = add(site)
    with pytest.raises(InvalidRequestError, match="no longer good"):
        proving.prove(site.engine, site.actor(), address, "000000")
    send(reached, address)
    with pytest.raises(TooManyAttemptsError, match="just now"):
        send(reached, address)
    later(site, seconds=20)
    send(reached, address)
    first, second = (code_in(letter.get_content()) for letter in mail.letters)
    wrong = first if first != second else f"{(int(second) + 1) % 1_000_000:06}"
    for _ in range(proving.MOST_TRIES):
        with pytest.raises(InvalidRequestError, match="not the code"):
            proving.prove(site.engine, site.actor(), address, wrong)
    with pytest.raises(InvalidRequestError, match="no longer good"):
        proving.prove(site.engine, site.actor(), address, second)
    later(site, seconds=20)
    send(reached, address)
    later(site, minutes=15)
    with pytest.raises(InvalidRequestError, match="no longer good"):
        proving.prove(site.engine, site.actor(), address, code_in(mail.letters[2].get_content()))
    assert not known(site)[0].proven


def test_a_stranger_is_not_written_to_for_ever(
    reached: Reached, site: Site, mail: MailServer
) -> None:
    reached.channel("mail", Kind.EMAIL, mail.url)
    for number in range(trying.MOST_SENDS):
        address = add(site, target=f"stranger{number}@example.org")
        send(reached, address)
        with transaction(site.engine) as session:  # removing it makes no room
            addresses.remove(session, site.actor(), address)
    address = add(site, target="one-more@example.org")
    with pytest.raises(TooManyAttemptsError, match="tomorrow"):
        send(reached, address)
    assert len(mail.letters) == trying.MOST_SENDS
    later(site, days=1)
    send(reached, address)


def test_a_stranger_is_not_tried_out_for_ever_either(
    reached: Reached, site: Site, mail: MailServer
) -> None:
    reached.channel("mail", Kind.EMAIL, mail.url)

    def attempt(address: int) -> None:
        carriers = reached.carriers
        assert trying.try_address(site.engine, carriers, site.actor(), address, URL).ok

    for _ in range(trying.MOST_SENDS - 1):
        address = add(site)
        attempt(address)
        with transaction(site.engine) as session:  # removing and adding it makes no room
            addresses.remove(session, site.actor(), address)
    address = add(site)
    send(reached, address)
    code = code_in(mail.letters[-1].get_content())
    later(site, seconds=20)
    for further in (attempt, lambda number: send(reached, number)):
        with pytest.raises(TooManyAttemptsError, match="tomorrow"):
            further(address)
    assert len(mail.letters) == trying.MOST_SENDS
    assert known(site)[0].code_until is not None
    proving.prove(site.engine, site.actor(), address, code)
    attempt(address)  # what is the person's own is tried as often as they like


def test_a_test_replaces_no_code(reached: Reached, site: Site, mail: MailServer) -> None:
    reached.channel("mail", Kind.EMAIL, mail.url)
    address = add(site)
    send(reached, address)
    later(site, seconds=20)
    assert trying.try_address(site.engine, reached.carriers, site.actor(), address, URL).ok
    assert known(site)[0].code_until is not None
    proving.prove(site.engine, site.actor(), address, code_in(mail.letters[0].get_content()))


def test_another_persons_code_and_address_are_theirs(
    reached: Reached, site: Site, mail: MailServer
) -> None:
    reached.channel("mail", Kind.EMAIL, mail.url)
    address = add(site)
    send(reached, address)
    code = code_in(mail.letters[0].get_content())
    other = site.actor(Role.ADMIN)
    with pytest.raises(NotFoundError):
        proving.prove(site.engine, other, address, code)
    with pytest.raises(NotFoundError):
        send(reached, address, actor=other)


def test_of_many_guesses_at_once_each_counts(
    reached: Reached, site: Site, mail: MailServer
) -> None:
    reached.channel("mail", Kind.EMAIL, mail.url)
    address = add(site)
    send(reached, address)
    right = code_in(mail.letters[0].get_content())
    wrong = f"{(int(right) + 1) % 1_000_000:06}"

    def guess(_: int) -> str:
        with pytest.raises(InvalidRequestError) as failure:
            proving.prove(site.engine, site.actor(), address, wrong)
        return str(failure.value)

    with ThreadPoolExecutor(8) as pool:
        said = list(pool.map(guess, range(16)))
    assert sum("not the code" in each for each in said) == proving.MOST_TRIES


def test_a_browsers_first_receipt_proves_it(reached: Reached, site: Site, sink: Sink) -> None:
    browser = reached.browser(sink)
    alert = reached.rings(1)
    assert not known(site)[0].proven
    reached.turn()
    said = browser.opens(sink.received[0])
    with transaction(site.engine) as session:
        word = said["receipt"].rsplit("/", 1)[1]
        assert repository.take_receipt(session, word, now(), seen=False)
    assert known(site)[0].proven
    assert reached.deliveries()[0].alert_id == alert


def test_trying_a_browser_proves_it_with_nobody_logged_in(
    log_in: LogIn, sink: Sink, web: Web
) -> None:
    guard = log_in("guard")
    browser = Browser(f"{sink.url}/push/abc")
    made = guard.post("/api/v1/me/push", json=browser.subscription()).raise_for_status().json()
    assert made["proven"] is False
    assert guard.post(f"/api/v1/me/addresses/{made['id']}/code").status_code == 422
    tried = guard.post(f"/api/v1/me/addresses/{made['id']}/test").raise_for_status().json()
    assert tried == {"ok": True, "error": None}
    receipt = browser.opens(sink.received[0])["receipt"].rsplit("/", 1)[1]
    with web.client() as nobody:
        assert nobody.post("/api/v1/receipts/test-x", json={"kind": "delivered"}).status_code == 404
        said = nobody.post(f"/api/v1/receipts/{receipt}", json={"kind": "delivered"})
        assert said.status_code == 204
    assert guard.get("/api/v1/me/addresses").json()[0]["proven"] is True


def test_what_is_proven_is_tried_first_and_what_is_not_is_still_used(
    reached: Reached, site: Site, sink: Sink, mail: MailServer
) -> None:
    reached.voice(sink)
    reached.channel("mail", Kind.EMAIL, mail.url)
    reached.phone()
    address = add(site)
    with transaction(site.engine) as session:
        session.execute(
            update(Address).where(Address.id == address).values(proven_at=Address.created_at)
        )
    reached.rings(2)
    assert [slug for slug, _ in reached.states()] == ["mail", "voice"]
    times = [each.next_attempt_at for each in reached.deliveries()]
    assert times[1] - times[0] == timedelta(seconds=10)
    with Session(site.engine) as session:
        assert listing.unproven(session, site.community_id) == []


def test_who_has_nothing_proven_is_named(reached: Reached, site: Site) -> None:
    reached.phone()
    with Session(site.engine) as session:
        assert listing.unproven(session, site.community_id) == [site.actor().name]
        assert not listing.has_proven(session, site.actor().user_id)
