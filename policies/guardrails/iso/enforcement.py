"""That what policies say is done at all."""

from collections.abc import Iterable

from guardrails import kinds
from guardrails.graph import Graph
from guardrails.resource import Resource
from guardrails.rule import Protects, Severity, Violation, stack_rule

CNI = "vpc-cni"


@stack_rule(
    "iso-10",
    of=kinds.EKS_CLUSTER,
    severity=Severity.CRITICAL,
    says="The cluster enforces network policies: its one vpc-cni add-on has enableNetworkPolicy.",
    why="EKS takes NetworkPolicies and enforces none of them unless its network add-on is told to: every list of them "
    "looks right, and every pod reaches every other.",
    fix='configurationValues {"enableNetworkPolicy": "true"} of the vpc-cni add-on, resolveConflictsOnUpdate OVERWRITE',
    scenario="Two retailers share a platform; the tester of the one finds the other's database closed, "
    "not just hidden.",
    implies=("iso-05",),
    protects=Protects.ISOLATION,
)
def policies_enforced(cluster: Resource, graph: Graph) -> Iterable[Violation]:
    found = [each for each in graph.all(kinds.EKS_ADDON) if each.text("addonName") == CNI]
    if len(found) != 1:
        yield Violation(cluster, f"has {len(found)} {CNI} add-ons, where it must be told once")
    for addon in found:
        settings = addon.document("configurationValues")
        if not settings.flag("enableNetworkPolicy", False):
            yield Violation(addon, "enableNetworkPolicy is off: no NetworkPolicy has any effect")
        if settings.flag("nodeAgent.enabled", True) is False:
            yield Violation(addon, "its node agent, which enforces policies, is off")
        for option in ("resolveConflictsOnCreate", "resolveConflictsOnUpdate"):
            if addon.text(option, "NONE") == "PRESERVE":
                yield Violation(addon, f"{option} is PRESERVE: what somebody turned off by hand stays off")
    if cluster.flag("bootstrapSelfManagedAddons", True) and not found:
        yield Violation(cluster, "has EKS's own network plugin, which enforces nothing")
