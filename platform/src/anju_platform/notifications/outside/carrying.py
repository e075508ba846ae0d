"""Who carries what: the carriers of a process, by kind of channel and what its URL begins with."""

from functools import cache

from sqlalchemy import Engine

from anju_platform.config import Settings
from anju_platform.errors import Phrase
from anju_platform.notifications.model import Kind
from anju_platform.notifications.outside.carriers.carrier import Carrier, NotTakenError
from anju_platform.notifications.outside.carriers.gateway import Gateway
from anju_platform.notifications.outside.carriers.hosts import Hosts
from anju_platform.notifications.outside.carriers.mail import Mail
from anju_platform.notifications.outside.carriers.push import Push
from anju_platform.notifications.outside.carriers.robots import SERVERS, Robots
from anju_platform.notifications.outside.carriers.services import SCHEMES, Services
from anju_platform.notifications.outside.keys import vapid


class Carriers:
    """The carriers of a process; they share what they may speak to."""

    def __init__(self, engine: Engine, settings: Settings) -> None:
        self.hosts = Hosts(settings.inside_hosts)
        self.push_hosts = Hosts(settings.inside_push_hosts)
        self.vapid = cache(lambda: vapid(engine))
        contact = settings.push_contact or _contact(settings.public_url)
        mail, gateway = Mail(self.hosts), Gateway(self.hosts)
        own = {"https": gateway, "http": gateway}
        robots = Robots(self.hosts)
        self.known: dict[Kind, dict[str, Carrier]] = {
            Kind.PUSH: {"": Push(self.push_hosts, self.vapid, contact)},
            Kind.EMAIL: {"smtps": mail, "smtp": mail},
            Kind.VOICE: dict(own),
            Kind.SMS: {**own, **dict.fromkeys(SCHEMES[Kind.SMS], Services(Kind.SMS))},
            Kind.ROBOT: {
                **dict.fromkeys(SERVERS, robots),
                **dict.fromkeys(SCHEMES[Kind.ROBOT], Services(Kind.ROBOT)),
            },
        }

    def fault(self, kind: Kind, url: str) -> Phrase | None:
        """Say what is wrong with the URL of a channel of that kind; nothing if it can be used."""
        carrier = self.known[kind].get(_scheme(url))
        if carrier is not None:
            return carrier.fault(url)
        if kind is Kind.PUSH:
            return Phrase("a push channel has none: browsers say where they are reached")
        if not url:
            return Phrase("it is missing")
        known = ", ".join(f"{one}://" for one in self.known[kind])
        return Phrase("it must begin with one of {known}", known=known)

    def of(self, kind: Kind, url: str) -> Carrier:
        """Give who carries to such a channel.

        Raises:
            NotTakenError: nobody does.
        """
        carrier = self.known[kind].get(_scheme(url))
        if carrier is None:
            raise NotTakenError("its address cannot be used; look at the channel")
        return carrier


def _scheme(url: str) -> str:
    return url.partition("://")[0] if "://" in url else url


def _contact(public_url: str) -> str:
    """Give whom a push service may write to, where nobody said: it wants somebody named."""
    return public_url if public_url.startswith("https:") else "mailto:anju@localhost.localdomain"
