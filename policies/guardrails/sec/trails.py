"""What is written down of who did what, for those who have to find out later."""

from collections.abc import Iterable, Iterator

from guardrails import kinds
from guardrails.config import limit
from guardrails.graph import Graph
from guardrails.resource import Resource
from guardrails.rule import Severity, Violation, stack_rule

DAYS = limit(
    "trail-days",
    # PCI DSS 4.0.1, 10.5.1: the last three months of the audit log are at hand (the whole of a year is kept somewhere).
    90,
    "Days that the logs of the Kubernetes API and of the network's traffic are kept at least.",
)


@stack_rule(
    "sec-16",
    of=(kinds.EKS_CLUSTER, kinds.VPC),
    severity=Severity.HIGH,
    says="Who did what in the cluster, and who spoke to whom in its network, can be looked up for three months.",
    why="A break-in is noticed weeks later, often by a bank. Without the audit log and the flow logs of then nobody "
    "can tell which retailers it was about, and all of them count as hit.",
    fix="a flow log of the VPC with trafficType ALL; log groups with retentionInDays of 90 or more, or none, which is "
    "for ever",
    scenario="In January a bank asks about cards used in the sales; the team shows who came in, and how far.",
)
def kept(resource: Resource, graph: Graph) -> Iterable[Violation]:
    if resource.type == kinds.EKS_CLUSTER:
        # EKS writes to the group of this name, and makes one that keeps all where there is none (its user guide,
        # "Send control plane logs to CloudWatch Logs").
        name = f"/aws/eks/{resource.text('name')}/cluster"
        for group in graph.all(kinds.LOG_GROUP):
            if group.known("name") and group.text("name", "") == name:
                yield from _long_enough(group, graph)
        return
    flows = graph.users(resource, "vpcId", kinds.FLOW_LOG)
    if not any(each.text("trafficType", "") == "ALL" for each in flows):
        types = ", ".join(each.text("trafficType", "nothing") for each in flows)
        yield Violation(resource, f"its flow log shows {types}, not ALL" if flows else "has no flow log")
    for flow in flows:
        for group in graph.sources(flow, "logDestination", kinds.LOG_GROUP):
            yield from _long_enough(group, graph)


def _long_enough(group: Resource, graph: Graph) -> Iterator[Violation]:
    days = group.number("retentionInDays", 0)  # 0 and none: for ever
    if 0 < days < (least := graph.config.number(DAYS)):
        yield Violation(group, f"retentionInDays is {days}, {least} at least")
