"""Who carries what: the carriers of a process, by kind of channel."""

from collections.abc import Mapping
from functools import cache

from sqlalchemy import Engine

from anju_platform.config import Settings
from anju_platform.notifications.model import Kind
from anju_platform.notifications.outside.carriers.carrier import Carrier
from anju_platform.notifications.outside.carriers.hosts import Hosts
from anju_platform.notifications.outside.carriers.push import Push
from anju_platform.notifications.outside.carriers.services import Services
from anju_platform.notifications.outside.carriers.voice import Voice
from anju_platform.notifications.outside.keys import vapid


class Carriers:
    """The carriers of a process; they share what they may speak to."""

    def __init__(self, engine: Engine, settings: Settings) -> None:
        self.hosts = Hosts(settings.inside_hosts)
        self.services = Services(self.hosts)
        key = cache(lambda: vapid(engine))
        push = Push(self.hosts, key, settings.push_contact or _contact(settings.public_url))
        self.by_kind: Mapping[Kind, Carrier] = {
            Kind.PUSH: push,
            Kind.EMAIL: self.services,
            Kind.SMS: self.services,
            Kind.ROBOT: self.services,
            Kind.VOICE: Voice(self.hosts),
        }
        self.vapid = key


def _contact(public_url: str) -> str:
    """Give whom a push service may write to, where nobody said: it wants somebody named."""
    return public_url if public_url.startswith("https:") else "mailto:anju@localhost.localdomain"
