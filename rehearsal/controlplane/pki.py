"""Certificates and keys of one control plane.

Each plane has authorities of its own, and their keys are thrown away once everything is signed: what can't be read
can't be stolen, and no further certificate is ever needed. All files are 0600 in a 0700 folder.
"""

import base64
import datetime
import ipaddress
import secrets
import shutil
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path

import yaml
from cryptography import x509
from cryptography.hazmat.primitives import hashes, serialization
from cryptography.hazmat.primitives.asymmetric import ec
from cryptography.x509.oid import ExtendedKeyUsageOID, NameOID

from rehearsal.controlplane.files import private_dir, write_private

# EKS gives Services this range in a VPC that is itself in 10.0.0.0/8; the API server has the first address in it.
SERVICE_RANGE = "172.20.0.0/16"
_API_SERVICE_ADDRESS = "172.20.0.1"

# A plane may lie on a developer's machine for long, and nobody renews a certificate there.
_VALIDITY = datetime.timedelta(days=3650)

# client: (common name, organizations). The names are those Kubernetes' own RBAC bindings expect; kwok and the
# stand-ins act as kubelets, cloud and operators at once, for which there is no narrower built-in role.
CLIENTS: Mapping[str, tuple[str, tuple[str, ...]]] = {
    "admin": ("rehearsal:admin", ("system:masters",)),
    "kube-controller-manager": ("system:kube-controller-manager", ()),
    "kube-scheduler": ("system:kube-scheduler", ()),
    "kwok": ("system:rehearsal:kwok", ("system:masters",)),
    "standins": ("system:rehearsal:stand-ins", ("system:masters",)),
}


@dataclass(frozen=True)
class Pki:
    """The folder of one plane's certificates and keys: `<name>.crt` and `<name>.key` in PEM."""

    folder: Path

    def certificate(self, name: str) -> Path:
        """The certificate of that name; `ca`, `etcd-ca` and `front-proxy-ca` are the authorities."""
        return self.folder / f"{name}.crt"

    def key(self, name: str) -> Path:
        """The private key of that name. Authorities have none."""
        return self.folder / f"{name}.key"

    @property
    def encryption_config(self) -> Path:
        """What makes the API server encrypt Secrets before etcd sees them."""
        return self.folder / "encryption.yaml"


def ensure_pki(folder: Path) -> Pki:
    """The plane's certificates and keys, made now if they are not there. All or nothing: one rename puts them there."""
    if not folder.exists():
        partial = folder.with_name(f"{folder.name}.partial")
        shutil.rmtree(partial, ignore_errors=True)
        _issue_all(Pki(private_dir(partial)))
        partial.rename(folder)
    return Pki(folder)


def _issue_all(pki: Pki) -> None:
    loopback = ("localhost", "127.0.0.1")
    in_cluster = tuple("kubernetes.default.svc.cluster.local".rsplit(".", parts)[0] for parts in range(5))
    ca = _Authority("rehearsal")
    ca.issue(pki, "kube-apiserver", "kube-apiserver", hosts=(*loopback, *in_cluster, _API_SERVICE_ADDRESS))
    ca.issue(pki, "serving", "rehearsal-components", hosts=loopback)
    for client, (common_name, organizations) in CLIENTS.items():
        ca.issue(pki, client, common_name, organizations=organizations)
    etcd = _Authority("rehearsal-etcd")
    etcd.issue(pki, "etcd", "etcd", hosts=loopback)
    etcd.issue(pki, "etcd-client", "kube-apiserver")
    front_proxy = _Authority("rehearsal-front-proxy")
    front_proxy.issue(pki, "front-proxy-client", "front-proxy-client")
    for name, authority in (("ca", ca), ("etcd-ca", etcd), ("front-proxy-ca", front_proxy)):
        write_private(pki.certificate(name), authority.pem())

    service_account = ec.generate_private_key(ec.SECP256R1())
    write_private(pki.key("service-account"), _key_pem(service_account))
    public = service_account.public_key().public_bytes(
        serialization.Encoding.PEM, serialization.PublicFormat.SubjectPublicKeyInfo
    )
    write_private(pki.folder / "service-account.pub", public)
    write_private(pki.encryption_config, _encryption_config())


class _Authority:
    """A certificate authority that lives only while certificates are issued."""

    def __init__(self, name: str) -> None:
        self._key = ec.generate_private_key(ec.SECP256R1())
        self._name = _name(name)
        usage = _key_usage(key_cert_sign=True, crl_sign=True)
        self._certificate = (
            _builder(self._name, self._name, self._key.public_key())
            .add_extension(x509.BasicConstraints(ca=True, path_length=0), critical=True)
            .add_extension(usage, critical=True)
            .sign(self._key, hashes.SHA256())
        )

    def pem(self) -> bytes:
        return self._certificate.public_bytes(serialization.Encoding.PEM)

    def issue(
        self,
        pki: Pki,
        file_name: str,
        common_name: str,
        *,
        organizations: tuple[str, ...] = (),
        hosts: tuple[str, ...] = (),
    ) -> None:
        """A server's certificate where there are hosts, else a client's."""
        key = ec.generate_private_key(ec.SECP256R1())
        usage = ExtendedKeyUsageOID.SERVER_AUTH if hosts else ExtendedKeyUsageOID.CLIENT_AUTH
        builder = (
            _builder(_name(common_name, organizations), self._name, key.public_key())
            .add_extension(x509.BasicConstraints(ca=False, path_length=None), critical=True)
            .add_extension(_key_usage(digital_signature=True), critical=True)
            .add_extension(x509.ExtendedKeyUsage([usage]), critical=False)
            .add_extension(
                x509.AuthorityKeyIdentifier.from_issuer_public_key(self._key.public_key()),
                critical=False,
            )
        )
        if hosts:
            builder = builder.add_extension(
                x509.SubjectAlternativeName([_host(host) for host in hosts]), critical=False
            )
        certificate = builder.sign(self._key, hashes.SHA256())
        write_private(pki.certificate(file_name), certificate.public_bytes(serialization.Encoding.PEM))
        write_private(pki.key(file_name), _key_pem(key))


def _builder(subject: x509.Name, issuer: x509.Name, key: ec.EllipticCurvePublicKey) -> x509.CertificateBuilder:
    now = datetime.datetime.now(datetime.UTC)
    return (
        x509.CertificateBuilder()
        .subject_name(subject)
        .issuer_name(issuer)
        .public_key(key)
        .serial_number(x509.random_serial_number())
        .not_valid_before(now - datetime.timedelta(hours=1))  # clocks get set back
        .not_valid_after(now + _VALIDITY)
        .add_extension(x509.SubjectKeyIdentifier.from_public_key(key), critical=False)
    )


def _name(common_name: str, organizations: tuple[str, ...] = ()) -> x509.Name:
    attributes = [x509.NameAttribute(NameOID.ORGANIZATION_NAME, organization) for organization in organizations]
    return x509.Name([*attributes, x509.NameAttribute(NameOID.COMMON_NAME, common_name)])


def _host(host: str) -> x509.GeneralName:
    try:
        return x509.IPAddress(ipaddress.ip_address(host))
    except ValueError:
        return x509.DNSName(host)


def _key_usage(
    *, digital_signature: bool = False, key_cert_sign: bool = False, crl_sign: bool = False
) -> x509.KeyUsage:
    return x509.KeyUsage(
        digital_signature=digital_signature,
        content_commitment=False,
        key_encipherment=False,
        data_encipherment=False,
        key_agreement=False,
        key_cert_sign=key_cert_sign,
        crl_sign=crl_sign,
        encipher_only=False,
        decipher_only=False,
    )


def _key_pem(key: ec.EllipticCurvePrivateKey) -> bytes:
    return key.private_bytes(
        serialization.Encoding.PEM, serialization.PrivateFormat.TraditionalOpenSSL, serialization.NoEncryption()
    )


def _encryption_config() -> bytes:
    key = base64.b64encode(secrets.token_bytes(32)).decode()
    secretbox = {"secretbox": {"keys": [{"name": "key1", "secret": key}]}}
    config = {
        "apiVersion": "apiserver.config.k8s.io/v1",
        "kind": "EncryptionConfiguration",
        "resources": [{"resources": ["secrets"], "providers": [secretbox]}],
    }
    return yaml.safe_dump(config, sort_keys=False).encode()
