"""Certificates, keys and kubeconfigs of a plane."""

import base64
import stat
from pathlib import Path

import pytest
import yaml
from cryptography import x509
from cryptography.hazmat.primitives.serialization import load_pem_private_key
from cryptography.x509.oid import ExtendedKeyUsageOID, NameOID
from cryptography.x509.verification import PolicyBuilder, Store

from rehearsal.controlplane.kubeconfig import kubeconfig
from rehearsal.controlplane.pki import CLIENTS, Pki, ensure_pki

AUTHORITIES = {"ca", "etcd-ca", "front-proxy-ca"}


@pytest.fixture(scope="module")
def pki(tmp_path_factory: pytest.TempPathFactory) -> Pki:
    return ensure_pki(tmp_path_factory.mktemp("plane") / "pki")


def certificate(pki: Pki, name: str) -> x509.Certificate:
    return x509.load_pem_x509_certificate(pki.certificate(name).read_bytes())


@pytest.mark.parametrize(
    ("name", "host", "authority"),
    [
        ("kube-apiserver", "localhost", "ca"),
        ("kube-apiserver", "kubernetes", "ca"),
        ("kube-apiserver", "kubernetes.default.svc", "ca"),
        ("kube-apiserver", "kubernetes.default.svc.cluster.local", "ca"),
        ("serving", "localhost", "ca"),
        ("etcd", "localhost", "etcd-ca"),
    ],
)
def test_servers_are_trusted_under_their_names(pki: Pki, name: str, host: str, authority: str) -> None:
    verifier = PolicyBuilder().store(Store([certificate(pki, authority)])).build_server_verifier(x509.DNSName(host))
    assert verifier.verify(certificate(pki, name), [])


def test_api_server_is_known_by_its_addresses(pki: Pki) -> None:
    names = certificate(pki, "kube-apiserver").extensions.get_extension_for_class(x509.SubjectAlternativeName).value
    assert {str(address) for address in names.get_values_for_type(x509.IPAddress)} == {"127.0.0.1", "172.20.0.1"}


@pytest.mark.parametrize("client", CLIENTS)
def test_clients_have_their_names_and_groups_and_are_no_servers(pki: Pki, client: str) -> None:
    issued = certificate(pki, client)
    common_name, organizations = CLIENTS[client]
    assert [each.value for each in issued.subject.get_attributes_for_oid(NameOID.COMMON_NAME)] == [common_name]
    groups = [each.value for each in issued.subject.get_attributes_for_oid(NameOID.ORGANIZATION_NAME)]
    assert groups == list(organizations)
    usage = issued.extensions.get_extension_for_class(x509.ExtendedKeyUsage).value
    assert list(usage) == [ExtendedKeyUsageOID.CLIENT_AUTH]
    issued.verify_directly_issued_by(certificate(pki, "ca"))


def test_kubernetes_clients_are_strangers_to_etcd_and_the_front_proxy(pki: Pki) -> None:
    for authority in ("etcd-ca", "front-proxy-ca"):
        with pytest.raises(ValueError, match="does not match"):
            certificate(pki, "admin").verify_directly_issued_by(certificate(pki, authority))


def test_every_key_fits_and_no_authority_has_one(pki: Pki) -> None:
    names = {path.stem for path in pki.folder.glob("*.crt")}
    assert names >= AUTHORITIES
    assert not any(pki.key(authority).exists() for authority in AUTHORITIES)
    for name in names - AUTHORITIES:
        key = load_pem_private_key(pki.key(name).read_bytes(), None)
        assert key.public_key() == certificate(pki, name).public_key()


def test_nobody_else_can_read(pki: Pki) -> None:
    assert stat.S_IMODE(pki.folder.stat().st_mode) == 0o700
    assert {stat.S_IMODE(path.stat().st_mode) for path in pki.folder.iterdir()} == {0o600}


def test_issued_once_and_different_for_each_plane(pki: Pki, tmp_path: Path) -> None:
    before = pki.certificate("ca").read_bytes()
    assert ensure_pki(pki.folder).certificate("ca").read_bytes() == before
    other = ensure_pki(tmp_path / "pki")
    assert other.encryption_config.read_bytes() != pki.encryption_config.read_bytes()
    assert certificate(other, "ca") != certificate(pki, "ca")


def test_half_an_issue_is_never_used(tmp_path: Path) -> None:
    half = tmp_path / "pki.partial"
    half.mkdir()
    (half / "ca.crt").write_text("half")
    assert certificate(ensure_pki(tmp_path / "pki"), "ca")
    assert not half.exists()


def test_secrets_are_encrypted_and_never_read_in_plain(pki: Pki) -> None:
    (rule,) = yaml.safe_load(pki.encryption_config.read_text())["resources"]
    assert "secrets" in rule["resources"]
    (provider,) = rule["providers"]  # an identity provider beside it would accept plain text
    (key,) = provider["secretbox"]["keys"]
    assert len(base64.b64decode(key["secret"])) == 32


def test_kubeconfig_stands_alone(pki: Pki) -> None:
    config = yaml.safe_load(kubeconfig(pki, "dev", "https://127.0.0.1:1234", "admin"))
    (cluster,) = config["clusters"]
    assert cluster["cluster"]["server"] == "https://127.0.0.1:1234"
    assert "insecure-skip-tls-verify" not in cluster["cluster"]
    assert base64.b64decode(cluster["cluster"]["certificate-authority-data"]) == pki.certificate("ca").read_bytes()
    assert base64.b64decode(config["users"][0]["user"]["client-key-data"]) == pki.key("admin").read_bytes()
    assert config["current-context"] == "dev"
