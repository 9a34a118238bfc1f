import base64
from datetime import UTC, datetime, timedelta
from typing import Any

import pytest
from cryptography import x509
from cryptography.hazmat.primitives.asymmetric import ec, rsa

from rehearsal.standins.certificates import Certificates, renewal_time
from rehearsal.standins.stand_in import Apply, moment_of
from rehearsal.standins.tls import Authority
from rehearsal.standins.world import World

STAND_IN = Certificates(Authority())


def certificate(**spec: Any) -> dict[str, Any]:
    return {
        "apiVersion": "cert-manager.io/v1",
        "kind": "Certificate",
        "metadata": {"name": "shop", "namespace": "edge", "uid": "c"},
        "spec": {
            "secretName": "shop-tls",
            "dnsNames": ["shop.example", "erp.example"],
            "issuerRef": {"name": "le"},
            "privateKey": {"algorithm": "ECDSA"},
            **spec,
        },
    }


def plan(*objects: dict[str, Any], after: timedelta = timedelta()) -> list[Apply]:
    """What the stand-in does with these objects, so long from now: it dates certificates by the real clock."""
    world = World.of(objects, datetime.now(UTC) + after)
    return [action for action in STAND_IN.plan(world) if isinstance(action, Apply)]


def issued(item: dict[str, Any]) -> dict[str, Any]:
    (made,) = plan(item)
    return made.manifest


def read(secret: dict[str, Any], key: str = "tls.crt") -> x509.Certificate:
    return x509.load_pem_x509_certificate(base64.b64decode(secret["data"][key]))


def test_a_certificate_gets_its_secret_signed_by_the_authority_in_it() -> None:
    secret = issued(certificate())
    assert (secret["metadata"]["name"], secret["type"]) == ("shop-tls", "kubernetes.io/tls")
    assert secret["metadata"]["labels"]["retail/stand-in"] == "certificates"
    leaf = read(secret)
    names = leaf.extensions.get_extension_for_class(x509.SubjectAlternativeName).value
    assert names.get_values_for_type(x509.DNSName) == ["shop.example", "erp.example"]
    leaf.verify_directly_issued_by(read(secret, "ca.crt"))


@pytest.mark.parametrize(
    ("key", "kind", "size"),
    [
        ({}, rsa.RSAPublicKey, 2048),
        ({"algorithm": "ECDSA", "size": 384}, ec.EllipticCurvePublicKey, 384),
    ],
)
def test_the_key_is_as_asked_for(key: dict[str, Any], kind: type, size: int) -> None:
    public = read(issued(certificate(privateKey=key))).public_key()
    assert isinstance(public, rsa.RSAPublicKey | ec.EllipticCurvePublicKey)
    assert isinstance(public, kind)
    assert public.key_size == size


def test_once_issued_it_says_so_and_rests() -> None:
    item = certificate(duration="2160h", renewBefore="720h")
    secret = issued(item)
    (said,) = plan(item, secret)
    status = said.manifest["status"]
    assert status["conditions"][0]["status"] == "True"
    end = moment_of(status["notAfter"])
    assert end - moment_of(status["renewalTime"]) == timedelta(hours=720)
    assert abs(end - datetime.now(UTC) - timedelta(hours=2160)) < timedelta(minutes=5)
    assert plan({**item, "status": status}, secret) == []


def test_other_names_and_a_due_renewal_issue_anew() -> None:
    item = certificate(duration="24h", renewBefore="1h")
    secret = issued(item)
    changed = certificate(duration="24h", renewBefore="1h", dnsNames=["new.example"])
    assert plan(changed, secret)[0].manifest["kind"] == "Secret"
    assert plan(item, secret, after=timedelta(hours=22))[0].subresource == "status"
    assert plan(item, secret, after=timedelta(hours=23, minutes=5))[0].manifest["kind"] == "Secret"


def test_renewal_by_share_of_the_life() -> None:
    start = datetime(2026, 1, 1, tzinfo=UTC)
    end = start + timedelta(days=90)
    assert renewal_time({}, start, end) == start + timedelta(days=60)
    assert renewal_time({"renewBeforePercentage": 10}, start, end) == start + timedelta(days=81)


@pytest.mark.parametrize("kind", ["Issuer", "ClusterIssuer"])
def test_issuers_are_ready(kind: str) -> None:
    item = {"apiVersion": "cert-manager.io/v1", "kind": kind, "metadata": {"name": "le"}, "spec": {}}
    (said,) = plan(item)
    condition = said.manifest["status"]["conditions"][0]
    assert (condition["type"], condition["status"], condition["reason"]) == ("Ready", "True", "StandIn")


def test_a_certificate_it_cannot_follow_leaves_the_others_alone(caplog: pytest.LogCaptureFixture) -> None:
    wrong = certificate(privateKey={"algorithm": "Ed25519"})
    wrong["metadata"] |= {"name": "a-wrong", "namespace": "edge"}
    assert [action.key[3] for action in plan(wrong, certificate())] == ["shop-tls"]
    assert "a-wrong" in caplog.text
