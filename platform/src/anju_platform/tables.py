"""Every table of the platform, in one place: foreign keys name tables across domains.

A process that writes imports this once; SQLAlchemy then knows all of them.
"""

from anju_platform.alerts import model as alerts
from anju_platform.alerts.windows import model as windows
from anju_platform.audit import model as audit
from anju_platform.auth import model as auth
from anju_platform.backtest.jobs import model as backtest
from anju_platform.baselines import model as baselines
from anju_platform.canary import model as canary
from anju_platform.care import model as care
from anju_platform.commands import model as commands
from anju_platform.database import Table
from anju_platform.duty import model as duty
from anju_platform.escalation import model as escalation
from anju_platform.importing import model as importing
from anju_platform.lanes import model as lanes
from anju_platform.media import model as media
from anju_platform.notifications import model as notifications
from anju_platform.offices import model as offices
from anju_platform.people import model as people
from anju_platform.registry import model as registry
from anju_platform.rulebook import model as rulebook
from anju_platform.screens import model as screens
from anju_platform.sharing import model as sharing
from anju_platform.system import model as system
from anju_platform.telemetry import model as telemetry
from anju_platform.webhooks import model as webhooks

DOMAINS = (
    alerts,
    audit,
    auth,
    backtest,
    baselines,
    canary,
    care,
    commands,
    duty,
    escalation,
    importing,
    lanes,
    media,
    notifications,
    offices,
    people,
    registry,
    rulebook,
    screens,
    sharing,
    system,
    telemetry,
    windows,
    webhooks,
)
"""The modules with tables; importing them is what describes the tables."""

METADATA = Table.metadata
"""All tables."""
