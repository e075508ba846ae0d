"""What administrators do about rules: make versions, put them in force, switch them off.

Versions and activations are numbered by rule; whoever adds one names the last that was seen,
and of two who add at the same moment the database takes one.
"""

from collections.abc import Sequence

from sqlalchemy.orm import Session

from anju_platform.audit.service import record
from anju_platform.auth.actor import Actor
from anju_platform.database import Json, now
from anju_platform.errors import ConflictError, InvalidRequestError
from anju_platform.rulebook import listing, repository
from anju_platform.rulebook.model import RuleActivation, RuleVersion
from anju_platform.rulebook.overview import (
    Known,
    demand_rule,
    known_rule,
    row_of,
    version_of,
)
from anju_platform.rulebook.proof import TrialResult
from anju_platform.rulebook.schemas import RuleRow
from anju_platform.rulebook.texts import demand_new

MOST_RULES = 500
"""So many rules a community may make or override."""
_MOST_LETTERS = 2000
"""Of what is said about tests that fail."""


class RuleChangedError(ConflictError):
    """Somebody was faster, or it is so already; ``rule`` is the present state."""

    title = "The rule has changed meanwhile"

    def __init__(self, phrase: str, rule: RuleRow, **values: object) -> None:
        super().__init__(phrase, **values)
        self.rule = rule

    def members(self) -> Json:
        """Give the rule as it is now."""
        return {"rule": self.rule.model_dump(mode="json")}


class TrialsFailedError(InvalidRequestError):
    """A rule's own tests do not pass, or it has none; ``trials`` are their results."""

    title = "The rule's own tests do not pass"

    def __init__(self, phrase: str, trials: Sequence[TrialResult], **values: object) -> None:
        super().__init__(phrase, **values)
        self.trials = tuple(trials)

    def members(self) -> Json:
        """Give how each test went."""
        return {"trials": [{"name": t.name, "problem": t.problem} for t in self.trials]}


def create(session: Session, actor: Actor, *, text: str, note: str) -> str:
    """Make the first version of a rule the community has none of; gives the rule's id.

    With the id of a library rule it is made to take that one's place, once it is activated.

    Raises:
        InvalidRequestError: the text is no rule that could be kept, or there are too many.
        RuleChangedError: the community has versions of that rule.
    """
    rule_id = demand_new(text).id
    known = known_rule(session, actor.community_id, rule_id)
    if known.versions:
        raise RuleChangedError(
            "there is a rule {rule_id!r} already", row_of(known), rule_id=rule_id
        )
    if listing.count_own(session, actor.community_id) >= MOST_RULES:
        raise InvalidRequestError(
            "a community has {most} rules of its own at most", most=MOST_RULES
        )
    _add_version(session, actor, known, text=text, note=note, action="rule.created")
    return rule_id


def save(
    session: Session, actor: Actor, rule_id: str, *, text: str, note: str, based_on: int
) -> None:
    """Make a new version of a rule; what is in force stays so.

    Raises:
        NotFoundError: neither the library nor the community has such a rule.
        InvalidRequestError: the text is no rule that could be kept, or of another id.
        RuleChangedError: somebody has made another version since ``based_on``.
    """
    known = demand_rule(session, actor.community_id, rule_id)
    rule = demand_new(text)
    if rule.id != rule_id:
        raise InvalidRequestError(
            "the text is of the rule {own!r}, not {rule_id!r}", own=rule.id, rule_id=rule_id
        )
    if known.latest != based_on:
        raise RuleChangedError(
            "somebody has saved version {version} since you looked; look again",
            row_of(known),
            version=known.latest,
        )
    _add_version(session, actor, known, text=text, note=note, action="rule.saved")


def _add_version(
    session: Session, actor: Actor, known: Known, *, text: str, note: str, action: str
) -> None:
    version = known.latest + 1
    added = repository.add_version(
        session,
        RuleVersion(
            community_id=actor.community_id,
            rule_id=known.id,
            version=version,
            text=text,
            note=note.strip(),
            made_by=actor.user_id,
            made_at=now(),
        ),
    )
    if not added:
        present = known_rule(session, actor.community_id, known.id)
        raise RuleChangedError(
            "somebody has saved version {version} at the same moment; look again",
            row_of(present),
            version=version,
        )
    record(session, actor, action, f"rule:{known.id}", {"version": version, "note": note.strip()})


def text_to_prove(session: Session, actor: Actor, rule_id: str, version: int | None) -> str:
    """Give the text of a version that somebody wants in force (null: the library's).

    Raises:
        NotFoundError: there is no such rule or version.
        InvalidRequestError: this release cannot read it, or it names what there is not.
    """
    known = demand_rule(session, actor.community_id, rule_id)
    _, text = version_of(known, version)
    demand_new(text)
    return text


def demand_proof(trials: Sequence[TrialResult]) -> None:
    """Refuse a rule whose tests do not show that it does what it is meant to do.

    Raises:
        TrialsFailedError: there is no test, or one fails.
    """
    if not trials:
        raise TrialsFailedError("a rule needs a test of its own before it is put in force", ())
    failed = [trial for trial in trials if trial.problem]
    if failed:
        what = "; ".join(f"{trial.name}: {trial.problem}" for trial in failed)
        raise TrialsFailedError(
            "{failed} of its {all} tests fail: {what}",
            trials,
            failed=len(failed),
            all=len(trials),
            what=what[:_MOST_LETTERS],
        )


def activate(
    session: Session, actor: Actor, rule_id: str, *, version: int | None, reason: str, seen: int
) -> None:
    """Put a version in force (null: the library's); ingest takes it over within a second.

    The caller has proved it: see :func:`text_to_prove`. Doing so twice is the same as once.

    Raises:
        NotFoundError: there is no such rule or version.
        InvalidRequestError: no reason was given.
        RuleChangedError: somebody has changed what is in force since ``seen``, or it is so.
    """
    known = demand_rule(session, actor.community_id, rule_id)
    of_library, _ = version_of(known, version)
    wanted = known.library.version if of_library and known.library else version
    if _is_repeated(known, actor, wanted, of_library, reason, seen):
        return
    _demand_seen(known, seen)
    if known.is_in_force(wanted, of_library=of_library):
        raise RuleChangedError("version {wanted} is in force already", row_of(known), wanted=wanted)
    _add_activation(session, actor, known, version=wanted, of_library=of_library, reason=reason)


def deactivate(session: Session, actor: Actor, rule_id: str, *, reason: str, seen: int) -> None:
    """Switch a rule off, also one of the library; its open alerts become unknown.

    Raises:
        NotFoundError: there is no such rule.
        InvalidRequestError: no reason was given.
        RuleChangedError: somebody has changed what is in force since ``seen``, or it is off.
    """
    known = demand_rule(session, actor.community_id, rule_id)
    if _is_repeated(known, actor, None, False, reason, seen):  # noqa: FBT003 - named above
        return
    _demand_seen(known, seen)
    last = known.activations[0] if known.activations else None
    if (last is not None and last.version is None) or (last is None and known.library is None):
        raise RuleChangedError("it is not in force", row_of(known))
    _add_activation(session, actor, known, version=None, of_library=False, reason=reason)


def _is_repeated(  # noqa: PLR0917 - what an activation consists of
    known: Known, actor: Actor, version: int | None, of_library: bool, reason: str, seen: int
) -> bool:
    """Tell whether this person has asked for the very same just now (a button pressed twice)."""
    last = known.activations[0] if known.activations else None
    return last is not None and (
        last.number == seen + 1
        and last.user_id == actor.user_id
        and (last.version, last.of_library) == (version, of_library)
        and last.reason == reason.strip()
    )


def _demand_seen(known: Known, seen: int) -> None:
    last = known.activations[0] if known.activations else None
    if last is None:
        if seen:
            raise RuleChangedError("it has never been changed; look again", row_of(known))
    elif last.number != seen:
        raise RuleChangedError(
            "{by} has switched it off since you looked: {reason}"
            if last.version is None
            else "{by} has activated version {version} since you looked: {reason}",
            row_of(known),
            by=last.by,
            version=last.version,
            reason=last.reason,
        )


def _add_activation(
    session: Session,
    actor: Actor,
    known: Known,
    *,
    version: int | None,
    of_library: bool,
    reason: str,
) -> None:
    if not reason.strip():
        raise InvalidRequestError("say why: whoever reads the log must understand it")
    number = known.activations[0].number + 1 if known.activations else 1
    added = repository.add_activation(
        session,
        RuleActivation(
            community_id=actor.community_id,
            rule_id=known.id,
            number=number,
            version=version,
            of_library=of_library,
            reason=reason.strip(),
            made_by=actor.user_id,
            made_at=now(),
        ),
    )
    if not added:
        _demand_seen(known_rule(session, actor.community_id, known.id), number - 1)
    action = "rule.deactivated" if version is None else "rule.activated"
    said = {"version": version, "of_library": of_library, "reason": reason.strip()}
    record(session, actor, action, f"rule:{known.id}", said)
