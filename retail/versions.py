"""Every version the platform runs, in one place. The embedded control plane and the CRDs of the rehearsal follow it.

Why these: the newest Kubernetes that CloudNativePG, KEDA and Karpenter all support (docs/sources.md, platform §0).
"""

KUBERNETES = "1.35"
"""EKS version. CloudNativePG 1.30 supports 1.34-1.36, KEDA is tested on 1.33-1.35, Karpenter from 1.9 knows 1.35."""

NODE_IMAGE = "20260903"
"""Release of the EKS-optimised AL2023 image (for 1.35 it is 1.35.7-20260903), for every node. Pinned, because a node
that a peak scales out to must be of the image that was tested before it; and a new one would be drift, which replaces
all of Karpenter's nodes. Raise it before a freeze: https://github.com/awslabs/amazon-eks-ami/releases."""
NODE_KUBELET = "1.35.7"
"""The kubelet in that image: EKS names the release of a node group by both."""

# Operators, as their own release numbers; the CRDs of the rehearsal come from Go modules of the same number.
KEDA = "2.21.0"
TRAEFIK = "3.7.13"
CERT_MANAGER = "1.21.2"
EXTERNAL_SECRETS = "1.3.2"
PROMETHEUS_OPERATOR = "0.85.0"
KARPENTER = "1.14.1"
BARMAN_PLUGIN = "0.15.0"
SNAPSHOTTER = "8.7.0"
CLOUDNATIVE_PG = "1.30.1"

POSTGRESQL = "18.4"
VALKEY = "8.2"
"""ElastiCache engine version; session_redis speaks plain Redis 7 commands, which any Valkey serves."""

TRAEFIK_IMAGE = (
    f"docker.io/library/traefik:v{TRAEFIK}@sha256:24841fe2de7304c149343d877d2923b4c8800a38ba015dea9174c23b20e344a0"
)
"""The official image, by the digest of its multi-architecture index (as several public repositories pin it)."""

POSTGRESQL_IMAGE = (
    f"ghcr.io/cloudnative-pg/postgresql:{POSTGRESQL}-standard-trixie"
    "@sha256:f0cc49632b5cc1e51f65ba03658c89bd31d64ea2672b14843a808a8d281417e1"
)
PGBOUNCER_IMAGE = (
    "ghcr.io/cloudnative-pg/pgbouncer:1.25.1@sha256:e6ddfe22d845e603825e235dd8334b21ecd125abea2a2172478f556b8dee2bb8"
)
VALKEY_IMAGE = "docker.io/valkey/valkey:8.1.10@sha256:640c5e62cea04b6d6f2084232651d0cc70362d31f4f805e7be94dbed6855e8f2"
"""By the digests of their multi-architecture indexes (as several public repositories pin them). PgBouncer's is the
release that CloudNativePG 1.30 uses where none is named."""

PAUSE_IMAGE = "registry.k8s.io/pause:3.10@sha256:ee6521f290b2168b6e0935a181d4cff9be1ac3f505666ef0e3c98fae8199917a"
"""What headroom runs: the process that sleeps."""

# Helm charts that carry those operators; a chart has a number of its own. Values were compared with the charts' sources
# and JSON schemas at these versions; CloudNativePG's, the barman plugin's and KEDA's with the release before.
CLOUDNATIVE_PG_CHART = "0.29.1"
BARMAN_PLUGIN_CHART = "0.8.0"
KEDA_CHART = "2.21.0"
KARPENTER_CHART = "1.14.1"
CERT_MANAGER_CHART = "v1.21.2"
EXTERNAL_SECRETS_CHART = "1.3.2"
LOAD_BALANCER_CONTROLLER_CHART = "3.5.0"
KUBE_PROMETHEUS_STACK_CHART = "77.14.0"
"""The last with prometheus-operator 0.85."""
PROMETHEUS_OPERATOR_CRDS_CHART = "23.0.0"
RELOADER_CHART = "2.2.16"
TRAEFIK_CHART = "41.3.0"
"""Its CRDs are byte for byte those of Traefik 3.7.13."""
