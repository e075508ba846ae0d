"""What each role may do: the one table that endpoints, pages and menus ask (ADR 26)."""

from collections.abc import Mapping
from enum import StrEnum

from anju_platform.auth.model import Role


class Right(StrEnum):
    """Something a person may do; what is not given is refused."""

    SEE_ALERTS = "see_alerts"
    """Read alerts in one's reach: all with :attr:`WATCH`, else those one is sent to or near."""
    WATCH = "watch"
    """See all of the community: its wall, its plan, pictures, and what changes, live."""
    TAKE_ON = "take_on"
    """Take an alert in one's reach on, and write what one found."""
    HANDLE = "handle"
    """Send people, close with a cause, put aside."""
    SIT = "sit"
    """Sit at a duty desk: one's wall counts as watched."""
    EXPORT = "export"
    READ_REPORTS = "read_reports"
    SEE_DEVICES = "see_devices"
    KEEP_DEVICES = "keep_devices"
    PLAN_WORK = "plan_work"
    """Plan work, which mutes alerts."""
    RUN_DRILLS = "run_drills"
    END_WINDOWS = "end_windows"
    """End work or a drill before its time: whoever sees that it has become real."""
    KEEP_PLACES = "keep_places"
    """Keep the tree of places, and the plan."""
    SEE_CARE = "see_care"
    """Read what sensors in homes say, but for health values."""
    SEE_HEALTH = "see_health"
    SEE_HOMES = "see_homes"
    """Read a home's card at any time, and whom to call."""
    KEEP_HOMES = "keep_homes"
    """Change who lives in a home and whom to call."""
    OWN_HOMES = "own_homes"
    """Read and speak for the homes one belongs to."""
    SEE_SYSTEM = "see_system"
    KEEP_POSTS = "keep_posts"
    SEE_RULES = "see_rules"
    KEEP_RULES = "keep_rules"
    SEE_PLANS = "see_plans"
    KEEP_PLANS = "keep_plans"
    KEEP_ROTA = "keep_rota"
    """Say who is on duty, and who is in which group."""
    KEEP_CHANNELS = "keep_channels"
    INVITE = "invite"
    """Invite families and shut them out; everybody else with :attr:`KEEP_PEOPLE`."""
    KEEP_PEOPLE = "keep_people"
    KEEP_TOKENS = "keep_tokens"
    """Give programs of one's own tokens."""
    KEEP_CONSENT = "keep_consent"
    """Write down who of a home lets whom see what, and what they take back."""
    ERASE_CARE = "erase_care"
    """Delete for good what a sensor in a home has said."""
    READ_AUDIT = "read_audit"


_GUARD = frozenset(
    {
        Right.SEE_ALERTS,
        Right.WATCH,
        Right.TAKE_ON,
        Right.HANDLE,
        Right.SEE_DEVICES,
        Right.END_WINDOWS,
        Right.SEE_CARE,
    }
)
_OFFICE = _GUARD | {
    Right.INVITE,
    Right.KEEP_TOKENS,
    Right.EXPORT,
    Right.READ_REPORTS,
    Right.SEE_HOMES,
    Right.SEE_RULES,
    Right.SEE_PLANS,
}
_PROPERTY = _OFFICE | {
    Right.KEEP_DEVICES,
    Right.KEEP_PLACES,
    Right.PLAN_WORK,
    Right.RUN_DRILLS,
    Right.SEE_SYSTEM,
    Right.KEEP_POSTS,
    Right.KEEP_ROTA,
}

RIGHTS: Mapping[Role, frozenset[Right]] = {
    Role.GUARD: _GUARD | {Right.SIT},
    Role.PROPERTY: _PROPERTY,
    Role.OFFICE: _OFFICE | {Right.KEEP_HOMES, Right.KEEP_CONSENT},
    Role.GRID: frozenset({Right.SEE_ALERTS, Right.TAKE_ON}),
    Role.FAMILY: frozenset({Right.OWN_HOMES}),
    Role.INSTALLER: frozenset(
        {
            Right.SEE_DEVICES,
            Right.KEEP_DEVICES,
            Right.KEEP_PLACES,
            Right.PLAN_WORK,
            Right.END_WINDOWS,
            Right.SEE_SYSTEM,
        }
    ),
    Role.AUDITOR: frozenset(
        {
            Right.SEE_ALERTS,
            Right.WATCH,
            Right.EXPORT,
            Right.READ_REPORTS,
            Right.SEE_DEVICES,
            Right.SEE_SYSTEM,
            Right.SEE_RULES,
            Right.SEE_PLANS,
            Right.READ_AUDIT,
        }
    ),
    Role.ADMIN: _PROPERTY
    | {
        Right.SEE_HEALTH,
        Right.KEEP_HOMES,
        Right.KEEP_RULES,
        Right.KEEP_PLANS,
        Right.KEEP_CHANNELS,
        Right.KEEP_PEOPLE,
        Right.KEEP_CONSENT,
        Right.ERASE_CARE,
        Right.READ_AUDIT,
    },
}

TOLD = frozenset({Role.GUARD, Role.PROPERTY, Role.OFFICE, Role.FAMILY, Role.ADMIN})
"""Who may be named to be told of alerts; ``family`` means that of the alert's home alone."""

FOR_PROGRAMS = frozenset(
    {
        Right.SEE_ALERTS,
        Right.WATCH,
        Right.EXPORT,
        Right.READ_REPORTS,
        Right.SEE_DEVICES,
        Right.KEEP_DEVICES,
        Right.SEE_CARE,
        Right.SEE_HEALTH,
        Right.SEE_HOMES,
        Right.SEE_SYSTEM,
        Right.SEE_RULES,
        Right.KEEP_RULES,
        Right.SEE_PLANS,
        Right.KEEP_PLANS,
        Right.READ_AUDIT,
    }
)
"""What a program's token may be given. It takes no alert on: an alarm falls silent when a person
has it. And it lets nobody in."""


def roles_with(right: Right) -> tuple[Role, ...]:
    """Give the roles that have a right."""
    return tuple(role for role in Role if right in RIGHTS[role])
