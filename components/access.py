"""What a retailer's stack must know of the cluster it lives on, whether it created it or reads it from its platform."""

from collections.abc import Mapping
from dataclasses import dataclass

import pulumi


@dataclass(frozen=True, kw_only=True)
class SharedDatabase:
    """The platform's PostgreSQL cluster, for retailers that share it. integration_pooler_host: of that tier alone."""

    namespace: pulumi.Input[str]
    cluster: pulumi.Input[str]
    direct_host: pulumi.Input[str]
    pooler_host: pulumi.Input[str]
    integration_pooler_host: pulumi.Input[str]


@dataclass(frozen=True, kw_only=True)
class ClusterAccess:
    """An EKS cluster as seen by whoever puts a retailer on it.

    private_subnet_ids: by availability zone; the keys are plain, the ids are not known before the first deployment.
    edge: the `retail/edge` label that the shared Traefik selects; edge_namespace is where it runs.
    """

    cluster_name: pulumi.Input[str]
    vpc_id: pulumi.Input[str]
    vpc_cidr: pulumi.Input[str]
    private_subnet_ids: Mapping[str, pulumi.Input[str]]
    public_subnet_ids: Mapping[str, pulumi.Input[str]]
    cluster_security_group_id: pulumi.Input[str]
    node_role_name: pulumi.Input[str]
    node_role_arn: pulumi.Input[str]
    node_instance_profile: pulumi.Input[str]
    external_secrets_role_arn: pulumi.Input[str]
    shared_database: SharedDatabase | None = None
    edge_namespace: pulumi.Input[str] | None = None
