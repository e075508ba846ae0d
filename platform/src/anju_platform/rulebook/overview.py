"""What there is to see of rules: the list, one in full, two versions compared, a text checked."""

from collections.abc import Sequence
from dataclasses import dataclass
from functools import cache

from sqlalchemy.orm import Session

from anju_platform.errors import InvalidRequestError, NotFoundError
from anju_platform.rulebook import force, listing
from anju_platform.rulebook.force import Choice, Library
from anju_platform.rulebook.listing import Activation, Version
from anju_platform.rulebook.proof import prove
from anju_platform.rulebook.schemas import (
    ActivationRow,
    CheckResult,
    FieldChangeView,
    RuleDetail,
    RuleDiff,
    RuleOrigin,
    RuleRow,
    RuleText,
    TextFault,
    TrialView,
    VersionRow,
)
from anju_platform.rulebook.texts import (
    NAME,
    canonical,
    changes,
    difference,
    library_texts,
    read_new,
    read_version,
)
from anju_rules import InvalidRuleError, Rule, load_library


@cache
def library() -> Library:
    """Give the built-in rules by their ids."""
    return {rule.id: rule for rule in load_library()}


@dataclass(frozen=True, slots=True)
class Known:
    """What is known of one rule id in a community; newest first (in lists, the newest only)."""

    id: str
    library: Rule | None
    versions: Sequence[Version]
    activations: Sequence[Activation]
    choice: Choice | None

    @property
    def latest(self) -> int:
        """The newest version there is, the library's own included; 0: none."""
        own = self.versions[0].version if self.versions else 0
        return max(own, self.library.version if self.library else 0)

    @property
    def in_force(self) -> Rule | None:
        """What is judged by."""
        return self.choice.rule if self.choice is not None else self.library

    @property
    def is_librarys(self) -> bool:
        """Whether what is in force is the library's."""
        return self.choice.of_library if self.choice is not None else self.library is not None

    def is_in_force(self, version: int | None, *, of_library: bool) -> bool:
        """Tell whether that is what was chosen, and is what is judged by."""
        rule, fault = self.in_force, self.choice.fault if self.choice else ""
        return (
            rule is not None
            and not fault
            and (rule.version, self.is_librarys) == (version, of_library)
        )


def known_rule(session: Session, community_id: int, rule_id: str) -> Known:
    """Give what a community has of a rule id, which may be nothing."""
    while True:
        chosen = force.load(session, library(), community_id, rule_id).get(community_id, {})
        known = Known(
            rule_id,
            library().get(rule_id),
            listing.versions(session, community_id, rule_id),
            listing.activations(session, community_id, rule_id),
            chosen.get(rule_id),
        )
        # somebody may choose between two of these looks
        chose = known.choice.activation.number if known.choice else 0
        if chose == (known.activations[0].number if known.activations else 0):
            return known


def demand_rule(session: Session, community_id: int, rule_id: str) -> Known:
    """Give a rule of the library or the community.

    Raises:
        NotFoundError: there is none of that id.
    """
    known = known_rule(session, community_id, rule_id)
    if known.library is None and not known.versions:
        raise NotFoundError("there is no rule {rule_id!r}", rule_id=rule_id)
    return known


def version_of(known: Known, version: int | None) -> tuple[bool, str]:
    """Give (whether it is the library's, the text) of a version; null: the library's.

    Raises:
        NotFoundError: there is no such version.
    """
    for own in known.versions:
        if own.version == version:
            return False, own.text
    if known.library is not None and version in {None, known.library.version}:
        return True, library_texts()[known.id]
    raise NotFoundError(
        "the library has no rule {rule!r}"
        if version is None
        else "there is no version {version} of the rule {rule!r}",
        rule=known.id,
        version=version,
    )


def rows(session: Session, community_id: int) -> tuple[RuleRow, ...]:
    """Give every rule of the library and the community, by its id."""
    newest = listing.latest_versions(session, community_id)
    chosen = force.load(session, library(), community_id).get(community_id, {})
    found = []
    for rule_id in sorted({*library(), *newest}):
        choice = chosen.get(rule_id)
        known = Known(
            rule_id,
            library().get(rule_id),
            [newest[rule_id]] if rule_id in newest else [],
            [choice.activation] if choice else [],
            choice,
        )
        found.append(row_of(known))
    return tuple(found)


def row_of(known: Known) -> RuleRow:
    """Give a rule as a row; one that is not in force is shown as its newest version says."""
    in_force, last = known.in_force, known.activations[0] if known.activations else None
    shown = in_force or _newest(known)
    return RuleRow(
        id=known.id,
        title=shown.title.zh if shown else known.id,
        title_en=shown.title.en if shown else known.id,
        icon=shown.icon if shown else "",
        severity=shown.severity if shown else None,
        models=shown.models if shown else (),
        notify=shown.notify if shown else (),
        origin=_origin(known),
        active=in_force is not None,
        version=in_force.version if in_force else None,
        of_library=known.is_librarys,
        latest_version=known.latest,
        library_version=known.library.version if known.library else None,
        activation=last.number if last else 0,
        changed_at=last.at if last else None,
        changed_by=last.by if last else None,
        reason=last.reason if last else None,
        fault=(known.choice.fault or None) if known.choice else None,
    )


def _origin(known: Known) -> RuleOrigin:
    if known.library is None:
        return RuleOrigin.OWN
    return RuleOrigin.OVERRIDE if known.versions else RuleOrigin.LIBRARY


def _newest(known: Known) -> Rule | None:
    if known.versions:
        newest = known.versions[0]
        read = read_version(newest.text, known.id, newest.version)
        if isinstance(read, Rule):
            return read
    return known.library


def detail(session: Session, community_id: int, rule_id: str) -> RuleDetail:
    """Give all about one rule.

    Raises:
        NotFoundError: there is none of that id.
    """
    known = demand_rule(session, community_id, rule_id)
    row = row_of(known)
    own = [
        VersionRow(
            version=one.version,
            of_library=False,
            made_by=one.by,
            made_at=one.at,
            note=one.note,
            fault=_fault(one),
        )
        for one in known.versions
    ]
    shown = row.version if row.version is not None and not row.of_library else None
    if shown is None and (known.library is None or not row.active):
        shown = known.versions[0].version if known.versions else None
    return RuleDetail(
        rule=row,
        text=version_of(known, shown)[1],
        versions=(*own, *_of_library(known)),
        activations=tuple(
            ActivationRow(
                number=one.number,
                version=one.version,
                of_library=one.of_library,
                reason=one.reason,
                by=one.by,
                at=one.at,
            )
            for one in known.activations
        ),
    )


def _of_library(known: Known) -> list[VersionRow]:
    if known.library is None:
        return []
    return [
        VersionRow(
            version=known.library.version,
            of_library=True,
            made_by=None,
            made_at=None,
            note="",
            fault=None,
        )
    ]


def _fault(one: Version) -> str | None:
    read = read_version(one.text, one.rule_id, one.version)
    return str(read) if isinstance(read, InvalidRuleError) else None


def text_of(session: Session, community_id: int, rule_id: str, version: int) -> RuleText:
    """Give one version's text.

    Raises:
        NotFoundError: there is no such rule or version.
    """
    known = demand_rule(session, community_id, rule_id)
    of_library, text = version_of(known, version)
    readable = isinstance(read_version(text, rule_id, version), Rule)
    return RuleText(
        id=rule_id,
        version=version,
        of_library=of_library,
        text=text,
        canonical=canonical(text) if readable else None,
    )


def diff(session: Session, community_id: int, rule_id: str, *, old: int, new: int) -> RuleDiff:
    """Give how two versions of a rule differ, the library's own included.

    Raises:
        NotFoundError: there is no such rule or version.
        InvalidRequestError: this release cannot read one of them.
    """
    known = demand_rule(session, community_id, rule_id)
    before, after = _readable(known, old), _readable(known, new)
    names = (f"{rule_id} version {old}", f"{rule_id} version {new}")
    return RuleDiff(
        old=old,
        new=new,
        text=difference(before, after, names),
        fields=tuple(
            FieldChangeView(field=one.field, old=one.old, new=one.new)
            for one in changes(before, after)
        ),
    )


def _readable(known: Known, version: int) -> str:
    _, text = version_of(known, version)
    read = read_version(text, known.id, version)
    if isinstance(read, InvalidRuleError):
        raise InvalidRequestError(
            "version {version} cannot be read: {read}", version=version, read=read
        )
    return text


def check(text: str) -> CheckResult:
    """Tell what is wrong with a text, and run its tests if it is a rule; nothing is kept."""
    try:
        rule = read_new(text)
    except InvalidRuleError as error:
        return CheckResult(
            id=None,
            faults=tuple(_faults(error)),
            trials=(),
            may_be_saved=False,
            may_be_activated=False,
        )
    trials = tuple(TrialView(name=t.name, problem=t.problem) for t in prove(text))
    return CheckResult(
        id=rule.id,
        faults=(),
        trials=trials,
        may_be_saved=True,
        may_be_activated=bool(trials) and not any(trial.problem for trial in trials),
    )


def _faults(error: InvalidRuleError) -> list[TextFault]:
    """Give what is wrong with a text, each with its place where one is known."""
    placed = [TextFault(message=str(one), line=one.line, column=one.column) for one in error.faults]
    if placed:
        return placed
    said = str(error).splitlines()
    return [
        TextFault(message=line.removeprefix(f"{NAME}:").strip(), line=None, column=None)
        for line in said
    ]
