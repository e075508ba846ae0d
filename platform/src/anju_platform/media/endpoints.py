"""HTTP of pictures: gateways put snapshots, people look at them and at photos."""

from collections.abc import Callable
from typing import Annotated, Any

from fastapi import APIRouter, Depends, Header, HTTPException, Request, Response
from fastapi.security import HTTPBearer
from sqlalchemy.orm import Session
from starlette.concurrency import run_in_threadpool

from anju_platform.auth.actor import Actor
from anju_platform.auth.dependencies import Database, require
from anju_platform.auth.rights import Right
from anju_platform.config import Settings
from anju_platform.database import reading, transaction
from anju_platform.errors import NotAuthenticatedError
from anju_platform.media import service
from anju_platform.media.model import Media

_JPEG = {"content": {service.CONTENT_TYPE: {}}, "description": "The picture."}
_BODY = {
    "requestBody": {
        "required": True,
        "content": {service.CONTENT_TYPE: {"schema": {"type": "string", "format": "binary"}}},
    }
}


_NOTHING: dict[str, Any] = {"text/plain": {"schema": {"type": "string"}, "example": ""}}


def gateway_router(stored: Callable[[Session, int, str], None]) -> APIRouter:
    """Make what gateways use; ``stored(session, community_id, id)`` hears of new snapshots."""
    made = APIRouter(tags=["gateway"])

    @made.put(
        "/gateway/snapshots/{media_id}",
        status_code=201,
        response_class=Response,
        openapi_extra=_BODY,
        dependencies=[Depends(HTTPBearer(auto_error=False, description="A gateway's secret."))],
        responses={
            200: {"description": "It was here already.", "content": _NOTHING},
            201: {"description": "It is kept.", "content": _NOTHING},
        },
    )
    async def put_snapshot(
        request: Request,
        database: Database,
        media_id: str,
        x_anju_gateway: Annotated[str, Header(max_length=129)],
        authorization: Annotated[str, Header(max_length=512)] = "",
    ) -> Response:
        """Keep a snapshot an alert needs (gateways only, with their secret as bearer)."""
        scheme, _, secret = authorization.partition(" ")
        if scheme.lower() != "bearer":
            raise NotAuthenticatedError("send the gateway's secret as 'Authorization: Bearer ...'")
        settings: Settings = request.app.state.settings

        def check() -> None:
            with reading(database) as session:
                service.authenticate(session, x_anju_gateway, secret)

        def keep(content: bytes) -> bool:
            with transaction(database) as session:
                gateway = service.authenticate(session, x_anju_gateway, secret)
                days = settings.media_keep_days
                new = service.store(session, gateway, media_id, content, keep_days=days)
                if new:
                    stored(session, gateway.community_id, media_id)
                return new

        await run_in_threadpool(check)  # nobody unknown makes us read megabytes
        new = await run_in_threadpool(keep, await whole_body(request, service.MAX_BYTES))
        return Response(status_code=201 if new else 200)

    return made


def looking_router(may_look: Callable[[Session, Actor, Media], bool]) -> APIRouter:
    """Make what people look through; ``may_look`` says whether a picture is for somebody."""
    made = APIRouter(tags=["media"])

    @made.get("/media/{media_id}", response_class=Response, responses={200: _JPEG})
    def get_picture(
        database: Database,
        actor: Annotated[Actor, require(Right.SEE_ALERTS)],
        media_id: str,
        if_none_match: Annotated[str | None, Header(include_in_schema=False)] = None,
    ) -> Response:
        """Look at a snapshot or a photo; the look is audited."""
        with transaction(database) as session:
            media = service.view(
                session, actor, media_id, may_look=lambda each: may_look(session, actor, each)
            )
        # a duty desk's browser is used by many: it may keep the picture, but must ask every time
        headers = {
            "Cache-Control": "private, no-cache",
            "Content-Disposition": "inline",
            "ETag": f'"{media.sha256}"',
        }
        if if_none_match == headers["ETag"]:
            return Response(status_code=304, headers=headers)
        return Response(media.content, media_type=media.content_type, headers=headers)

    return made


async def whole_body(request: Request, most: int) -> bytes:
    """Read a picture that is sent as the body.

    Raises:
        HTTPException: it has more than ``most`` bytes.
    """
    content = bytearray()
    async for chunk in request.stream():
        content += chunk
        if len(content) > most:
            raise HTTPException(413, f"a picture has {most} bytes at most here")
    return bytes(content)
