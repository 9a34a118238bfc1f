"""The Go modules that carry the operators' CRDs, at the versions the program pins.

CloudNativePG's are missing here on purpose: its module is in no registry, so `cnpg/` holds schemas of our own.
"""

from dataclasses import dataclass

from retail import versions


@dataclass(frozen=True)
class Module:
    """One Go module and the files in it that hold CRDs.

    `sum` is the module's `h1:` hash as go.sum has it. It is pinned here beside the checksum database, so that the files
    are the same ones where a company's proxy has switched that database off. `files` are glob patterns in the module.
    """

    path: str
    version: str
    sum: str
    files: tuple[str, ...]

    def __str__(self) -> str:
        return f"{self.path}@v{self.version}"


# Kinds that no part of the program declares are left out where their schemas are large (the Prometheus, Alertmanager,
# ThanosRuler and ScrapeConfig kinds alone are 4 MB): the API server would hold and publish them for nothing.
MODULES: tuple[Module, ...] = (
    Module(
        "github.com/kedacore/keda/v2",
        versions.KEDA,
        "h1:R6z2HZvstK4RLUMxroNACzBj74xGxt3kG59b5Xc+Xps=",
        ("config/crd/bases/keda.sh_*.yaml",),
    ),
    Module(
        "github.com/traefik/traefik/v3",
        versions.TRAEFIK,
        "h1:T8wy9KuaFzCkmXCqAzDy7t73pBDR1DHrJe3pqXpNXTw=",
        ("docs/content/reference/dynamic-configuration/traefik.io_*.yaml",),
    ),
    Module(
        "github.com/cert-manager/cert-manager",
        versions.CERT_MANAGER,
        "h1:UWgoYM+KLNtRlqmoWOKjKBOBUPVHeepQ6/ac3ERJW68=",
        ("deploy/crds/*.yaml",),
    ),
    Module(
        "github.com/external-secrets/external-secrets",
        versions.EXTERNAL_SECRETS,
        "h1:u2J8RjlHIeF0oZCqtl92adI/uZWUwOesJIDkfql6LqQ=",
        (
            "config/crds/bases/external-secrets.io_*.yaml",
            "config/crds/bases/generators.external-secrets.io_passwords.yaml",
        ),
    ),
    Module(
        "github.com/prometheus-operator/prometheus-operator",
        versions.PROMETHEUS_OPERATOR,
        "h1:M5xLCLEoaW2IJfnuCwFzzpL+jSVQu3KGT84Pye+fW8s=",
        (
            "example/prometheus-operator-crd/monitoring.coreos.com_*monitors.yaml",
            "example/prometheus-operator-crd/monitoring.coreos.com_probes.yaml",
            "example/prometheus-operator-crd/monitoring.coreos.com_prometheusrules.yaml",
        ),
    ),
    # Its folder has Karpenter's own kinds too, as the AWS chart installs them (with rules the core module lacks).
    Module(
        "github.com/aws/karpenter-provider-aws",
        versions.KARPENTER,
        "h1:WGtIQTQcxpElYMdWfWuPwaF2+9muR+hYhPZsTtoY8Gs=",
        ("pkg/apis/crds/*.yaml",),
    ),
    Module(
        "github.com/cloudnative-pg/plugin-barman-cloud",
        versions.BARMAN_PLUGIN,
        "h1:gNVytrzzYUE08wxLDrjfJqy1FPPSFkMe1OEr4s4pVI0=",
        ("config/crd/bases/*.yaml",),
    ),
    Module(
        "github.com/kubernetes-csi/external-snapshotter/client/v8",
        versions.SNAPSHOTTER,
        "h1:HVaSUeRRHPu49aSiL8eXOjS9Re9G6pM0NzdTGI7mM14=",
        ("config/crd/snapshot.storage.k8s.io_*.yaml",),
    ),
)
