"""Alerts on the way in and on what keeps it open: Traefik, certificates, scaling, secrets."""

from components.alerts.rule import DAY, HOUR, Alert
from components.edge_names import scraped

CERTIFICATE_PAGE_DAYS, CERTIFICATE_OVERDUE_HOURS = 10, 48
DISAGREE_SECONDS = 900

ROTATION_DAYS = 93
"""Passwords change every 90 days at most (retail/rotation.py); three days are for its being tried again."""


def traefik_alerts(edge_namespace: str, replicas: int) -> list[Alert]:
    """Of an edge, for whoever owns it."""
    job = scraped(edge_namespace)
    return [
        Alert(
            "EdgeDown",
            f"(sum(up{{{job}}}) or vector(0)) < 1",
            "2m",
            "No Traefik pod answers: nothing is reachable",
            "`kubectl get pods -l app.kubernetes.io/name=traefik`; then the load balancer's target health.",
            True,
        ),
        Alert(
            "EdgeShort",
            f"sum(up{{{job}}}) < {replicas}",
            "15m",
            f"Fewer than {replicas} Traefik pods, one a zone",
            "A pending pod: the web pool in its zone. Zone lost: start a zonal shift.",
            False,
        ),
        Alert(
            "EdgeReplicasDisagree",
            f"max(traefik_config_last_reload_success{{{job}}}) - min(traefik_config_last_reload_success{{{job}}})"
            f" > {DISAGREE_SECONDS}",
            "15m",
            "A Traefik replica doesn't take up what the others have: routes or certificates of yesterday",
            "Its log says what it can't read (RBAC, a Secret, a watch that broke); then delete the pod.",
            False,
        ),
        Alert(
            "EdgeCertificateExpires",
            f"min(traefik_tls_certs_not_after{{{job}}}) - time() < {CERTIFICATE_PAGE_DAYS * DAY}",
            "1h",
            f"Traefik serves a certificate that ends in less than {CERTIFICATE_PAGE_DAYS} days",
            "`kubectl describe certificate,order,challenge` in its retailer's namespace: mostly DNS. Renewed already?"
            " Then a replica holds the old one: delete the pod. A freeze doesn't forbid either.",
            True,
        ),
    ]


def certificate_alerts(namespace: str) -> list[Alert]:
    """Of the hosts' certificate: why it would end. That it ends is the edge's own alert, on what it serves.

    cert-manager's own `namespace` label comes as `exported_namespace`.
    """
    own = f'exported_namespace="{namespace}",name="edge"'
    return [
        Alert(
            "CertificateNotRenewed",
            f"time() - max(certmanager_certificate_renewal_timestamp_seconds{{{own}}})"
            f" > {CERTIFICATE_OVERDUE_HOURS * HOUR}",
            "1h",
            f"The hosts' certificate should have been renewed {CERTIFICATE_OVERDUE_HOURS} hours ago",
            "`kubectl describe certificate,order,challenge`. It outlasts a freeze; mend it before the next one begins.",
            False,
        ),
        Alert(
            "CertificateUnknown",
            f"absent(certmanager_certificate_expiration_timestamp_seconds{{{own}}})",
            "1h",
            "cert-manager reports no certificate for the hosts",
            "Is the Certificate there, and cert-manager scraped?",
            False,
        ),
    ]


def scaling_alerts(namespace: str) -> list[Alert]:
    """KEDA exports no series for its fallback; it holds after three failed queries in a row, which these count.
    KEDA's own `namespace` label comes as `exported_namespace`."""
    own = f'exported_namespace="{namespace}"'
    return [
        Alert(
            "ScalingBlind",
            f"max by (scaledObject) (increase(keda_scaled_object_errors_total{{{own}}}[10m])) > 10",
            "5m",
            "{{ $labels.scaledObject }} scales on its fallback: KEDA can't measure it",
            "`kubectl describe scaledobject`: Prometheus away, Traefik not scraped, or the role `keda` refused. The"
            " tier keeps its pods and doesn't grow; set replicas by hand if load rises.",
            True,
        ),
        Alert(
            "ScalingUnknown",
            f"absent(keda_scaler_metrics_value{{{own}}})",
            "30m",
            "KEDA reports nothing of this retailer's tiers",
            "Is keda-operator up and scraped? `kubectl get scaledobject`: READY and the HPA's events.",
            False,
        ),
    ]


def secret_alerts(namespace: str, rotation: str) -> list[Alert]:
    """rotation: name of the CronJob that replaces the passwords."""
    cron = f'namespace="{namespace}",cronjob="{rotation}"'
    return [
        Alert(
            "SecretsNotCopied",
            f'max(externalsecret_status_condition{{exported_namespace="{namespace}",condition="Ready",status="False"}})'
            " > 0",
            "30m",
            "A secret isn't copied from Secrets Manager: a rotated password won't arrive",
            "`kubectl get externalsecrets`: the message names the role or key that is refused.",
            False,
        ),
        Alert(
            "RotationOverdue",
            f"time() - max(kube_cronjob_status_last_successful_time{{{cron}}}) > {ROTATION_DAYS * DAY}",
            "1h",
            f"The passwords are older than {ROTATION_DAYS} days",
            "Read the last rotation's log and run it by hand; not within a freeze.",
            False,
        ),
    ]
