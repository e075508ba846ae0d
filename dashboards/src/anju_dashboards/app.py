"""The web process: the platform's API with the screens in front of it."""

from fastapi import FastAPI
from starlette.middleware.gzip import GZipMiddleware
from starlette.responses import Response
from starlette.staticfiles import StaticFiles
from starlette.types import Scope

from anju_dashboards import live
from anju_dashboards.account import oidc as account_oidc
from anju_dashboards.account import tokens
from anju_dashboards.account import views as account
from anju_dashboards.alerts import emergency, history
from anju_dashboards.alerts import views as alerts
from anju_dashboards.audit import views as audit
from anju_dashboards.consent import homes as consent_homes
from anju_dashboards.consent import views as consent
from anju_dashboards.devices import admitting
from anju_dashboards.devices import views as devices
from anju_dashboards.drawings import Drawings
from anju_dashboards.duty import views as duty
from anju_dashboards.escalation import views as escalation
from anju_dashboards.failures import answer_failures
from anju_dashboards.family import views as family
from anju_dashboards.homes import importing as home_imports
from anju_dashboards.homes import views as homes
from anju_dashboards.login import oidc as login_oidc
from anju_dashboards.login import views as login
from anju_dashboards.maintenance import views as maintenance
from anju_dashboards.people import roster
from anju_dashboards.people import views as people
from anju_dashboards.places import plan
from anju_dashboards.places import views as places
from anju_dashboards.reach import views as reach
from anju_dashboards.rendering import STATIC, Renderer
from anju_dashboards.reports import views as reports
from anju_dashboards.rules import backtests
from anju_dashboards.rules import views as rules
from anju_dashboards.shelved import views as shelved
from anju_dashboards.system import quarantine
from anju_dashboards.system import views as system
from anju_dashboards.wall import views as wall
from anju_dashboards.webhooks import views as webhooks
from anju_platform import api
from anju_platform.config import Settings


def create_app(settings: Settings | None = None) -> FastAPI:
    """Build the web process's application; without ``settings`` the environment's are read."""
    app = api.create_app(settings)
    app.state.renderer = Renderer()
    app.state.drawings = Drawings()
    for part in (
        login,
        login_oidc,
        account,
        account_oidc,
        tokens,
        wall,
        alerts,
        emergency,
        history,
        devices,
        maintenance,
        admitting,
        system,
        quarantine,
        reach,
        webhooks,
        roster,
        people,
        consent_homes,
        consent,
        family,
        home_imports,
        homes,
        reports,
        duty,
        escalation,
        rules,
        places,
        plan,
        audit,
        shelved,
        backtests,
        live,
    ):
        app.include_router(part.router)
    # our own files alone: what pages say to somebody is not packed, for its length would tell
    app.mount("/static", GZipMiddleware(Assets(directory=STATIC)), name="static")
    answer_failures(app)
    return app


class Assets(StaticFiles):
    """Our files: what carries its version in its address may be kept, the rest is asked for."""

    async def get_response(self, path: str, scope: Scope) -> Response:
        """Answer with a file and how long it may be kept."""
        answer = await super().get_response(path, scope)
        kept = path.startswith("vendor")
        answer.headers["Cache-Control"] = (
            "public, max-age=31536000, immutable" if kept else "no-cache"
        )
        return answer
