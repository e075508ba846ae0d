"""Who may do what: every endpoint and every page, by each role, and by people of elsewhere.

The table below is written by hand and not derived from the code: whoever adds an endpoint or a
page says here whom it is for, or this fails.
"""

from __future__ import annotations

import pytest
from fastapi.routing import iter_route_contexts
from rights_house import House

from anju_dashboards.app import create_app
from anju_platform.auth.model import Role
from anju_platform.config import Settings

GUARD, PROPERTY, OFFICE, GRID, FAMILY, INSTALLER, AUDITOR, ADMIN = (
    Role.GUARD,
    Role.PROPERTY,
    Role.OFFICE,
    Role.GRID,
    Role.FAMILY,
    Role.INSTALLER,
    Role.AUDITOR,
    Role.ADMIN,
)
DESK = {GUARD, PROPERTY, OFFICE, ADMIN}
WATCHERS = DESK | {AUDITOR}
KEEPERS = {PROPERTY, OFFICE, ADMIN, AUDITOR}

WHO: tuple[tuple[frozenset[Role], str], ...] = (
    (
        frozenset(Role),
        """
        GET /api/v1/session
        DELETE /api/v1/session
        PUT /api/v1/session/locale
        GET /api/v1/community
        POST /api/v1/receipts
        GET /api/v1/me/logins
        DELETE /api/v1/me/logins
        DELETE /api/v1/me/logins/{login_id}
        GET /api/v1/me/second-factor
        POST /api/v1/me/second-factor
        POST /api/v1/me/second-factor/confirm
        POST /api/v1/me/second-factor/codes
        POST /api/v1/me/second-factor/off
        GET /me/second-factor
        POST /me/second-factor
        POST /me/second-factor/confirm
        POST /me/second-factor/codes
        POST /me/second-factor/off
        GET /me/oidc
        POST /me/oidc
        POST /me/oidc/unlink
        POST /me/logins/end-others
        POST /me/logins/{login_id}/end
        GET /api/v1/me/addresses
        POST /api/v1/me/addresses
        GET /api/v1/me/push-key
        POST /api/v1/me/push
        DELETE /api/v1/me/addresses/{address_id}
        POST /api/v1/me/addresses/{address_id}/test
        POST /api/v1/me/addresses/{address_id}/code
        POST /api/v1/me/addresses/{address_id}/proof
        GET /
        GET /wall
        GET /me
        POST /me/addresses
        POST /me/addresses/{address_id}/remove
        POST /me/addresses/{address_id}/test
        POST /me/addresses/{address_id}/code
        POST /me/addresses/{address_id}/proof
        POST /logout
        POST /language
        """,
    ),
    (
        frozenset(WATCHERS | {GRID}),
        """
        GET /api/v1/alerts
        GET /api/v1/alerts/history
        GET /api/v1/alerts/{alert_id}
        GET /api/v1/media/{media_id}
        GET /api/v1/alerts/{alert_id}/cap
        GET /api/v1/alerts/cap.atom
        GET /alerts
        GET /alerts/{alert_id}
        GET /wall/alerts/{alert_id}
        """,
    ),
    (
        frozenset(WATCHERS),
        """
        GET /api/v1/alerts/counts
        GET /api/v1/alerts/load
        GET /api/v1/stream
        GET /stream
        GET /api/v1/rotas
        GET /api/v1/rotas/{rota_id}/duties
        GET /api/v1/rotas/{rota_id}/hand-overs
        GET /rota
        """,
    ),
    (
        frozenset(DESK | {GRID}),
        """
        POST /api/v1/alerts/{alert_id}/ack
        POST /api/v1/alerts/{alert_id}/comments
        POST /api/v1/alerts/{alert_id}/photos
        POST /api/v1/alerts/{alert_id}/emergency-card
        POST /alerts/{alert_id}/ack
        POST /alerts/{alert_id}/comment
        POST /alerts/{alert_id}/card
        """,
    ),
    (
        frozenset(DESK),
        """
        GET /api/v1/devices/{slug}/events
        GET /api/v1/users
        POST /api/v1/alerts/{alert_id}/dispatch
        POST /api/v1/alerts/{alert_id}/close
        POST /api/v1/alerts/{alert_id}/shelve
        POST /api/v1/alerts/{alert_id}/unshelve
        GET /alerts/{alert_id}/dispatch
        POST /alerts/{alert_id}/dispatch
        GET /alerts/{alert_id}/close
        POST /alerts/{alert_id}/close
        GET /alerts/{alert_id}/shelve
        POST /alerts/{alert_id}/shelve
        POST /alerts/{alert_id}/unshelve
        GET /api/v1/rotas/{rota_id}/hand-overs/open
        POST /api/v1/rotas/{rota_id}/hand-overs
        POST /rota/{rota_id}/take-over
        GET /shelved
        POST /shelved/{alert_id}/end
        """,
    ),
    (
        frozenset({GUARD}),
        """
        PUT /api/v1/screens/{screen}
        DELETE /api/v1/screens/{screen}
        """,
    ),
    (
        frozenset(WATCHERS | {INSTALLER}),
        """
        GET /api/v1/devices
        GET /api/v1/devices/counts
        GET /api/v1/devices/{slug}
        GET /api/v1/places
        GET /api/v1/gateways
        GET /api/v1/plan
        GET /api/v1/devices/{slug}/series
        GET /api/v1/windows
        GET /api/v1/windows/over
        GET /maintenance
        GET /devices
        GET /devices/{slug}
        GET /wall/devices/{slug}
        GET /api/v1/places/level
        GET /api/v1/plan/devices
        GET /api/v1/plan/picture
        GET /places
        GET /places/plan
        """,
    ),
    (
        frozenset(KEEPERS),
        """
        GET /api/v1/alerts/history.csv
        GET /api/v1/devices.csv
        GET /api/v1/reports/{span}
        GET /api/v1/reports/{span}/alerts.csv
        GET /api/v1/reports/{span}/devices.csv
        GET /reports
        GET /reports.csv
        GET /reports.pdf
        GET /reports/devices.csv
        GET /api/v1/escalation
        GET /api/v1/escalation/changes
        GET /api/v1/escalation/{severity}/rehearsal
        GET /api/v1/groups
        GET /escalation
        GET /escalation/rehearsal
        GET /groups
        GET /api/v1/rules
        GET /api/v1/rules/{rule_id}
        GET /api/v1/rules/{rule_id}/diff
        GET /api/v1/rules/{rule_id}/versions/{version}
        GET /api/v1/backtests
        GET /api/v1/backtests/{job_id}
        GET /rules
        GET /rules/{rule_id}
        GET /backtests/{job_id}
        GET /alerts.csv
        GET /devices.csv
        GET /maintenance.csv
        """,
    ),
    (
        frozenset({PROPERTY, OFFICE, ADMIN}),
        """
        GET /api/v1/me/tokens
        POST /api/v1/me/tokens
        DELETE /api/v1/me/tokens/{token_id}
        GET /me/tokens
        POST /me/tokens
        POST /me/tokens/{token_id}/revoke
        GET /api/v1/people
        PUT /api/v1/people/{user_id}/disabled
        GET /api/v1/invitations
        POST /api/v1/invitations
        DELETE /api/v1/invitations/{invitation_id}
        GET /people
        GET /people.csv
        POST /people/invite
        POST /people/{user_id}/disabled
        POST /people/invitations/{invitation_id}/withdraw
        GET /api/v1/households
        GET /api/v1/households/{slug}
        GET /homes
        GET /homes/{slug}
        """,
    ),
    (
        frozenset({OFFICE, ADMIN}),
        """
        GET /api/v1/households.csv
        POST /api/v1/home-imports
        GET /api/v1/home-imports/{import_id}
        POST /api/v1/home-imports/{import_id}/apply
        GET /homes.csv
        GET /homes/import
        POST /homes/import
        GET /homes/import/{import_id}
        POST /homes/import/{import_id}/apply
        GET /api/v1/consents
        GET /api/v1/households/{slug}/consents
        POST /api/v1/households/{slug}/consents
        POST /api/v1/households/{slug}/consents/{consent_id}/withdraw
        GET /consents
        GET /consents.csv
        GET /consents/{slug}
        GET /consents/{slug}/sheet
        POST /consents/{slug}
        POST /consents/{slug}/{consent_id}/withdraw
        """,
    ),
    (
        frozenset({PROPERTY, INSTALLER, ADMIN}),
        """
        POST /api/v1/devices
        PUT /api/v1/devices/{slug}/state
        POST /api/v1/windows/maintenance
        POST /maintenance/work
        POST /api/v1/devices/{slug}/replacement
        POST /api/v1/places
        PUT /api/v1/places/{slug}
        PUT /api/v1/places/{slug}/state
        PUT /api/v1/plan/devices
        PUT /api/v1/plan/picture
        DELETE /api/v1/plan/picture
        GET /waiting-devices
        GET /api/v1/waiting-devices
        POST /waiting-devices
        POST /devices/{slug}/state
        POST /devices/{slug}/replacement
        POST /places
        POST /places/{slug}/change
        POST /places/{slug}/state
        POST /places/plan
        POST /places/plan/picture
        POST /places/plan/picture/remove
        """,
    ),
    (
        frozenset(DESK | {INSTALLER}),
        """
        POST /api/v1/windows/{window_id}/end
        POST /maintenance/{window_id}/end
        """,
    ),
    (
        frozenset({PROPERTY, INSTALLER, AUDITOR, ADMIN}),
        """
        GET /api/v1/system
        GET /api/v1/quarantine
        GET /api/v1/screens
        GET /system
        GET /system/quarantine
        """,
    ),
    (
        frozenset({PROPERTY, AUDITOR, ADMIN}),
        """
        GET /system/quarantine.csv
        """,
    ),
    (
        frozenset({PROPERTY, ADMIN}),
        """
        DELETE /api/v1/screens/posts/{post}
        POST /system/posts/{post}/retire
        POST /api/v1/groups
        PUT /api/v1/groups/{group_id}
        DELETE /api/v1/groups/{group_id}
        POST /api/v1/rotas
        PUT /api/v1/rotas/{rota_id}
        DELETE /api/v1/rotas/{rota_id}
        POST /api/v1/rotas/{rota_id}/overrides
        DELETE /api/v1/rotas/{rota_id}/overrides/{override_id}
        POST /groups
        POST /groups/{group_id}
        POST /groups/{group_id}/remove
        GET /rota/new
        POST /rota/new
        GET /rota/{rota_id}/edit
        POST /rota/{rota_id}/edit
        POST /rota/{rota_id}/overrides
        POST /rota/{rota_id}/overrides/{override_id}/remove
        POST /rota/{rota_id}/remove
        POST /api/v1/windows/drill
        POST /maintenance/drill
        """,
    ),
    (
        frozenset({FAMILY}),
        """
        GET /api/v1/homes
        GET /api/v1/homes/{slug}
        GET /api/v1/homes/{slug}/looks
        GET /api/v1/homes/{slug}/consents
        PUT /api/v1/homes/{slug}/away
        DELETE /api/v1/homes/{slug}/away
        PUT /api/v1/homes/{slug}/weekly
        DELETE /api/v1/homes/{slug}/weekly
        PUT /api/v1/alerts/{alert_id}/going
        DELETE /api/v1/alerts/{alert_id}/going
        GET /family
        GET /family/alerts/{alert_id}
        GET /family/{slug}/looks
        POST /family/{slug}/away
        POST /family/{slug}/back
        POST /family/{slug}/weekly
        POST /family/{slug}/weekly/stop
        POST /family/{slug}/going/{alert_id}
        POST /family/{slug}/staying/{alert_id}
        """,
    ),
    (
        frozenset({AUDITOR, ADMIN}),
        """
        GET /api/v1/audit
        GET /audit
        GET /audit.csv
        """,
    ),
    (
        frozenset({ADMIN}),
        """
        DELETE /api/v1/households/{slug}/readings/{device}
        POST /consents/{slug}/erase/{device}
        POST /api/v1/people/{user_id}/password-link
        POST /people/{user_id}/password
        DELETE /api/v1/people/{user_id}/second-factor
        GET /api/v1/tokens
        DELETE /api/v1/tokens/{token_id}
        POST /people/tokens/{token_id}/revoke
        POST /people/{user_id}/second-factor/reset
        GET /api/v1/channels
        POST /api/v1/channels/{slug}
        PUT /api/v1/channels/{slug}
        DELETE /api/v1/channels/{slug}
        POST /api/v1/channels/{slug}/test
        PUT /api/v1/escalation/{severity}
        DELETE /api/v1/escalation/{severity}
        GET /escalation/plan
        POST /escalation/plan
        POST /escalation/remove
        POST /api/v1/rules
        POST /api/v1/rules/check
        POST /api/v1/rules/{rule_id}/activate
        POST /api/v1/rules/{rule_id}/deactivate
        POST /api/v1/rules/{rule_id}/versions
        POST /api/v1/rules/{rule_id}/backtests
        DELETE /api/v1/backtests/{job_id}
        GET /new-rule
        POST /new-rule
        POST /rules/{rule_id}
        POST /rules/{rule_id}/activate
        POST /rules/{rule_id}/withdraw
        POST /backtests/{job_id}/cancel
        GET /channels
        POST /channels
        POST /channels/{slug}
        POST /channels/{slug}/remove
        POST /channels/{slug}/test
        GET /api/v1/webhooks
        POST /api/v1/webhooks/{slug}
        PUT /api/v1/webhooks/{slug}
        DELETE /api/v1/webhooks/{slug}
        POST /api/v1/webhooks/{slug}/test
        POST /api/v1/webhooks/{slug}/secret
        POST /api/v1/webhooks/{slug}/resume
        GET /api/v1/webhooks/{slug}/messages
        POST /api/v1/webhooks/{slug}/messages/redeliver
        POST /api/v1/webhooks/{slug}/messages/{message}/redeliver
        GET /webhooks
        POST /webhooks
        GET /webhooks/{slug}
        POST /webhooks/{slug}
        POST /webhooks/{slug}/remove
        POST /webhooks/{slug}/test
        POST /webhooks/{slug}/secret
        POST /webhooks/{slug}/resume
        POST /webhooks/{slug}/messages/redeliver
        POST /webhooks/{slug}/messages/{message}/redeliver
        """,
    ),
)
OPEN = """
    POST /api/v1/session
    POST /api/v1/session/code
    GET /login/code
    POST /login/code
    POST /api/v1/receipts/{receipt}
    PUT /api/v1/gateway/snapshots/{media_id}
    GET /healthz
    GET /readyz
    GET /metrics
    GET /login
    POST /login
    GET /login/oidc
    GET /login/oidc/back
    GET /sw.js
    GET /family.webmanifest
    GET /offline
    POST /api/v1/invitations/{token}/accept
    GET /invited/{token}
    POST /invited/{token}
"""
"""Open to everybody, or behind a secret of its own (``test_permissions.py``)."""
ENDLESS = {"GET /api/v1/stream", "GET /stream"}
LAST = {"POST /logout", "DELETE /api/v1/session"}


def lines(text: str) -> list[str]:
    return [line.strip() for line in text.strip().splitlines()]


ALLOWED = {line: who for who, text in WHO for line in lines(text)}


def test_the_table_names_every_endpoint_and_page_once() -> None:
    app = create_app(Settings(database_url="postgresql://nowhere/"))
    known = {
        f"{method} {context.path}"
        for context in iter_route_contexts(app.routes)
        for method in context.methods or ()
        if method not in {"HEAD", "OPTIONS"} and context.path != "/static"
    }
    listed = [line for _, text in WHO for line in lines(text)] + lines(OPEN)
    assert sorted(listed) == sorted(known)
    assert len({who for who, _ in WHO}) == len(WHO)


@pytest.mark.parametrize("role", list(Role))
def test_each_role_opens_what_it_should_and_nothing_else(house: House, role: Role) -> None:
    client = house.person(role)
    wrong = {}
    for line, who in ALLOWED.items():
        if line in LAST or (line in ENDLESS and role in who):
            continue
        status = house.asks(client, line)
        assert status < 500, line
        if (status != 403) is not (role in who):
            wrong[line] = status
    assert wrong == {}


@pytest.mark.parametrize("role", list(Role))
def test_nobody_of_elsewhere_reaches_anything_here(house: House, role: Role) -> None:
    """With the addresses of this community's things, of which the other has no twin."""
    client = house.person(f"{role}-meadow")
    things = lines("""
        {alert_id}\n{media_id}\ndevices/{slug}\nplaces/{slug}\nhouseholds/{slug}\nhomes/{slug}
        consents/{slug}\n{user_id}\n{invitation_id}\n{import_id}\n{window_id}\n{group_id}\n{rota_id}\n{job_id}
    """)
    ours = [line for line in ALLOWED if any(thing in line for thing in things)]
    assert len(ours) > 20
    wrong = {line: status for line in ours if (status := house.asks(client, line)) < 400}
    assert wrong == {}
    role_allows = {line: house.asks(client, line) for line in ours if role in ALLOWED[line]}
    assert set(role_allows.values()) <= {404}
