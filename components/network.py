"""The VPC of a cluster: three zones, each with a public and a private subnet and a way out of its own."""

import json
from collections.abc import Mapping
from dataclasses import dataclass
from ipaddress import IPv4Network, ip_network

import pulumi
from pulumi_aws import cloudwatch, ec2, iam

from retail.naming import Identity

ZONES = 3


@dataclass(frozen=True)
class SubnetCidrs:
    """Address ranges of one zone."""

    public: str
    private: str
    control_plane: str


def subnet_cidrs(vpc_cidr: str, zones: tuple[str, ...]) -> dict[str, SubnetCidrs]:
    """The /16 cut for three zones: a private /18 each, and the last quarter in public /20s; the fourth of those begins
    with a /27 each for the control plane, and the rest of it is spare.

    Private ranges are large because the VPC CNI hands whole /28 prefixes to nodes (16,384 addresses are 1,024 of them);
    public ones hold load balancers and NAT gateways only. EKS wants 16 free addresses for its network interfaces
    (its user guide, subnet requirements), of which AWS keeps five to itself.
    """
    quarters = list(_network(vpc_cidr).subnets(new_prefix=18))
    *public, last = quarters[ZONES].subnets(new_prefix=20)
    return {
        zone: SubnetCidrs(public=str(out), private=str(private), control_plane=str(control_plane))
        for zone, private, out, control_plane in zip(
            zones, quarters[:ZONES], public, last.subnets(new_prefix=27), strict=False
        )
    }


def _network(cidr: str) -> IPv4Network:
    network = ip_network(cidr)
    if not isinstance(network, IPv4Network) or network.prefixlen != 16:
        raise ValueError(f"must be an IPv4 /16; given {cidr}")
    return network


@dataclass(frozen=True, kw_only=True)
class NetworkArgs:
    """vpc_cidr: a /16. zones: three availability zones. cluster_name: of the EKS cluster that will live here.

    flow_log_days: how long flow logs are kept; one of CloudWatch's values (7, 30, 90, 365 ...).
    """

    identity: Identity
    cluster_name: str
    vpc_cidr: str
    zones: tuple[str, ...]
    flow_log_days: int = 90

    def __post_init__(self) -> None:
        errors: list[pulumi.InputPropertyErrorDetails] = []
        if len(set(self.zones)) != ZONES:
            errors.append({"property_path": "zones", "reason": f"must be {ZONES} different zones; given {self.zones}"})
        try:
            _network(self.vpc_cidr)
        except ValueError as error:
            errors.append({"property_path": "vpc_cidr", "reason": str(error)})
        if errors:
            joined = "; ".join(f"{error['property_path']} {error['reason']}" for error in errors)
            raise pulumi.InputPropertiesError(f"NetworkArgs: {joined}", errors)


class Network(pulumi.ComponentResource):
    """A VPC over three zones, with flow logs and a gateway endpoint for S3.

    One NAT gateway and elastic IP per zone: a lost zone takes no other zone's way out with it, and traffic pays no
    cross-zone charge. The gateway endpoint is free and keeps backups and filestore off the NAT gateways.
    The Kubernetes API's network interfaces have subnets of their own, without a way out: pods can be let through to the
    API by address, and nothing else lives at those.
    A private subnet's id comes from the association with its route table, so whoever is handed the id waits for the
    route out: nodes that start before it can't pull images.
    It gives up IPv6 and, with NAT per zone, about three times the fixed cost of a single one.

    Example:
        Network("acme", NetworkArgs(identity=identity, cluster_name=identity.namespace,
            vpc_cidr="10.20.0.0/16", zones=settings.zones))
    """

    vpc_id: pulumi.Output[str]
    public_subnet_ids: dict[str, pulumi.Output[str]]
    private_subnet_ids: dict[str, pulumi.Output[str]]
    control_plane_subnet_ids: dict[str, pulumi.Output[str]]

    def __init__(self, name: str, args: NetworkArgs, opts: pulumi.ResourceOptions | None = None) -> None:
        super().__init__("retail:network:Network", name, {"vpcCidr": args.vpc_cidr, "zones": list(args.zones)}, opts)
        child = pulumi.ResourceOptions(parent=self)
        vpc = ec2.Vpc(
            f"{name}-vpc",
            cidr_block=args.vpc_cidr,
            enable_dns_support=True,
            enable_dns_hostnames=True,  # nodes register under their private DNS name
            tags={"Name": name},
            opts=child,
        )
        # Without rules: nothing that was given no security group of its own may talk at all (CIS AWS 5.4).
        ec2.DefaultSecurityGroup(f"{name}-default", vpc_id=vpc.id, ingress=[], egress=[], opts=child)
        gateway = ec2.InternetGateway(f"{name}-internet", vpc_id=vpc.id, tags={"Name": name}, opts=child)
        public_table = ec2.RouteTable(
            f"{name}-public",
            vpc_id=vpc.id,
            routes=[ec2.RouteTableRouteArgs(cidr_block="0.0.0.0/0", gateway_id=gateway.id)],
            tags={"Name": f"{name}-public"},
            opts=child,
        )
        self.vpc_id = vpc.id
        self.public_subnet_ids, self.private_subnet_ids, self.control_plane_subnet_ids = {}, {}, {}
        private_tables: list[ec2.RouteTable] = []
        for zone, cidrs in subnet_cidrs(args.vpc_cidr, args.zones).items():
            public = self._subnet(f"{name}-public-{zone}", zone, cidrs.public, {"kubernetes.io/role/elb": "1"})
            self.public_subnet_ids[zone] = self._associate(f"{name}-public-{zone}", public, public_table)
            private = self._subnet(
                f"{name}-private-{zone}",
                zone,
                cidrs.private,
                {"kubernetes.io/role/internal-elb": "1", "karpenter.sh/discovery": args.cluster_name},
            )
            table = self._way_out(f"{name}-{zone}", self.public_subnet_ids[zone], gateway)
            private_tables.append(table)
            self.private_subnet_ids[zone] = self._associate(f"{name}-private-{zone}", private, table)
            # The VPC's main route table, which has no route out, is theirs.
            self.control_plane_subnet_ids[zone] = self._subnet(
                f"{name}-control-plane-{zone}", zone, cidrs.control_plane, {}
            ).id
        ec2.VpcEndpoint(
            f"{name}-s3",
            vpc_id=vpc.id,
            service_name=f"com.amazonaws.{args.identity.region}.s3",
            vpc_endpoint_type="Gateway",
            route_table_ids=[table.id for table in private_tables],
            tags={"Name": f"{name}-s3"},
            opts=child,
        )
        self._flow_logs(name, args)
        self.register_outputs(
            {
                "vpc_id": self.vpc_id,
                "public_subnet_ids": self.public_subnet_ids,
                "private_subnet_ids": self.private_subnet_ids,
                "control_plane_subnet_ids": self.control_plane_subnet_ids,
            }
        )

    def _subnet(self, name: str, zone: str, cidr: str, tags: Mapping[str, str]) -> ec2.Subnet:
        """A subnet that hands out no public addresses: load balancers and NAT gateways bring their own."""
        return ec2.Subnet(
            name,
            vpc_id=self.vpc_id,
            availability_zone=zone,
            cidr_block=cidr,
            map_public_ip_on_launch=False,
            tags={"Name": name, **tags},
            opts=pulumi.ResourceOptions(parent=self),
        )

    def _associate(self, name: str, subnet: ec2.Subnet, table: ec2.RouteTable) -> pulumi.Output[str]:
        association = ec2.RouteTableAssociation(
            name, subnet_id=subnet.id, route_table_id=table.id, opts=pulumi.ResourceOptions(parent=self)
        )
        subnet_id: pulumi.Output[str] = association.subnet_id
        return subnet_id

    def _way_out(self, name: str, public_subnet_id: pulumi.Output[str], gateway: ec2.InternetGateway) -> ec2.RouteTable:
        """The NAT gateway of one zone and the private route table that leads to it."""
        after_gateway = pulumi.ResourceOptions(parent=self, depends_on=[gateway])
        address = ec2.Eip(f"{name}-nat", domain="vpc", tags={"Name": f"{name}-nat"}, opts=after_gateway)
        nat = ec2.NatGateway(
            f"{name}-nat",
            subnet_id=public_subnet_id,
            allocation_id=address.allocation_id,
            tags={"Name": name},
            opts=after_gateway,
        )
        return ec2.RouteTable(
            f"{name}-private",
            vpc_id=self.vpc_id,
            routes=[ec2.RouteTableRouteArgs(cidr_block="0.0.0.0/0", nat_gateway_id=nat.id)],
            tags={"Name": f"{name}-private"},
            opts=pulumi.ResourceOptions(parent=self),
        )

    def _flow_logs(self, name: str, args: NetworkArgs) -> None:
        """Every accepted and refused flow, to CloudWatch Logs, by a role that can write to that log group only."""
        child = pulumi.ResourceOptions(parent=self)
        group = cloudwatch.LogGroup(
            f"{name}-flow-logs",
            name=f"/retail/{args.cluster_name}/flow-logs",
            retention_in_days=args.flow_log_days,
            opts=child,
        )
        role = iam.Role(
            f"{name}-flow-logs",
            name=args.identity.iam("flow-logs"),
            assume_role_policy=json.dumps(
                {
                    "Version": "2012-10-17",
                    "Statement": [
                        {
                            "Effect": "Allow",
                            "Principal": {"Service": "vpc-flow-logs.amazonaws.com"},
                            "Action": "sts:AssumeRole",
                            "Condition": {"StringEquals": {"aws:SourceAccount": args.identity.account}},
                        }
                    ],
                }
            ),
            opts=child,
        )
        policy = iam.RolePolicy(
            f"{name}-flow-logs",
            role=role.name,
            policy=pulumi.Output.json_dumps(
                {
                    "Version": "2012-10-17",
                    "Statement": [
                        {
                            "Effect": "Allow",
                            "Action": ["logs:CreateLogStream", "logs:PutLogEvents", "logs:DescribeLogStreams"],
                            "Resource": pulumi.Output.concat(group.arn, ":*"),
                        },
                        {"Effect": "Allow", "Action": "logs:DescribeLogGroups", "Resource": "*"},
                    ],
                }
            ),
            opts=child,
        )
        ec2.FlowLog(
            f"{name}-flow-logs",
            vpc_id=self.vpc_id,
            traffic_type="ALL",
            log_destination_type="cloud-watch-logs",
            log_destination=group.arn,
            iam_role_arn=role.arn,
            opts=pulumi.ResourceOptions(parent=self, depends_on=[policy]),
        )
