"""HTTP of rules: what is in force in a community, and the editor's versions and activations."""

from typing import Annotated

from fastapi import APIRouter, Query

from anju_platform.auth.actor import Actor
from anju_platform.auth.dependencies import Database, require
from anju_platform.auth.rights import Right
from anju_platform.database import reading, transaction
from anju_platform.rulebook import overview, service
from anju_platform.rulebook.proof import prove
from anju_platform.rulebook.schemas import (
    ActivateRequest,
    CheckRequest,
    CheckResult,
    CreateRequest,
    DeactivateRequest,
    RuleDetail,
    RuleDiff,
    RuleRow,
    RuleText,
    SaveRequest,
)

router = APIRouter(prefix="/rules", tags=["rules"])


@router.get("")
def list_rules(
    database: Database, actor: Annotated[Actor, require(Right.SEE_RULES)]
) -> tuple[RuleRow, ...]:
    """Give every rule of the library and the community, and what of it is in force."""
    with reading(database) as session:
        return overview.rows(session, actor.community_id)


@router.post("", status_code=201)
def create(
    database: Database, actor: Annotated[Actor, require(Right.KEEP_RULES)], request: CreateRequest
) -> RuleDetail:
    """Make the first version of a rule; the id of a library rule overrides that one."""
    with transaction(database) as session:
        rule_id = service.create(session, actor, text=request.text, note=request.note)
        return overview.detail(session, actor.community_id, rule_id)


@router.post("/check")
def check(actor: Annotated[Actor, require(Right.KEEP_RULES)], request: CheckRequest) -> CheckResult:
    """Tell what is wrong with a text, and run its own tests; nothing is kept."""
    del actor
    return overview.check(request.text)


@router.get("/{rule_id}")
def rule(
    database: Database, actor: Annotated[Actor, require(Right.SEE_RULES)], rule_id: str
) -> RuleDetail:
    """Give all about one rule: its text, its versions, what was in force when and why."""
    with reading(database) as session:
        return overview.detail(session, actor.community_id, rule_id)


@router.get("/{rule_id}/versions/{version}")
def version_text(
    database: Database,
    actor: Annotated[Actor, require(Right.SEE_RULES)],
    rule_id: str,
    version: int,
) -> RuleText:
    """Give one version's text, the library's own included."""
    with reading(database) as session:
        return overview.text_of(session, actor.community_id, rule_id, version)


@router.post("/{rule_id}/versions", status_code=201)
def save(
    database: Database,
    actor: Annotated[Actor, require(Right.KEEP_RULES)],
    rule_id: str,
    request: SaveRequest,
) -> RuleDetail:
    """Make a new version; if somebody has made another meanwhile, 409 with the present state."""
    with transaction(database) as session:
        service.save(
            session,
            actor,
            rule_id,
            text=request.text,
            note=request.note,
            based_on=request.based_on,
        )
        return overview.detail(session, actor.community_id, rule_id)


@router.post("/{rule_id}/activate")
def activate(
    database: Database,
    actor: Annotated[Actor, require(Right.KEEP_RULES)],
    rule_id: str,
    request: ActivateRequest,
) -> RuleDetail:
    """Put any version in force, once its own tests pass; the first wins, the second gets 409."""
    with reading(database) as session:
        text = service.text_to_prove(session, actor, rule_id, request.version)
    service.demand_proof(prove(text))  # it may take seconds: no session waits for it
    with transaction(database) as session:
        service.activate(
            session,
            actor,
            rule_id,
            version=request.version,
            reason=request.reason,
            seen=request.seen,
        )
        return overview.detail(session, actor.community_id, rule_id)


@router.post("/{rule_id}/deactivate")
def deactivate(
    database: Database,
    actor: Annotated[Actor, require(Right.KEEP_RULES)],
    rule_id: str,
    request: DeactivateRequest,
) -> RuleDetail:
    """Switch a rule off, also one of the library; its open alerts become unknown."""
    with transaction(database) as session:
        service.deactivate(session, actor, rule_id, reason=request.reason, seen=request.seen)
        return overview.detail(session, actor.community_id, rule_id)


@router.get("/{rule_id}/diff")
def diff(
    database: Database,
    actor: Annotated[Actor, require(Right.SEE_RULES)],
    rule_id: str,
    old: Annotated[int, Query(ge=1)],
    new: Annotated[int, Query(ge=1)],
) -> RuleDiff:
    """Give how two versions differ, the library's own included."""
    with reading(database) as session:
        return overview.diff(session, actor.community_id, rule_id, old=old, new=new)
