"""A certificate authority of a site's own, for the broker's TLS: no outside service is needed.

Whoever has certificates from elsewhere uses those instead (docs/operating.md).
"""

import ipaddress
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from pathlib import Path

from cryptography import x509
from cryptography.hazmat.primitives import hashes, serialization
from cryptography.hazmat.primitives.asymmetric import ec
from cryptography.x509.oid import ExtendedKeyUsageOID, NameOID

from anju_platform.database import now
from anju_platform.errors import ConfigError, InvalidRequestError
from anju_platform.private import write_private

CA_CERTIFICATE, CA_KEY = "ca.crt", "ca.key"
CERTIFICATE, KEY = "broker.crt", "broker.key"
CA_FOR = timedelta(days=3653)
"""Every gateway holds it: it must outlive the boxes."""
CERTIFICATE_FOR = timedelta(days=825)
_SKEW = timedelta(days=1)
"""A box whose clock is behind trusts it too."""


@dataclass(frozen=True, slots=True)
class Authority:
    """Signs certificates of a site's servers."""

    certificate: x509.Certificate
    key: ec.EllipticCurvePrivateKey

    def sign(self, names: Sequence[str]) -> tuple[bytes, bytes]:
        """Give a new certificate for these host names and addresses, and its key, both as PEM.

        Raises:
            InvalidRequestError: no name, or one that is neither a host name nor an address.
        """
        if not names:
            raise InvalidRequestError("name the hosts by which gateways reach the broker")
        key = ec.generate_private_key(ec.SECP256R1())
        own = x509.SubjectKeyIdentifier.from_public_key(key.public_key())
        built = (
            _builder(names[0][:64], key, CERTIFICATE_FOR)
            .issuer_name(self.certificate.subject)
            .add_extension(x509.SubjectAlternativeName([_name(name) for name in names]), False)  # noqa: FBT003
            .add_extension(x509.BasicConstraints(ca=False, path_length=None), critical=True)
            .add_extension(x509.ExtendedKeyUsage([ExtendedKeyUsageOID.SERVER_AUTH]), critical=False)
            .add_extension(own, critical=False)
            .add_extension(
                x509.AuthorityKeyIdentifier.from_issuer_public_key(self.key.public_key()),
                critical=False,
            )
        )
        signed = built.sign(self.key, hashes.SHA256())
        return signed.public_bytes(serialization.Encoding.PEM), _pem(key)


def open_authority(folder: Path, name: str) -> Authority:
    """Give the authority kept in a folder, made now if there is none; its key is the owner's alone.

    Raises:
        ConfigError: what is there is no authority, or only half of one.
    """
    certificate, key = folder / CA_CERTIFICATE, folder / CA_KEY
    if certificate.exists() != key.exists():
        raise ConfigError(f"{folder}: of {CA_CERTIFICATE} and {CA_KEY} one is missing")
    if not key.exists():
        made = _make(name)
        folder.mkdir(parents=True, exist_ok=True)
        write_private(key, _pem(made.key))
        certificate.write_bytes(made.certificate.public_bytes(serialization.Encoding.PEM))
        return made
    try:
        known = serialization.load_pem_private_key(key.read_bytes(), None)
        read = x509.load_pem_x509_certificate(certificate.read_bytes())
    except (ValueError, TypeError, OSError) as error:
        raise ConfigError(f"{folder}: this is no certificate authority: {error}") from error
    if not isinstance(known, ec.EllipticCurvePrivateKey):
        raise ConfigError(f"{key}: this is not a key that was made here")
    return Authority(read, known)


def expires_at(certificate: bytes) -> datetime:
    """Give until when a certificate (PEM) is good."""
    return x509.load_pem_x509_certificate(certificate).not_valid_after_utc


def _make(name: str) -> Authority:
    key = ec.generate_private_key(ec.SECP256R1())
    usage = x509.KeyUsage(
        digital_signature=False,
        content_commitment=False,
        key_encipherment=False,
        data_encipherment=False,
        key_agreement=False,
        key_cert_sign=True,
        crl_sign=True,
        encipher_only=False,
        decipher_only=False,
    )
    built = (
        _builder(name[:64], key, CA_FOR)
        .issuer_name(_subject(name[:64]))
        .add_extension(x509.BasicConstraints(ca=True, path_length=0), critical=True)
        .add_extension(usage, critical=True)
        .add_extension(x509.SubjectKeyIdentifier.from_public_key(key.public_key()), critical=False)
    )
    return Authority(built.sign(key, hashes.SHA256()), key)


def _builder(
    name: str, key: ec.EllipticCurvePrivateKey, lasts: timedelta
) -> x509.CertificateBuilder:
    moment = now()
    return (
        x509.CertificateBuilder()
        .subject_name(_subject(name))
        .public_key(key.public_key())
        .serial_number(x509.random_serial_number())
        .not_valid_before(moment - _SKEW)
        .not_valid_after(moment + lasts)
    )


def _subject(name: str) -> x509.Name:
    return x509.Name([x509.NameAttribute(NameOID.COMMON_NAME, name)])


def _name(given: str) -> x509.GeneralName:
    try:
        return x509.IPAddress(ipaddress.ip_address(given))
    except ValueError:
        pass
    try:
        return x509.DNSName(given)
    except ValueError as error:
        raise InvalidRequestError(f"{given!r} is neither a host name nor an address") from error


def _pem(key: ec.EllipticCurvePrivateKey) -> bytes:
    return key.private_bytes(
        serialization.Encoding.PEM,
        serialization.PrivateFormat.PKCS8,
        serialization.NoEncryption(),
    )
