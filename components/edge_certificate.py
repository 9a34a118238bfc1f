"""The certificate of a retailer's hosts: renewed so early that it outlasts a freeze in which no renewal works."""

import math
from collections.abc import Sequence
from datetime import timedelta
from typing import Any

import pulumi
from pulumi_kubernetes.apiextensions import CustomResource

from components.operators.cert_manager import ISSUER
from retail.naming import Identity
from retail.peaks import Window

CERTIFICATE_SECRET = "edge-tls"  # noqa: S105 - the name of a Secret

LIFETIME = timedelta(days=90)
"""What Let's Encrypt issues by default until 10 February 2027; then 64 days, and 45 from 16 February 2028 (its post of
2 December 2025). `renewBefore` would then be longer than the life or leave a day of it, and cert-manager would renew
daily: so the time is given to it as a share of the certificate's true life."""

MARGIN = timedelta(days=7)
LEAST_PERCENT, MOST_PERCENT = 34, 80
"""Never later than with a third of the life left (30 of 90 days), never so early that Let's Encrypt's limit of five
equal certificates a week comes into sight (20 % of 45 days are 9)."""


def renew_before_percent(freezes: Sequence[Window]) -> int:
    """Share of a certificate's life that is left when it is renewed.

    At the start of the longest freeze there is at least its length and a week left, so nothing need be renewed in it:
    a renewal that falls into it may fail without harm until it is over. Not cert-manager's `renewal.windows`, which
    would forbid it: a window put off past the certificate's end is an outage, and with shorter lives it would be.
    """
    longest = max((freeze.end - freeze.start for freeze in freezes), default=timedelta())
    wanted = math.ceil((longest + MARGIN) / LIFETIME * 100)
    return min(MOST_PERCENT, max(LEAST_PERCENT, wanted))


def edge_certificate(
    name: str,
    identity: Identity,
    dns_names: Sequence[str],
    freezes: Sequence[Window],
    *,
    labels: dict[str, str],
    opts: pulumi.ResourceOptions,
) -> CustomResource:
    """One certificate for all hosts."""
    spec: dict[str, Any] = {
        "secretName": CERTIFICATE_SECRET,
        "dnsNames": list(dns_names),
        "issuerRef": {"group": "cert-manager.io", "kind": "ClusterIssuer", "name": ISSUER},
        "duration": f"{LIFETIME // timedelta(hours=1)}h",
        "renewBeforePercentage": renew_before_percent(freezes),
        "privateKey": {"algorithm": "ECDSA", "size": 256, "rotationPolicy": "Always"},
        "revisionHistoryLimit": 3,
    }
    return CustomResource(
        name,
        api_version="cert-manager.io/v1",
        kind="Certificate",
        metadata={"name": "edge", "namespace": identity.namespace, "labels": labels},
        spec=spec,
        opts=opts,
    )
