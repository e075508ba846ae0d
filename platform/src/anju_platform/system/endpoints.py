"""HTTP of how the platform is doing."""

import hmac
from http import HTTPStatus
from typing import Annotated

from fastapi import APIRouter, Query, Request, Response
from fastapi.responses import PlainTextResponse
from prometheus_client import CONTENT_TYPE_LATEST
from pydantic import AwareDatetime, BaseModel, Field

from anju_platform.audit import repository as audit
from anju_platform.audit.repository import AuditFilter
from anju_platform.audit.service import record
from anju_platform.auth.actor import Actor
from anju_platform.auth.dependencies import Database, require
from anju_platform.auth.rights import Right
from anju_platform.config import Settings
from anju_platform.database import reading, transaction
from anju_platform.errors import ForbiddenError
from anju_platform.paging import Number
from anju_platform.system import repository
from anju_platform.system.health import look
from anju_platform.system.metrics import exposition
from anju_platform.system.schemas import AuditPage, AuditView, QuarantinePage, Readiness, SystemView
from anju_platform.system.service import system_view

router = APIRouter(tags=["system"])
probes = APIRouter(tags=["probes"])

_LOOPBACK = {"127.0.0.1", "::1"}


@router.get("/system")
def system(
    request: Request, database: Database, actor: Annotated[Actor, require(Right.SEE_SYSTEM)]
) -> SystemView:
    """Tell how the platform is doing: gateways, lag, rates, outbox, quarantine, storage."""
    state = request.app.state
    with reading(database) as session:
        return system_view(
            session,
            actor.community_id,
            live_screens=state.feed.live_screens(actor.community_id),
            rate=state.points_rate,
            unclaimed=actor.everywhere,
        )


@router.get("/quarantine")
def quarantine(
    database: Database,
    actor: Annotated[Actor, require(Right.SEE_SYSTEM)],
    *,
    waiting: bool = True,
    reason: Annotated[str | None, Query(max_length=64)] = None,
    after: Annotated[Number | None, Query()] = None,
    page: Annotated[int, Query(ge=1, le=100_000)] = 1,
    size: Annotated[int, Query(ge=1, le=200)] = 50,
) -> QuarantinePage:
    """Give one page of what could not be taken in, newest first.

    What was said is left out for whoever may not read health values, else the look is audited.
    """
    with transaction(database) as session:
        found = repository.quarantine_page(
            session,
            actor,
            waiting=waiting,
            reason=reason,
            page=page,
            size=size,
            after=after,
            unclaimed=actor.everywhere,
        )
        if not actor.may(Right.SEE_HEALTH):
            return found.without_payloads()
        record(session, actor, "care.read", "quarantine", {"rows": len(found.rows)})
        return found


class AuditQuery(BaseModel):
    """Which entries: of what, and after which ``next`` of the page before."""

    action: Annotated[str, Field(max_length=64)] | None = None
    subject: Annotated[str, Field(max_length=128)] | None = None
    person: Annotated[str, Field(max_length=64)] | None = None
    since: AwareDatetime | None = None
    before: AwareDatetime | None = None
    after: Number | None = None
    limit: int = Field(default=100, ge=1, le=500)


@router.get("/audit")
def audit_entries(
    database: Database,
    actor: Annotated[Actor, require(Right.READ_AUDIT)],
    query: Annotated[AuditQuery, Query()],
) -> AuditPage:
    """Give who did and saw what, newest first.

    ``action`` is a whole word, or a group that ends in a dot, such as ``rule.``.
    """
    wanted = AuditFilter(
        action=query.action,
        subject=query.subject,
        person=query.person,
        since=query.since,
        before=query.before,
    )
    with reading(database) as session:
        found, onward = audit.entries_after(
            session, actor.community_id, wanted, after=query.after, limit=query.limit
        )
        items = tuple(AuditView.model_validate(entry, from_attributes=True) for entry in found)
        return AuditPage(items=items, next=onward)


@probes.get("/healthz")
def healthy() -> dict[str, str]:
    """Tell that this process runs."""
    return {"status": "ok"}


@probes.get("/readyz", responses={503: {"model": Readiness}})
def ready(request: Request, database: Database, response: Response) -> Readiness:
    """Tell whether this process can serve, and check by check why not.

    It can when the database answers, has this release's tables, and the live feed hears it.
    How the other processes are is told too (``ingest``, ``worker``, ``outbox``).
    """
    readiness = look(database, feed_is_live=request.app.state.feed.is_live)
    if readiness.error is not None:
        response.status_code = HTTPStatus.SERVICE_UNAVAILABLE
    return readiness


@probes.get("/metrics", response_class=PlainTextResponse)
def metrics(request: Request, database: Database) -> Response:
    """Give Prometheus metrics: to this machine, or to whoever has the token."""
    settings: Settings = request.app.state.settings
    token = settings.metrics_token
    given = request.headers.get("authorization", "").removeprefix("Bearer ")
    allowed = token is not None and hmac.compare_digest(
        given.encode(), token.get_secret_value().encode()
    )
    local = request.client is not None and request.client.host in _LOOPBACK
    if not allowed and not local:
        raise ForbiddenError("metrics are for this machine, or for ANJU_METRICS_TOKEN's bearer")
    content = exposition(database)
    return Response(content, media_type=CONTENT_TYPE_LATEST)
