"""Stands in for the AWS Load Balancer Controller: gives Services of type LoadBalancer a host name.

The name has the form of a Network Load Balancer's and resolves to nothing. It reads no annotation, makes no target
group or security group, and never withdraws a name while the Service stays as it is.
"""

import hashlib
from collections.abc import Iterator

from rehearsal.standins import kinds
from rehearsal.standins.stand_in import Action, keep_status, per_object
from rehearsal.standins.world import Object, World

_REGION_LABEL = "topology.kubernetes.io/region"
_DEFAULT_REGION = "eu-west-1"


class LoadBalancer:
    """The load balancer stand-in."""

    name = "load-balancer"
    watches = (kinds.SERVICE, kinds.NODE)
    settle_seconds = 0.1

    def plan(self, world: World) -> Iterator[Action]:
        return per_object(world, kinds.SERVICE, desired)


def desired(service: Object, world: World) -> Iterator[Action]:
    if service["spec"].get("type") == "LoadBalancer":
        ingress = {"hostname": hostname(service, _region(world))}
        yield from keep_status(service, {"loadBalancer": {"ingress": [ingress]}})


def hostname(service: Object, region: str) -> str:
    """Always the same for a namespace and name: k8s-<namespace>-<name>-<hash>.elb.<region>.amazonaws.com."""
    namespace, name = service["metadata"]["namespace"], service["metadata"]["name"]
    digest = hashlib.sha256(f"{namespace}/{name}".encode()).hexdigest()
    short = [part.replace("-", "")[:8] for part in (namespace, name)]
    return f"k8s-{short[0]}-{short[1]}-{digest[:10]}-{digest[10:26]}.elb.{region}.amazonaws.com"


def _region(world: World) -> str:
    regions = {(node["metadata"].get("labels") or {}).get(_REGION_LABEL) for node in world.all(kinds.NODE)}
    return min(filter(None, regions), default=_DEFAULT_REGION)
