from __future__ import annotations

import gzip

import msgspec
import pytest
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey

from anju_devices import gateway_config
from anju_devices.errors import InvalidMessageError
from anju_devices.gateway_config import GatewayConfig, KnownDevice, seal, unseal

KEY = Ed25519PrivateKey.generate()
CONFIG = GatewayConfig(
    version=3,
    at=1_700_000_000_000,
    community="yangguang",
    gateway="gw-west",
    devices=[KnownDevice("gate-east", "door", household="b3-501")],
)


def test_what_was_sealed_is_read_again() -> None:
    assert unseal(seal(CONFIG, KEY), KEY.public_key()) == CONFIG


def test_another_platform_s_is_refused() -> None:
    with pytest.raises(InvalidMessageError, match="not signed by our platform"):
        unseal(seal(CONFIG, Ed25519PrivateKey.generate()), KEY.public_key())


@pytest.mark.parametrize("payload", [b"", b"short", b"\0" * 64, b"\0" * 2_000_000])
def test_garbage_is_refused(payload: bytes) -> None:
    with pytest.raises(InvalidMessageError):
        unseal(payload, KEY.public_key())


@pytest.mark.parametrize(
    ("body", "why"),
    [
        (b"not gzip", "not a valid"),
        (gzip.compress(b"{}"), "version"),
        (gzip.compress(msgspec.json.encode(CONFIG))[:-9], "cut off"),
        (gzip.compress(b" " * (gateway_config.MAX_OPEN_BYTES + 1)), "far too long"),
    ],
)
def test_what_is_signed_and_still_unusable_is_refused(body: bytes, why: str) -> None:
    with pytest.raises(InvalidMessageError, match=why):
        unseal(KEY.sign(body) + body, KEY.public_key())


def test_one_too_large_is_not_sent(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(gateway_config, "MAX_SEALED_BYTES", 100)
    with pytest.raises(InvalidMessageError, match="too many"):
        seal(CONFIG, KEY)
