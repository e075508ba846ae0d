"""A community a hundred times as large, written in a few statements."""

from __future__ import annotations

from outer_site import Site
from sqlalchemy import text

from anju_platform.database import transaction

DEVICES = 10_000
PEOPLE = 5_000
HOMES = 2_500

_GROW = (
    """
    INSERT INTO places (community_id, slug, kind, label, label_en, attributes)
    SELECT :community, 'u-' || n, 'unit', '单元 ' || n % 97, 'Unit ' || n % 97, '{}'
    FROM generate_series(1, :homes) AS n
    """,
    """
    INSERT INTO households (community_id, place_id, slug, attributes)
    SELECT :community, id, 'h-' || slug, '{}' FROM places
    WHERE community_id = :community AND slug LIKE 'u-%'
    """,
    """
    INSERT INTO residents (community_id, household_id, name, elder)
    SELECT :community, id, '老人 ' || id, id % 2 = 0 FROM households WHERE slug LIKE 'h-u-%'
    """,
    """
    INSERT INTO contacts (community_id, household_id, position, name, relation, phone, has_key)
    SELECT :community, id, 1, '亲属', '女儿', '13800000000', false
    FROM households WHERE slug LIKE 'h-u-%' AND id % 5 > 0
    """,
    """
    INSERT INTO devices (community_id, gateway_id, place_id, household_id, slug, model, name,
        name_en, state, attributes, created_at)
    SELECT :community, (SELECT id FROM gateways WHERE slug = 'gw-west'
        AND community_id = :community), h.place_id, h.id, 'd-' || n, 'pir', '设备 ' || n % 53,
        'Device ' || n % 53, 'approved', '{}', now()
    FROM generate_series(1, :devices) AS n
    JOIN households h ON h.slug = 'h-u-' || 1 + n % :homes
    """,
    """
    INSERT INTO device_states (device_id, community_id, last_seen_at, latest)
    SELECT id, community_id, now() - id % 7 * interval '1 hour', CASE WHEN id % 3 = 0 THEN '{}'
        ELSE jsonb_build_object('battery', jsonb_build_array(id % 50, 0)) END
    FROM devices WHERE slug LIKE 'd-%' AND id % 4 > 0
    """,
    """
    INSERT INTO users (community_id, username, name, role, password_hash, locale, disabled,
        failed_logins)
    SELECT :community, 'family-' || n, '家属 ' || n % 89, 'family', 'x', 'zh', n % 11 = 0, 0
    FROM generate_series(1, :people) AS n
    """,
    """
    INSERT INTO user_homes (user_id, household_id, relation)
    SELECT u.id, h.id, '女儿' FROM users u
    JOIN households h ON h.slug = 'h-u-' || 1 + u.id % :homes WHERE u.username LIKE 'family-%'
    """,
    """
    INSERT INTO invitations (community_id, token_hash, role, name, homes, relation, places,
        invited_by, created_at, expires_at)
    SELECT :community, 'i-' || n, 'family', '家属', '[]', '', '[]', (SELECT id FROM users
        WHERE username = 'admin'), now(), now() + interval '7 days'
    FROM generate_series(1, 500) AS n
    """,
    """
    INSERT INTO api_tokens (community_id, user_id, token_hash, name, hint, rights, created_at,
        expires_at)
    SELECT :community, (SELECT id FROM users WHERE username = 'admin'), 't-' || n, 'x', 'x', '[]',
        now(), now() + interval '7 days'
    FROM generate_series(1, 500) AS n
    """,
    """
    INSERT INTO quarantine (community_id, gateway_id, received_at, topic, reason, detail, device,
        payload)
    SELECT :community, (SELECT id FROM gateways WHERE slug = 'gw-west'
        AND community_id = :community), now(), 'x', 'unknown_device', 'x', 's-' || n % 500, ''
    FROM generate_series(1, 1500) AS n
    """,
    """
    INSERT INTO alert_windows (community_id, kind, rules, for_life, reason, starts_at, ends_at,
        created_at, created_by)
    SELECT :community, 'maintenance', '[]', false, 'x', now() - interval '2 days',
        now() - n % 20 * interval '1 hour', now(), (SELECT id FROM users WHERE username = 'admin')
    FROM generate_series(1, 300) AS n
    """,
)


def grow(site: Site) -> None:
    """Add everything there may be many of."""
    said = {"community": site.community_id, "devices": DEVICES, "people": PEOPLE, "homes": HOMES}
    with transaction(site.engine) as session:
        for statement in _GROW:
            wanted = {name: value for name, value in said.items() if f":{name}" in statement}
            session.execute(text(statement), wanted)
        session.execute(text("ANALYZE"))
