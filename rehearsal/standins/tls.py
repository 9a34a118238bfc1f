"""A certificate authority for the stand-ins: real X.509, trusted by nobody."""

from collections.abc import Iterable
from datetime import UTC, datetime, timedelta
from functools import cached_property
from typing import NamedTuple

from cryptography import x509
from cryptography.hazmat.primitives import hashes, serialization
from cryptography.hazmat.primitives.asymmetric import ec, rsa
from cryptography.x509.oid import ExtendedKeyUsageOID, NameOID

PrivateKey = ec.EllipticCurvePrivateKey | rsa.RSAPrivateKey

_CURVES: dict[int, type[ec.EllipticCurve]] = {256: ec.SECP256R1, 384: ec.SECP384R1, 521: ec.SECP521R1}
_COMMON_NAME = "retail rehearsal stand-in CA"
_AUTHORITY_LIFE = timedelta(days=3650)


class KeyPair(NamedTuple):
    """A certificate and its key, as PEM text."""

    certificate: str
    key: str


class Authority:
    """Issues certificates. It lives as long as its object: what it signed before stays, under an older authority."""

    def issue(
        self,
        common_name: str,
        dns_names: Iterable[str],
        life: timedelta,
        *,
        algorithm: str = "ECDSA",
        size: int = 256,
        client: bool = False,
    ) -> KeyPair:
        """A server's certificate, or with `client` a client's; `algorithm` is "ECDSA" or "RSA", `size` in bits."""
        key = _new_key(algorithm, size)
        usage = ExtendedKeyUsageOID.CLIENT_AUTH if client else ExtendedKeyUsageOID.SERVER_AUTH
        builder = _builder(common_name, self._key_and_name[1], key, life)
        builder = builder.add_extension(x509.ExtendedKeyUsage([usage]), critical=False)
        if names := [x509.DNSName(name) for name in dns_names]:
            builder = builder.add_extension(x509.SubjectAlternativeName(names), critical=False)
        return KeyPair(_pem(builder.sign(self._key_and_name[0], hashes.SHA256())), _key_pem(key))

    @cached_property
    def own(self) -> KeyPair:
        """The authority's own certificate and key."""
        key, name = self._key_and_name
        builder = _builder(_COMMON_NAME, name, key, _AUTHORITY_LIFE)
        builder = builder.add_extension(x509.BasicConstraints(ca=True, path_length=0), critical=True)
        return KeyPair(_pem(builder.sign(key, hashes.SHA256())), _key_pem(key))

    @cached_property
    def _key_and_name(self) -> tuple[PrivateKey, x509.Name]:
        return ec.generate_private_key(ec.SECP256R1()), _name(_COMMON_NAME)


def expiry(certificate: bytes) -> tuple[datetime, datetime]:
    """From when and until when a PEM certificate is valid. Raises ValueError when it is none."""
    parsed = x509.load_pem_x509_certificate(certificate)
    return parsed.not_valid_before_utc, parsed.not_valid_after_utc


def _new_key(algorithm: str, size: int) -> PrivateKey:
    match algorithm:
        case "ECDSA":
            return ec.generate_private_key(_CURVES[size]())
        case "RSA":
            return rsa.generate_private_key(public_exponent=65537, key_size=size)
    raise ValueError(f"no private keys of algorithm {algorithm!r} here; ECDSA and RSA are known")


def _builder(common_name: str, issuer: x509.Name, key: PrivateKey, life: timedelta) -> x509.CertificateBuilder:
    now = datetime.now(UTC)
    return (
        x509.CertificateBuilder()
        .subject_name(_name(common_name))
        .issuer_name(issuer)
        .public_key(key.public_key())
        .serial_number(x509.random_serial_number())
        .not_valid_before(now)
        .not_valid_after(now + life)
    )


def _name(common_name: str) -> x509.Name:
    # X.520 ends a common name at 64 characters; the full one is among the alternative names.
    return x509.Name([x509.NameAttribute(NameOID.COMMON_NAME, common_name[:64])])


def _pem(certificate: x509.Certificate) -> str:
    return certificate.public_bytes(serialization.Encoding.PEM).decode()


def _key_pem(key: PrivateKey) -> str:
    return key.private_bytes(
        serialization.Encoding.PEM, serialization.PrivateFormat.PKCS8, serialization.NoEncryption()
    ).decode()
