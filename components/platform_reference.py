"""What a platform's stack tells the stacks it hosts, and how they read it back."""

from collections.abc import Mapping
from dataclasses import fields
from functools import partial
from typing import Any

import pulumi
import pulumi_kubernetes as kubernetes

from components.access import ClusterAccess, SharedDatabase


def platform_outputs(
    access: ClusterAccess,
    kubeconfig: pulumi.Input[str],
    shared_database: SharedDatabase | None,
    edge_namespace: pulumi.Input[str] | None,
) -> dict[str, Any]:
    """Stack exports by name. None of them is secret: the kubeconfig holds no credential, roles are only names."""
    outputs: dict[str, Any] = {"kubeconfig": kubeconfig}
    for field in fields(access):
        value = getattr(access, field.name)
        if field.name not in ("shared_database", "edge_namespace"):
            outputs[field.name] = dict(value) if isinstance(value, Mapping) else value
    if shared_database is not None:
        outputs["shared_database"] = {
            field.name: getattr(shared_database, field.name) for field in fields(SharedDatabase)
        }
    if edge_namespace is not None:
        outputs["edge_namespace"] = edge_namespace
    return outputs


def access_from_reference(reference: pulumi.StackReference, zones: tuple[str, ...]) -> ClusterAccess:
    """The platform's cluster, as its stack exported it.

    zones: the hosted stack's, which must be the platform's: an Output that fails says so where they are not.
    """

    def text(field: str) -> pulumi.Output[str]:
        exported: pulumi.Output[str] = reference.require_output(field)
        return exported

    database: pulumi.Output[Mapping[str, str]] = reference.require_output("shared_database")
    return ClusterAccess(
        cluster_name=text("cluster_name"),
        vpc_id=text("vpc_id"),
        vpc_cidr=text("vpc_cidr"),
        private_subnet_ids=_by_zone(reference.require_output("private_subnet_ids"), zones),
        public_subnet_ids=_by_zone(reference.require_output("public_subnet_ids"), zones),
        cluster_security_group_id=text("cluster_security_group_id"),
        node_role_name=text("node_role_name"),
        node_role_arn=text("node_role_arn"),
        node_instance_profile=text("node_instance_profile"),
        external_secrets_role_arn=text("external_secrets_role_arn"),
        shared_database=SharedDatabase(
            namespace=database.apply(lambda exported: exported["namespace"]),
            cluster=database.apply(lambda exported: exported["cluster"]),
            direct_host=database.apply(lambda exported: exported["direct_host"]),
            pooler_host=database.apply(lambda exported: exported["pooler_host"]),
            integration_pooler_host=database.apply(lambda exported: exported["integration_pooler_host"]),
        ),
        edge_namespace=text("edge_namespace"),
    )


def kubernetes_provider_from_reference(
    name: str, reference: pulumi.StackReference, opts: pulumi.ResourceOptions | None = None
) -> kubernetes.Provider:
    """A provider for the platform's cluster. Whoever deploys needs an access entry there."""
    return kubernetes.Provider(
        name,
        kubeconfig=reference.require_output("kubeconfig"),
        cluster_identifier=reference.require_output("cluster_name"),
        enable_server_side_apply=True,
        opts=opts,
    )


def _by_zone(exported: pulumi.Output[Mapping[str, str]], zones: tuple[str, ...]) -> dict[str, pulumi.Output[str]]:
    def pick(subnets: Mapping[str, str], zone: str) -> str:
        if zone not in subnets:
            raise pulumi.RunError(
                f"region: the platform has no subnet in {zone}, its zones are {', '.join(sorted(subnets))}; "
                "a hosted stack's region must be its platform's"
            )
        return subnets[zone]

    return {zone: exported.apply(partial(pick, zone=zone)) for zone in zones}
