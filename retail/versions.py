"""Every version the platform runs, in one place. The embedded control plane and the CRDs of the rehearsal follow it.

Why these: the newest Kubernetes that CloudNativePG, KEDA and Karpenter all support (facts in docs/architecture.md).
"""

KUBERNETES = "1.35"
"""EKS version. CloudNativePG 1.30 supports 1.34-1.36, KEDA is tested on 1.33-1.35, Karpenter from 1.9 knows 1.35."""

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
