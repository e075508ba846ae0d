"""Readings put into the time series as ingest puts them, and how a query is carried out."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from datetime import datetime
from typing import Any

from sqlalchemy import Connection, Engine, event, select, text

from anju_platform.database import to_millis, transaction
from anju_platform.registry.model import Device, DeviceField
from anju_platform.telemetry.repository import Points, copy_points


def add(  # noqa: PLR0917 - the columns, in their order
    points: Points, community: int, device: int, field: int, at: int, value: float
) -> None:
    """Append one point; its time in epoch ms."""
    points.communities.append(community)
    points.devices.append(device)
    points.fields.append(field)
    points.at.append(at)
    points.values.append(value)
    points.flags.append(0)


def store(
    engine: Engine, device: Device, field: str, points: Sequence[tuple[datetime, float]]
) -> list[tuple[int, float]]:
    """Store points of one field; gives them as (epoch ms, value)."""
    with transaction(engine) as session:
        number = session.scalars(
            select(DeviceField.id).where(
                DeviceField.model == device.model, DeviceField.name == field
            )
        ).one()
        rows = [(to_millis(at), value) for at, value in points]
        points = Points()
        for at, value in rows:
            add(points, device.community_id, device.id, number, at, value)
        copy_points(session, points)
    return rows


def tables_read(engine: Engine, call: Callable[[], Any]) -> set[str]:
    """Give the names of tables that rows came from in what a call asks of the database."""
    asked: list[tuple[str, Any]] = []

    def note(
        _connection: Connection, _cursor: Any, statement: str, parameters: Any, *_: Any
    ) -> None:
        asked.append((statement, parameters))

    event.listen(engine, "before_cursor_execute", note)
    try:
        call()
    finally:
        event.remove(engine, "before_cursor_execute", note)
    found: set[str] = set()
    with engine.connect() as connection:
        for statement, parameters in asked:
            explain = f"EXPLAIN (ANALYZE, FORMAT JSON) {statement}"
            [[plan]] = connection.exec_driver_sql(explain, parameters).all()
            found |= _scanned(plan[0]["Plan"])
        connection.execute(text("ROLLBACK"))
    return found


def _scanned(node: dict[str, Any]) -> set[str]:
    read = {node["Relation Name"]} if "Relation Name" in node and node["Actual Rows"] else set()
    return read.union(*(_scanned(inner) for inner in node.get("Plans", ())))
