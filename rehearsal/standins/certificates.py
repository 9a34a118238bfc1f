"""Stands in for cert-manager: issuers are ready, and each Certificate gets its TLS Secret.

The certificates are real but signed by a throw-away authority, whatever the issuer: no ACME order, challenge or DNS
record is made, no CertificateRequest written, no issuer's reference or key looked at. A certificate is issued again
when what it is for changes, and renewed when its time comes.
"""

import base64
from collections.abc import Iterator
from datetime import datetime, timedelta

from rehearsal.standins import kinds
from rehearsal.standins.durations import duration
from rehearsal.standins.generated import secret_data
from rehearsal.standins.stand_in import (
    HASH_ANNOTATION,
    Action,
    Apply,
    digest,
    hash_of,
    keep_status,
    owned,
    per_object,
    timestamp,
)
from rehearsal.standins.tls import Authority, expiry
from rehearsal.standins.world import Object, World

_LIFE = timedelta(days=90)
"""cert-manager's default `duration`; it renews with a third of the life left unless `renewBefore` says otherwise."""


class Certificates:
    """The cert-manager stand-in."""

    name = "certificates"
    watches = (kinds.CERTIFICATE, kinds.ISSUER, kinds.CLUSTER_ISSUER, kinds.SECRET)
    settle_seconds = 0.1

    def __init__(self, authority: Authority) -> None:
        self._authority = authority

    def plan(self, world: World) -> Iterator[Action]:
        yield from per_object(world, kinds.ISSUER, issuer_status)
        yield from per_object(world, kinds.CLUSTER_ISSUER, issuer_status)
        yield from per_object(world, kinds.CERTIFICATE, self.desired)

    def desired(self, certificate: Object, world: World) -> Iterator[Action]:
        """The certificate's Secret, while there is none that serves; then its status."""
        spec, namespace = certificate["spec"], certificate["metadata"]["namespace"]
        secret = world.get(kinds.SECRET, spec["secretName"], namespace)
        wanted = digest(spec)
        if secret is not None and hash_of(secret) == wanted:
            start, end = expiry(base64.b64decode(secret["data"]["tls.crt"]))
            renewal = renewal_time(spec, start, end)
            if world.now < renewal:
                yield from keep_status(certificate, _ready(start, end, renewal))
                return
        yield Apply(self._issue(certificate, wanted))

    def _issue(self, certificate: Object, wanted: str) -> Object:
        spec = certificate["spec"]
        names = spec.get("dnsNames") or []
        key = spec.get("privateKey") or {}
        algorithm = key.get("algorithm", "RSA")
        pair = self._authority.issue(
            spec.get("commonName") or (names[0] if names else certificate["metadata"]["name"]),
            names,
            duration(spec["duration"]) if "duration" in spec else _LIFE,
            algorithm=algorithm,
            size=key.get("size") or (2048 if algorithm == "RSA" else 256),
        )
        template = spec.get("secretTemplate") or {}
        return owned(
            {
                "apiVersion": "v1",
                "kind": "Secret",
                "metadata": {
                    "name": spec["secretName"],
                    "labels": template.get("labels") or {},
                    "annotations": {**(template.get("annotations") or {}), HASH_ANNOTATION: wanted},
                },
                "type": "kubernetes.io/tls",
                "data": secret_data(
                    {
                        "tls.crt": pair.certificate,
                        "tls.key": pair.key,
                        "ca.crt": self._authority.own.certificate,
                    }
                ),
            },
            certificate,
            self.name,
        )


def issuer_status(issuer: Object, _: World) -> Iterator[Action]:
    message = "a stand-in; nothing was asked of the issuer"
    condition = {"type": "Ready", "status": "True", "reason": "StandIn", "message": message}
    yield from keep_status(issuer, {"conditions": [condition]})


def renewal_time(spec: Object, start: datetime, end: datetime) -> datetime:
    """When cert-manager would renew: `renewBefore` ahead of the end, or with a third of the life left."""
    if "renewBefore" in spec:
        return end - duration(spec["renewBefore"])
    percent = spec.get("renewBeforePercentage", 100 / 3)
    return end - (end - start) * float(percent) / 100


def _ready(start: datetime, end: datetime, renewal: datetime) -> Object:
    message = "issued by a stand-in authority"
    return {
        "conditions": [{"type": "Ready", "status": "True", "reason": "Ready", "message": message}],
        "notBefore": timestamp(start),
        "notAfter": timestamp(end),
        "renewalTime": timestamp(renewal),
    }
