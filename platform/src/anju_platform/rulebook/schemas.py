"""What screens and the JSON API see of rules: frozen views, and what an editor sends."""

from datetime import datetime
from enum import StrEnum

from pydantic import BaseModel, ConfigDict, Field


class View(BaseModel):
    """A frozen answer."""

    model_config = ConfigDict(frozen=True)


class RuleOrigin(StrEnum):
    """Where a rule comes from: built in, built in with versions of the community's, or its own."""

    LIBRARY = "library"
    OVERRIDE = "override"
    OWN = "own"


class RuleRow(View):
    """One rule, as a row of the list.

    ``version`` is in force (null: none, the rule is not ``active``); ``of_library`` says that
    it is the library's. ``latest_version`` is the newest there is: what a new one is
    ``based_on``. ``activation`` numbers the last change of what is in force (0: none yet),
    made by ``changed_by`` for a ``reason``. ``fault`` says why another version is in force
    than was asked for.
    """

    id: str
    title: str
    title_en: str
    icon: str
    severity: int | None
    models: tuple[str, ...]
    notify: tuple[str, ...]
    origin: RuleOrigin
    active: bool
    version: int | None
    of_library: bool
    latest_version: int
    library_version: int | None
    activation: int
    changed_at: datetime | None
    changed_by: str | None
    reason: str | None
    fault: str | None


class VersionRow(View):
    """One version; of the library's own nobody is named. ``fault``: it cannot be read."""

    version: int
    of_library: bool
    made_by: str | None
    made_at: datetime | None
    note: str
    fault: str | None


class ActivationRow(View):
    """One change of what is in force; ``version`` null: the rule was switched off."""

    number: int
    version: int | None
    of_library: bool
    reason: str
    by: str
    at: datetime


class RuleDetail(View):
    """All about one rule; ``text`` is what is in force, else the newest. Newest first."""

    rule: RuleRow
    text: str
    versions: tuple[VersionRow, ...]
    activations: tuple[ActivationRow, ...]


class RuleText(View):
    """One version's text as written, and in the form in which versions are compared."""

    id: str
    version: int
    of_library: bool
    text: str
    canonical: str | None


class FieldChangeView(View):
    """A field that differs, named as ``params.least``; values as JSON, null where it is not."""

    field: str
    old: str | None
    new: str | None


class RuleDiff(View):
    """How two versions differ: a unified diff of their canonical texts, and field by field."""

    old: int
    new: int
    text: str
    fields: tuple[FieldChangeView, ...]


class TextFault(View):
    """What is wrong in a text, and where, if that is known; both count from 1."""

    message: str
    line: int | None
    column: int | None


class TrialView(View):
    """One of a rule's own tests; ``problem`` is empty when it passed."""

    name: str
    problem: str


class CheckResult(View):
    """What saving and activating a text would say. ``id`` is null when it is no rule."""

    id: str | None
    faults: tuple[TextFault, ...]
    trials: tuple[TrialView, ...]
    may_be_saved: bool
    may_be_activated: bool


class CheckRequest(BaseModel):
    """A text to look at."""

    text: str


class CreateRequest(CheckRequest):
    """A rule the community has no version of yet; its id stands in the text."""

    note: str = Field(default="", max_length=2000)


class SaveRequest(CreateRequest):
    """A new version; ``based_on`` is the ``latest_version`` that was seen."""

    based_on: int = Field(ge=1)


class DeactivateRequest(BaseModel):
    """Switch a rule off; ``seen`` is the number of the last activation that was seen."""

    reason: str = Field(max_length=2000)
    seen: int = Field(ge=0)


class ActivateRequest(DeactivateRequest):
    """Put a version in force; null: the library's own."""

    version: int | None = Field(ge=1)
