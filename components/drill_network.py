"""Who may talk to whom where backups are restored: the drill to its scratch cluster, and neither to what is alive."""

from collections.abc import Sequence

from components import scratch_cluster
from components.network_rules import (
    DATABASE_PODS,
    POSTGRES_PORT,
    PUBLIC,
    STATUS_PORT,
    Spec,
    closed,
    database_operator,
    kubernetes_api,
    of_tiers,
    policy,
    prometheus,
    rule,
)
from retail.naming import LABEL_TIER


def drill_policies(tier: str, metrics_port: int, api_cidrs: Sequence[str], *, attachments: bool) -> dict[str, Spec]:
    """All policies of the namespace, by name. tier: the drill's own. attachments: whether it reads those as well.

    S3's addresses are public even by a VPC endpoint: the restored database reads the archive there.
    """
    storage = [rule("to", [PUBLIC], 443)]
    drill = of_tiers([tier])
    restored = of_tiers([scratch_cluster.TIER])
    return {
        **closed(),
        "drill": policy(
            {"matchLabels": {LABEL_TIER: tier}},
            ingress=[rule("from", [prometheus()], metrics_port)],
            egress=[
                kubernetes_api(api_cidrs),
                rule("to", [restored], POSTGRES_PORT),
                *(storage if attachments else []),
            ],
        ),
        "restored-database": policy(
            DATABASE_PODS["podSelector"],
            ingress=[
                rule("from", [drill], POSTGRES_PORT),
                rule("from", [DATABASE_PODS, database_operator()], POSTGRES_PORT, STATUS_PORT),
            ],
            egress=[
                rule("to", [DATABASE_PODS], POSTGRES_PORT, STATUS_PORT),
                kubernetes_api(api_cidrs),
                *storage,
            ],
        ),
    }
