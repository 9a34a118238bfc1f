"""The network: cut without overlap, a way out in each zone, nothing open by default."""

from ipaddress import IPv4Network
from typing import Any

import pulumi
import pytest
from pulumi_aws import ec2

from components.network import Network, NetworkArgs, subnet_cidrs
from rehearsal.engine.model import Evaluation, Resource
from retail.naming import Identity

ZONES = ("eu-central-1a", "eu-central-1b", "eu-central-1c")


def args(identity: Identity) -> NetworkArgs:
    return NetworkArgs(identity=identity, cluster_name="acme-production", vpc_cidr="10.20.0.0/16", zones=ZONES)


def of_type(evaluation: Evaluation, kind: str) -> list[Resource]:
    return [resource for resource in evaluation.resources.values() if resource.type.endswith(f":{kind}")]


def test_subnets_do_not_overlap_and_stay_in_the_vpc() -> None:
    cut = subnet_cidrs("10.20.0.0/16", ZONES)
    networks = [
        IPv4Network(cidr) for zone in ZONES for cidr in (cut[zone].public, cut[zone].private, cut[zone].control_plane)
    ]
    assert all(network.subnet_of(IPv4Network("10.20.0.0/16")) for network in networks)
    assert not any(one.overlaps(other) for one in networks for other in networks if one is not other)
    assert {IPv4Network(cut[zone].private).prefixlen for zone in ZONES} == {18}


def test_every_zone_has_a_way_out_of_its_own(run_component: Any, identity: Identity) -> None:
    evaluation = run_component(lambda opts, _: Network("net", args(identity), opts))
    by_id = {resource.id: resource for resource in evaluation.resources.values()}
    private = [s for s in of_type(evaluation, "Subnet") if "karpenter.sh/discovery" in s.inputs["tags"]]
    table_of = {
        link.inputs["subnetId"]: by_id[link.inputs["routeTableId"]]
        for link in of_type(evaluation, "RouteTableAssociation")
    }
    for subnet in private:
        (route,) = table_of[subnet.id].inputs["routes"]
        gateway = by_id[route["natGatewayId"]]
        assert by_id[gateway.inputs["subnetId"]].inputs["availabilityZone"] == subnet.inputs["availabilityZone"]
    assert len(private) == len(of_type(evaluation, "NatGateway")) == len(of_type(evaluation, "Eip")) == 3
    (endpoint,) = of_type(evaluation, "VpcEndpoint")
    assert sorted(endpoint.inputs["routeTableIds"]) == sorted(table_of[subnet.id].id for subnet in private)


def test_tags_let_load_balancers_and_karpenter_find_subnets(run_component: Any, identity: Identity) -> None:
    subnets = of_type(run_component(lambda opts, _: Network("net", args(identity), opts)), "Subnet")
    assert sum(s.inputs["tags"].get("kubernetes.io/role/elb") == "1" for s in subnets) == 3
    assert sum(s.inputs["tags"].get("kubernetes.io/role/internal-elb") == "1" for s in subnets) == 3
    assert {s.inputs["tags"].get("karpenter.sh/discovery") for s in subnets} == {None, "acme-production"}
    assert not any(s.inputs["mapPublicIpOnLaunch"] for s in subnets)


def test_whoever_uses_a_private_subnet_waits_for_its_route(run_component: Any, identity: Identity) -> None:
    def build(opts: pulumi.ResourceOptions, _: object) -> None:
        network = Network("net", args(identity), opts)
        assert isinstance(opts.providers, list)
        user = pulumi.ResourceOptions(provider=opts.providers[0])
        ec2.NatGateway("user", subnet_id=network.private_subnet_ids[ZONES[0]], allocation_id="eipalloc-1", opts=user)

    (user,) = [resource for resource in of_type(run_component(build), "NatGateway") if resource.name == "user"]
    assert any("RouteTableAssociation::net-private-eu-central-1a" in urn for urn in user.dependencies)


def test_default_security_group_is_empty_and_flows_are_logged(run_component: Any, identity: Identity) -> None:
    evaluation = run_component(lambda opts, _: Network("net", args(identity), opts))
    (group,) = of_type(evaluation, "DefaultSecurityGroup")
    assert not group.inputs.get("ingress")
    assert not group.inputs.get("egress")
    (log,) = of_type(evaluation, "FlowLog")
    assert log.inputs["trafficType"] == "ALL"
    (policy,) = of_type(evaluation, "RolePolicy")
    assert "acme-production/flow-logs:*" in policy.inputs["policy"]


def test_all_mistakes_are_in_one_message(identity: Identity) -> None:
    with pytest.raises(pulumi.InputPropertiesError, match=r"zones must be 3.*; vpc_cidr must be an IPv4 /16"):
        NetworkArgs(identity=identity, cluster_name="c", vpc_cidr="10.0.0.0/20", zones=("a", "a", "b"))
