"""What the platform tells a gateway on ``down/config``, retained: whom it knows, what it decides.

One whole document each time, so that a gateway never stands between two states. ``version``
only grows; a gateway that has a newer one keeps it.

On the wire it is compressed and signed by the platform (Ed25519): who gets hold of the broker
still opens no door. It names its gateway, so that one gateway's is nothing to another.
"""

import gzip
import zlib
from typing import Annotated, Any

import msgspec
from cryptography.exceptions import InvalidSignature
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey, Ed25519PublicKey

from anju_devices.errors import InvalidMessageError
from anju_devices.messages import Id, Millis

MAX_SEALED_BYTES = 1024 * 1024
"""Room for an access list of some 20,000 credentials; the broker takes packets a little larger."""
MAX_OPEN_BYTES = 16 * 1024 * 1024
SIGNATURE_BYTES = 64


class KnownDevice(msgspec.Struct, omit_defaults=True, frozen=True):
    """A device of this gateway as the platform knows it.

    ``interval_s`` stands where it is not its model's; ``attributes`` are those rules may ask for.
    """

    id: Id
    model: str
    interval_s: int | None = None
    place: Id | None = None
    household: Id | None = None
    attributes: dict[str, Any] = {}


class EdgeRule(msgspec.Struct, frozen=True):
    """A rule the gateway judges itself (``at: edge``): the YAML text that was activated."""

    id: Id
    version: Annotated[int, msgspec.Meta(ge=1)]
    text: str


class GatewayConfig(msgspec.Struct, omit_defaults=True, frozen=True):
    """The whole document; ``access`` is the access list of the doors behind this gateway."""

    version: Annotated[int, msgspec.Meta(ge=1)]
    at: Millis
    community: Id
    gateway: Id
    timezone: str = "Asia/Shanghai"
    devices: list[KnownDevice] = []
    rules: list[EdgeRule] = []
    access: dict[str, Any] | None = None


_decode = msgspec.json.Decoder(GatewayConfig)


def seal(config: GatewayConfig, key: Ed25519PrivateKey) -> bytes:
    """Give the document as it travels: 64 bytes of signature, then its gzipped JSON.

    Raises:
        InvalidMessageError: it is too large for the wire.
    """
    body = gzip.compress(msgspec.json.encode(config), mtime=0)
    if len(body) + SIGNATURE_BYTES > MAX_SEALED_BYTES:
        msg = f"the configuration of {config.gateway} has {len(body)} bytes; too many"
        raise InvalidMessageError(msg)
    return key.sign(body) + body


def unseal(payload: bytes, key: Ed25519PublicKey) -> GatewayConfig:
    """Check and read what :func:`seal` made.

    Raises:
        InvalidMessageError: too large, not signed by ``key``, or not of this shape.
    """
    if len(payload) > MAX_SEALED_BYTES:
        raise InvalidMessageError(f"a configuration of {len(payload)} bytes; too many")
    signature, body = payload[:SIGNATURE_BYTES], payload[SIGNATURE_BYTES:]
    try:
        key.verify(signature, body)
    except InvalidSignature as error:
        raise InvalidMessageError("the configuration is not signed by our platform") from error
    opening = zlib.decompressobj(wbits=31)
    try:
        text = opening.decompress(body, MAX_OPEN_BYTES)
        if not opening.eof:
            raise InvalidMessageError("the configuration is cut off, or far too long")
        return _decode.decode(text)
    except (zlib.error, msgspec.DecodeError, UnicodeDecodeError, RecursionError) as error:
        raise InvalidMessageError(f"not a valid configuration: {error}") from error
