"""Outputs of VPC resources. Public addresses are from 198.18.0.0/15, which is set aside for tests (RFC 2544)."""

import zlib
from collections.abc import Callable
from typing import Any

from rehearsal.engine.aws_outputs.facts import Facts, zone_id, zones
from rehearsal.engine.aws_outputs.rules import Rule, Rules


def _owned(prefix: str, noun: str) -> Callable[[Facts], dict[str, Any]]:
    """An id with `prefix`, its ARN under `noun`, and the owner."""

    def outputs(facts: Facts) -> dict[str, Any]:
        identifier = facts.ec2_id(prefix)
        return {"id": identifier, "arn": facts.arn("ec2", f"{noun}/{identifier}"), "ownerId": facts.account.id}

    return outputs


def _without_owner(prefix: str, noun: str) -> Callable[[Facts], dict[str, Any]]:
    def outputs(facts: Facts) -> dict[str, Any]:
        identifier = facts.ec2_id(prefix)
        return {"id": identifier, "arn": facts.arn("ec2", f"{noun}/{identifier}")}

    return outputs


def _vpc(facts: Facts) -> dict[str, Any]:
    main_route_table = facts.ec2_id("rtb")
    return {
        **_owned("vpc", "vpc")(facts),
        "defaultNetworkAclId": facts.ec2_id("acl"),
        "defaultRouteTableId": main_route_table,
        "mainRouteTableId": main_route_table,
        "defaultSecurityGroupId": facts.ec2_id("sg"),
        "dhcpOptionsId": facts.ec2_id("dopt"),
        "ipv6AssociationId": "",
        "enableDnsSupport": facts.get("enableDnsSupport", default=True),
        "instanceTenancy": facts.get("instanceTenancy", default="default"),
    }


def _subnet(facts: Facts) -> dict[str, Any]:
    zone = facts.get("availabilityZone", default=zones(facts.region)[0])
    return {
        **_owned("subnet", "subnet")(facts),
        "availabilityZone": zone,
        "availabilityZoneId": zone_id(zone),
        "ipv6CidrBlockAssociationId": "",
        "mapPublicIpOnLaunch": facts.get("mapPublicIpOnLaunch", default=False),
    }


def _address(facts: Facts, salt: str) -> str:
    """An address out of 198.18.0.0/15."""
    number = int(facts.hex(5, salt), 16) % (1 << 17)
    return f"198.{18 + (number >> 16)}.{(number >> 8) & 255}.{number & 255}"


def _eip(facts: Facts) -> dict[str, Any]:
    identifier = facts.ec2_id("eipalloc")
    address = _address(facts, "public")
    return {
        "id": identifier,
        "allocationId": identifier,
        "arn": facts.arn("ec2", f"elastic-ip/{identifier}"),
        "publicIp": address,
        "publicDns": f"ec2-{address.replace('.', '-')}.{facts.region}.compute.{facts.account.dns_suffix}",
        "domain": facts.get("domain", default="vpc"),
    }


def _nat_gateway(facts: Facts) -> dict[str, Any]:
    return {
        "id": facts.ec2_id("nat"),
        "associationId": facts.ec2_id("eipassoc"),
        "networkInterfaceId": facts.ec2_id("eni"),
        "publicIp": facts.found(facts.get("allocationId"), "publicIp", _address(facts, "public")),
        "connectivityType": facts.get("connectivityType", default="public"),
    }


def _route(facts: Facts) -> dict[str, Any]:
    target = facts.get("destinationCidrBlock", default=facts.get("destinationIpv6CidrBlock"))
    return {
        "id": f"r-{facts.get('routeTableId')}{zlib.crc32(str(target).encode())}",
        "origin": "CreateRoute",
        "state": "active",
        "instanceId": "",
        "instanceOwnerId": "",
    }


def _security_group_rule(facts: Facts) -> dict[str, Any]:
    identifier = facts.ec2_id("sgr")
    return {
        "id": identifier,
        "securityGroupRuleId": identifier,
        "arn": facts.arn("ec2", f"security-group-rule/{identifier}"),
    }


def _default_security_group(facts: Facts) -> dict[str, Any]:
    identifier = facts.found(facts.get("vpcId"), "defaultSecurityGroupId", facts.ec2_id("sg"))
    return {
        "id": identifier,
        "arn": facts.arn("ec2", f"security-group/{identifier}"),
        "ownerId": facts.account.id,
        "name": "default",
        "description": "default VPC security group",
    }


def _vpc_endpoint(facts: Facts) -> dict[str, Any]:
    identifier = facts.ec2_id("vpce")
    service = str(facts.get("serviceName"))
    outputs = {
        "id": identifier,
        "arn": facts.arn("ec2", f"vpc-endpoint/{identifier}"),
        "ownerId": facts.account.id,
        "requesterManaged": False,
        "state": "available",
        "vpcEndpointType": facts.get("vpcEndpointType", default="Gateway"),
    }
    if outputs["vpcEndpointType"] == "Gateway":
        return {**outputs, "prefixListId": f"pl-{facts.hex(8, 'pl')}", "networkInterfaceIds": [], "dnsEntries": []}
    host = f"{identifier}-{facts.hex(8, 'dns')}.{service.rpartition('.')[2]}.{facts.region}.vpce"
    return {
        **outputs,
        "networkInterfaceIds": [facts.ec2_id("eni", str(subnet)) for subnet in facts.get("subnetIds", default=[])],
        "dnsEntries": [
            {"dnsName": f"{host}.{facts.account.dns_suffix}", "hostedZoneId": f"Z{facts.capitals(13, 'zone')}"}
        ],
    }


def _launch_template(facts: Facts) -> dict[str, Any]:
    return {**_without_owner("lt", "launch-template")(facts), "latestVersion": 1, "defaultVersion": 1}


RULES: Rules = {
    "aws:ec2/vpc:Vpc": Rule(_vpc),
    "aws:ec2/subnet:Subnet": Rule(_subnet),
    "aws:ec2/internetGateway:InternetGateway": Rule(_owned("igw", "internet-gateway")),
    "aws:ec2/natGateway:NatGateway": Rule(_nat_gateway),
    "aws:ec2/eip:Eip": Rule(_eip),
    "aws:ec2/routeTable:RouteTable": Rule(_owned("rtb", "route-table")),
    "aws:ec2/route:Route": Rule(_route, tagged=False),
    "aws:ec2/routeTableAssociation:RouteTableAssociation": Rule(
        lambda facts: {"id": facts.ec2_id("rtbassoc")}, tagged=False
    ),
    "aws:ec2/networkAcl:NetworkAcl": Rule(_owned("acl", "network-acl")),
    "aws:ec2/securityGroup:SecurityGroup": Rule(_owned("sg", "security-group"), named="name"),
    "aws:ec2/defaultSecurityGroup:DefaultSecurityGroup": Rule(_default_security_group),
    "aws:vpc/securityGroupIngressRule:SecurityGroupIngressRule": Rule(_security_group_rule),
    "aws:vpc/securityGroupEgressRule:SecurityGroupEgressRule": Rule(_security_group_rule),
    "aws:ec2/vpcEndpoint:VpcEndpoint": Rule(_vpc_endpoint),
    "aws:ec2/flowLog:FlowLog": Rule(_without_owner("fl", "vpc-flow-log")),
    "aws:ec2/launchTemplate:LaunchTemplate": Rule(_launch_template, named="name"),
}
