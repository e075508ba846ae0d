"""Whom messages are for and whom plans call, in words."""

from collections.abc import Iterable, Mapping
from dataclasses import dataclass, replace

from sqlalchemy.orm import Session

from anju_dashboards import words
from anju_dashboards.pages import Page
from anju_platform.alerts.policy import FIRST
from anju_platform.auth.repository import users
from anju_platform.duty.repository import target_names
from anju_platform.people.schemas import ContactView


@dataclass(frozen=True, slots=True)
class Recipients:
    """What recipients and targets are called; ``contacts`` are those of the alert's home."""

    page: Page
    people: Mapping[int, str]
    named: Mapping[str, str]
    contacts: tuple[ContactView, ...] = ()

    @classmethod
    def read(cls, page: Page, session: Session) -> "Recipients":
        """Read the names of a community's people, groups and rotas."""
        people = {each.id: each.name for each in users(session, page.community.id)}
        return cls(page, people, target_names(session, page.community.id))

    def of_home(self, contacts: tuple[ContactView, ...]) -> "Recipients":
        """Give the same with a home's contacts."""
        return replace(self, contacts=contacts)

    def say_all(self, recipients: Iterable[str]) -> str:
        """Name whom messages are for."""
        return " · ".join(self.say(one) for one in recipients)

    def say(self, recipient: str) -> str:
        """Say whom a message is for, or whom a plan calls."""
        if recipient == FIRST:
            return self.page.text("whoever was told first")
        kind, _, name = recipient.partition(":")
        match kind:
            case "family":
                return self.page.text(words.ROLE["family"])
            case "role" if name in words.ROLE:
                return self.page.text(words.ROLE[name])
            case "user" if name.isdecimal():
                return self.people.get(int(name), name)
            case "contacts" | "contact":
                return self.contact(name.rpartition(":")[2])
            case _:
                return self.named.get(recipient, name)

    def contact(self, number: str | int) -> str:
        """Name a contact of the home by their place in the order."""
        of_home = self.contacts[int(number) - 1 : int(number)]
        if of_home:
            return of_home[0].name
        return self.page.text("contact %(n)s of the home", n=number)
