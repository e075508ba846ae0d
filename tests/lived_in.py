"""What devices of the guarded site said, put into the database as ingest puts it."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta
from typing import Any

from guarded_site import Site
from sqlalchemy import insert, select

from anju_platform.database import now, to_millis, transaction
from anju_platform.registry.model import DeviceField
from anju_platform.rulebook.model import RuleState
from anju_platform.telemetry.model import HOURLY, DeviceEvent, TelemetryPoint


def record_day(site: Site, device: str, model: str, fields: dict[str, list[float]]) -> None:
    """Store points of the last half hour, evenly spread, field by field."""
    end = datetime.now(UTC)
    with transaction(site.engine) as session:
        for name, values in fields.items():
            number = session.scalar(
                select(DeviceField.id).where(DeviceField.model == model, DeviceField.name == name)
            )
            if number is None:
                row = DeviceField(model=model, name=name)
                session.add(row)
                session.flush()
                number = row.id
            step = timedelta(minutes=30) / len(values)
            for index, value in enumerate(values):
                session.execute(
                    insert(TelemetryPoint).values(
                        community_id=site.community,
                        device_id=site.devices[device],
                        field_id=number,
                        observed_at=end - step * (len(values) - index),
                        value=value,
                        flags=0,
                    )
                )


def live_there(site: Site, home: str = "b3-501", *, minutes: int = 8) -> None:
    """Let somebody have lived in a home as usual for a week, and have stirred so long ago."""
    at = now() - timedelta(minutes=minutes)
    midnight = now().replace(hour=16, minute=0, second=0, microsecond=0) - timedelta(days=1)
    usual = (0, 0, 0, 0, 1, 0, 6, 14, 11, 9, 12, 15, 16, 6, 5, 9, 12, 14, 18, 13, 11, 8, 3, 1)
    device = site.devices[f"{home}-pir"]
    with transaction(site.engine) as session:
        session.merge(
            RuleState(
                community_id=site.community,
                rule_id="home-state",
                entity=home,
                state={"last_motion": to_millis(at), "last_sign": to_millis(at)},
                due_at=None,
            )
        )
        field = session.scalars(
            select(DeviceField.id).where(DeviceField.model == "pir", DeviceField.name == "motion")
        ).one()
        of_it = {"community_id": site.community, "device_id": device, "field_id": field}
        for day in range(1, 8):
            for hour, count in enumerate(usual):
                bucket = midnight - timedelta(days=day) + timedelta(hours=hour)
                many = {"count": 60, "total": count + day % 3 if count else 0, "last": 0}
                times = dict.fromkeys(("low_at", "high_at", "last_at"), bucket)
                row = {"bucket": bucket, "low": 0, "high": 1, **many, **times}
                session.execute(insert(HOURLY).values(**of_it, **row))
        for hour, count in enumerate(usual):
            start = midnight + timedelta(hours=hour)
            for number in range(count - hour % 2):
                seen = start + timedelta(minutes=3 * number)
                if seen < at:
                    point = {"observed_at": seen, "value": 1, "flags": 0}
                    session.execute(insert(TelemetryPoint).values(**of_it, **point))


def pass_door(site: Site, device: str, event: str, ago: timedelta, **data: Any) -> None:
    """Store one passage at a door."""
    at = now() - ago
    with transaction(site.engine) as session:
        session.add(
            DeviceEvent(
                community_id=site.community,
                device_id=site.devices[device],
                observed_at=at,
                received_at=at,
                event=event,
                event_id=None,
                data=data,
                flags=0,
            )
        )
