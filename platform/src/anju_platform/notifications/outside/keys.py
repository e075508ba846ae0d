"""The platform's own key for web push: made once, kept in the database, the same everywhere."""

import base64
from typing import TYPE_CHECKING

from sqlalchemy import Engine

from anju_platform.auth.keys import keep
from anju_platform.database import transaction

if TYPE_CHECKING:
    from py_vapid import Vapid02

_NAME = "vapid"


def vapid(engine: Engine) -> "Vapid02":
    """Give the key, made by whoever asks first. Browsers subscribed to it know no other."""
    from py_vapid import Vapid02

    made = Vapid02()
    made.generate_keys()
    with transaction(engine) as session:
        kept = keep(session, _NAME, made.private_pem().decode())
    return Vapid02.from_pem(kept.encode())


def public_key(key: "Vapid02") -> str:
    """Give what a browser subscribes to: the public point, in base64 for URLs."""
    from cryptography.hazmat.primitives.serialization import Encoding, PublicFormat

    point = key.public_key.public_bytes(Encoding.X962, PublicFormat.UncompressedPoint)
    return base64.urlsafe_b64encode(point).rstrip(b"=").decode()
