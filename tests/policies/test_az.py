"""Edits that the rules on zones must catch, and edits that they must not."""

from collections.abc import Callable
from typing import Any

from guardrails.kinds import (
    DEPLOYMENT,
    EKS_CLUSTER,
    EKS_NODE_GROUP,
    ELASTICACHE_GROUP,
    EVENT_RULE,
    EVENT_TARGET,
    HELM_RELEASE,
    IAM_ROLE_POLICY,
    NAT_GATEWAY,
    NODE_CLASS,
    NODE_POOL,
    POD_DISRUPTION_BUDGET,
    POOLER,
    POSTGRES_CLUSTER,
    RETAILER,
    ROUTE_TABLE,
    SCALED_OBJECT,
    SERVICE,
    SQS_QUEUE,
    SQS_QUEUE_POLICY,
    STATEFUL_SET,
    SUBNET,
)
from tests.policies.edits import add, delete, drop, fine, forget, only, put, unlink
from tests.policies.harness import RuleTests, rules_tested
from tests.policies.shipped import CLUSTERS, OWNERS, PRODUCTION, SELLING, STACKS

WEB = f"{DEPLOYMENT}::odoo-storefront"
WEB_SCALER = f"{SCALED_OBJECT}::storefront"
TRAEFIK = f"{DEPLOYMENT}::edge-deployment"
KARPENTER = f"{HELM_RELEASE}::operators-karpenter-release"
KARPENTER_ROLE = f"{IAM_ROLE_POLICY}::operators-karpenter"
KEDA = f"{HELM_RELEASE}::operators-keda"
MONITORING = f"{HELM_RELEASE}::operators-prometheus-release"
RELOADER = f"{HELM_RELEASE}::operators-reloader"
SECRETS = f"{HELM_RELEASE}::operators-external-secrets"
SPREAD = "spec.template.spec.topologySpreadConstraints"


def quorum(replicas: int) -> dict[str, Any]:
    """A StatefulSet that elects, spread as it should be."""
    labels = {"app": "etcd"}
    spread = {
        "topologyKey": "topology.kubernetes.io/zone",
        "maxSkew": 1,
        "minDomains": 3,
        "whenUnsatisfiable": "DoNotSchedule",
        "nodeTaintsPolicy": "Honor",
        "labelSelector": {"matchLabels": labels},
    }
    pod = {
        "containers": [{"name": "etcd", "image": "registry.k8s.io/etcd@sha256:" + "0" * 64}],
        "tolerations": [{"operator": "Exists"}],
        "topologySpreadConstraints": [spread],
    }
    return {
        "metadata": {"name": "etcd", "namespace": "elsewhere"},
        "spec": {"replicas": replicas, "template": {"metadata": {"labels": labels}, "spec": pod}},
    }


WEB_POOL, WEB_CLASS = f"{NODE_POOL}::web", f"{NODE_CLASS}::web"
PRIVATE_B = f"{SUBNET}::private-eu-central-1b"
CLASS_REF = "spec.template.spec.nodeClassRef"
REQUIREMENTS = "spec.template.spec.requirements"
FOUNDATION = "retail:platform:Foundation"
DISCOVERY = '"karpenter.sh/discovery"'


def required(key: str) -> str:
    """The path of a pool's requirement on a label."""
    return f'{REQUIREMENTS}."key={key}"'


ZONE_VALUES = f"{required('topology.kubernetes.io/zone')}.values"


def not_in(zones: int) -> Callable[[list[dict[str, Any]]], list[dict[str, Any]]]:
    """Requirements that leave out so many zones by name."""

    def change(requirements: list[dict[str, Any]]) -> list[dict[str, Any]]:
        kept = [each for each in requirements if each["key"] != "topology.kubernetes.io/zone"]
        names = ["eu-central-1a", "eu-central-1b"][:zones]
        return [*kept, {"key": "topology.kubernetes.io/zone", "operator": "NotIn", "values": names}]

    return change


CROSS_ZONE = "load_balancing.cross_zone.enabled"
NLB = "service.beta.kubernetes.io/aws-load-balancer"
BUDGET_OF_ONE = {
    "metadata": {"name": "one", "namespace": "petit-marche-development"},
    "spec": {"minAvailable": 1, "selector": {"matchLabels": {"cnpg.io/cluster": "petit-marche-db"}}},
}

TESTS = {
    "az-01": RuleTests(
        on={"peak", "platform"},
        violating=[
            put(SUBNET, "availabilityZone", "eu-central-1a"),
            put(f"{SUBNET}::private-eu-central-1b", "availabilityZone", "eu-central-1a"),
            put(f"{SUBNET}::public-eu-central-1c", "availabilityZone", "eu-central-1a"),
            unlink(f"{NAT_GATEWAY}::eu-central-1c", "subnetId"),
            unlink(f"{ROUTE_TABLE}::eu-central-1c-private", "routes"),
        ],
        absent=[drop(f"{SUBNET}::private-eu-central-1a", "availabilityZone")],
        unknown=[forget(f"{SUBNET}::private-eu-central-1a", "availabilityZone")],
        compliant=[
            put(SUBNET, "availabilityZone", lambda zone: zone.replace("central-1", "west-1"))
            + put(NODE_POOL, ZONE_VALUES, lambda zones: [each.replace("central-1", "west-1") for each in zones]),
        ],
    ),
    "az-02": RuleTests(
        on=SELLING,
        violating=[
            put(WEB_SCALER, "spec.minReplicaCount", 2),
            put(WEB_SCALER, "spec.minReplicaCount", lambda floor: floor - 1),
            put(WEB, f"{SPREAD}[0].whenUnsatisfiable", "ScheduleAnyway"),
            put(WEB, f"{SPREAD}[0].topologyKey", "kubernetes.io/hostname"),
            put(WEB, f"{SPREAD}[0].maxSkew", 3),
            put(WEB, f"{SPREAD}[0].minDomains", 3),
            put(WEB, f"{SPREAD}[0].nodeTaintsPolicy", "Ignore"),
            put(WEB, f'{SPREAD}[0].labelSelector.matchLabels."app.kubernetes.io/instance"', "other"),
            only(PRODUCTION, drop(TRAEFIK, f"{SPREAD}[0].minDomains")),
            only(PRODUCTION, put(TRAEFIK, "spec.replicas", 1)),
            only(PRODUCTION, put(POOLER, "spec.instances", 1)),
        ],
        absent=[
            drop(WEB, SPREAD),
            drop(WEB_SCALER, "spec.minReplicaCount"),
            drop(WEB, f"{SPREAD}[0].nodeTaintsPolicy"),
            only(PRODUCTION, drop(POOLER, "spec.template.spec.topologySpreadConstraints")),
        ],
        unknown=[
            forget(WEB_SCALER, "spec.minReplicaCount"),
            forget(WEB, SPREAD),
            forget(WEB, f"{SPREAD}[0].whenUnsatisfiable"),
            only(PRODUCTION, forget(TRAEFIK, "spec.replicas")),
        ],
        compliant=[put(WEB, f"{SPREAD}[1].maxSkew", 2), put(WEB, "metadata.annotations.note", "spread")],
    ),
    "az-03": RuleTests(
        on=PRODUCTION,
        violating=[
            put(POSTGRES_CLUSTER, "spec.instances", 2),
            put(POSTGRES_CLUSTER, "spec.affinity.podAntiAffinityType", "preferred"),
            put(POSTGRES_CLUSTER, "spec.affinity.topologyKey", "kubernetes.io/hostname"),
            put(POSTGRES_CLUSTER, "spec.affinity.enablePodAntiAffinity", False),
        ],
        absent=[
            drop(POSTGRES_CLUSTER, "spec.instances"),
            drop(POSTGRES_CLUSTER, "spec.affinity.podAntiAffinityType"),
            drop(POSTGRES_CLUSTER, "spec.affinity.topologyKey"),
            fine(drop(POSTGRES_CLUSTER, "spec.affinity.enablePodAntiAffinity")),
        ],
        unknown=[
            forget(POSTGRES_CLUSTER, "spec.instances"),
            forget(POSTGRES_CLUSTER, "spec.affinity.podAntiAffinityType"),
            forget(POSTGRES_CLUSTER, "spec.affinity"),
        ],
        compliant=[put(POSTGRES_CLUSTER, "spec.inheritedMetadata.annotations.note", "three zones")],
    ),
    "az-04": RuleTests(
        on=SELLING,
        violating=[
            put(ELASTICACHE_GROUP, "automaticFailoverEnabled", False),
            put(ELASTICACHE_GROUP, "multiAzEnabled", False),
            put(ELASTICACHE_GROUP, "numCacheClusters", 1),
            delete(ELASTICACHE_GROUP),
        ],
        absent=[
            drop(ELASTICACHE_GROUP, "automaticFailoverEnabled"),
            drop(ELASTICACHE_GROUP, "multiAzEnabled"),
            drop(ELASTICACHE_GROUP, "numCacheClusters"),
        ],
        unknown=[
            forget(ELASTICACHE_GROUP, "automaticFailoverEnabled"),
            forget(ELASTICACHE_GROUP, "numCacheClusters"),
        ],
        compliant=[put(ELASTICACHE_GROUP, "numCacheClusters", 2), put(ELASTICACHE_GROUP, "multiAzEnabled", "true")],
    ),
    "az-05": RuleTests(
        on={"dev", "outlet", "peak"},
        violating=[
            only(OWNERS, put(f"{NODE_POOL}::web", "spec.limits.cpu", "1")),
            only(OWNERS, put(f"{NODE_POOL}::web", "spec.limits.memory", "1Gi")),
            only(PRODUCTION, put(WEB_POOL, "spec.limits.cpu", lambda cores: str(int(cores) // 2))),
            only(
                {"peak", "platform"}, put(f"{NODE_POOL}::jobs", "spec.limits.cpu", lambda cores: str(int(cores) // 2))
            ),
            # Machines with the cores would have more memory than that.
            only(PRODUCTION, put(WEB_POOL, "spec.limits.memory", lambda size: f"{int(size[:-2]) // 2}Gi")),
            only(OWNERS, put(WEB_POOL, f"{required('node.kubernetes.io/instance-type')}.values", ["r7i.xlarge"])),
            only({"platform"}, put(FOUNDATION, "coresPerRetailer.web", 40)),
            put(f"{DEPLOYMENT}::odoo-storefront", "spec.template.spec.containers[0].resources.requests.cpu", "40"),
        ],
        absent=[
            only(OWNERS, drop(f"{NODE_POOL}::web", "spec.limits")),
            only(OWNERS, drop(f"{NODE_POOL}::web", "spec.limits.cpu")),
        ],
        unknown=[
            only(OWNERS, forget(f"{NODE_POOL}::web", "spec.limits.cpu")),
            forget(f"{DEPLOYMENT}::odoo-storefront", "spec.template.spec.containers[0].resources.requests.cpu"),
        ],
        compliant=[
            put(WEB_POOL, "spec.template.metadata.annotations.note", "limits"),
            put(WEB_POOL, "spec.limits.cpu", lambda cores: str(int(cores) - 8)),
        ],
    ),
    "az-06": RuleTests(
        on=OWNERS,
        violating=[
            delete(f"{EKS_NODE_GROUP}::nodes-data-eu-central-1a"),
            put(f"{EKS_NODE_GROUP}::nodes-data-eu-central-1a", "scalingConfig.minSize", 0),
            only(
                {"peak", "platform"},
                put(f"{SUBNET}::private-eu-central-1a", "availabilityZone", "eu-central-1b"),
            ),
        ],
        absent=[
            drop(f"{EKS_NODE_GROUP}::nodes-data", "labels"),
            drop(f"{EKS_NODE_GROUP}::nodes-data", "scalingConfig"),
        ],
        unknown=[
            forget(f"{EKS_NODE_GROUP}::nodes-data", "labels"),
            forget(POSTGRES_CLUSTER, "spec.affinity.nodeSelector"),
        ],
        compliant=[put(f"{EKS_NODE_GROUP}::nodes-data-eu-central-1a", "scalingConfig.maxSize", 3)],
    ),
    "az-07": RuleTests(
        on={"peak"},
        violating=[
            put(POSTGRES_CLUSTER, "spec.instances", 4),
            only(STACKS, add(STATEFUL_SET, "etcd", quorum(2))),
            only(STACKS, add(STATEFUL_SET, "etcd", quorum(4))),
        ],
        absent=[
            fine(drop(POSTGRES_CLUSTER, "spec.postgresql.synchronous.failoverQuorum")),
            only(STACKS, add(STATEFUL_SET, "etcd", quorum(3)) + drop(f"{STATEFUL_SET}::etcd", "spec.replicas")),
        ],
        unknown=[
            only(STACKS, add(STATEFUL_SET, "etcd", quorum(3)) + forget(f"{STATEFUL_SET}::etcd", "spec.replicas")),
            only(OWNERS, forget(POSTGRES_CLUSTER, "spec.postgresql.synchronous")),
        ],
        compliant=[put(POSTGRES_CLUSTER, "spec.inheritedMetadata.annotations.note", "odd")],
    ),
    "az-08": RuleTests(
        on=OWNERS,
        violating=[
            put(
                f"{SERVICE}::edge",
                f'metadata.annotations."{NLB}-attributes"',
                "load_balancing.cross_zone.enabled=false",
            ),
            put(f"{SERVICE}::edge", f'metadata.annotations."{NLB}-subnets"', "subnet-a,subnet-b"),
            only(CLUSTERS, put(EKS_CLUSTER, "zonalShiftConfig.enabled", False)),
            only(CLUSTERS, put(KARPENTER, "values.settings.enableZonalShift", False)),
            only(CLUSTERS, put(f"{SUBNET}::public", 'tags."kubernetes.io/role/elb"', "0")),
        ],
        absent=[
            drop(f"{SERVICE}::edge", f'metadata.annotations."{NLB}-attributes"'),
            only(CLUSTERS, drop(EKS_CLUSTER, "zonalShiftConfig")),
            only(CLUSTERS, drop(KARPENTER, "values.settings.enableZonalShift")),
        ],
        unknown=[
            forget(f"{SERVICE}::edge", f'metadata.annotations."{NLB}-attributes"'),
            only(CLUSTERS, forget(EKS_CLUSTER, "zonalShiftConfig")),
            only(CLUSTERS, forget(KARPENTER, "values.settings.enableZonalShift")),
        ],
        compliant=[
            put(f"{SERVICE}::edge", f'metadata.annotations."{NLB}-subnets"', "subnet-a,subnet-b,subnet-c"),
        ],
    ),
    "az-09": RuleTests(
        on=CLUSTERS,
        violating=[
            put(f"{HELM_RELEASE}::cert-manager", "values.webhook.replicaCount", 1),
            put(KARPENTER, "values.replicas", 1),
            put(KEDA, "values.operator.replicaCount", 0),
            put(KEDA, "values.webhooks.replicaCount", 1),
            put(MONITORING, "values.prometheus.prometheusSpec.replicas", 1),
            put(MONITORING, "values.alertmanager.alertmanagerSpec.replicas", 1),
            put(SECRETS, "values.certController.replicaCount", 1),
            put(SECRETS, "values.leaderElect", False),
            put(RELOADER, "values.reloader.deployment.replicas", 1),
            put(RELOADER, "values.reloader.enableHA", False),
            put(f"{HELM_RELEASE}::cert-manager", "values.cainjector.podDisruptionBudget.enabled", False),
            put(f"{HELM_RELEASE}::cert-manager", "values.podDisruptionBudget.maxUnavailable", 0),
            put(SECRETS, "values.webhook.podDisruptionBudget.maxUnavailable", 2),
            put(MONITORING, "values.alertmanager.podDisruptionBudget.minAvailable", 3),
            put(MONITORING, "values.prometheus.podDisruptionBudget.enabled", False),
            put(KARPENTER, "values.podDisruptionBudget", {"maxUnavailable": 0}),
            delete(f"{POD_DISRUPTION_BUDGET}::operators-cnpg"),
            put(f"{POD_DISRUPTION_BUDGET}::operators-cnpg", "spec.selector.matchLabels", {"app": "another"}),
        ],
        absent=[
            drop(KEDA, "values.operator.replicaCount"),
            drop(KEDA, "values.podDisruptionBudget.metricServer"),
            drop(f"{HELM_RELEASE}::cert-manager", "values.webhook.podDisruptionBudget"),
            drop(f"{HELM_RELEASE}::aws-load-balancer-controller", "values.podDisruptionBudget"),
            drop(RELOADER, "values.reloader.podDisruptionBudget.enabled"),
            drop(SECRETS, "values.leaderElect"),
            # Two, and a budget of one, are what these charts have by themselves.
            fine(drop(KARPENTER, "values.replicas")),
            fine(drop(f"{HELM_RELEASE}::aws-load-balancer-controller", "values.replicaCount")),
            fine(drop(f"{HELM_RELEASE}::cert-manager", "values.podDisruptionBudget.maxUnavailable")),
        ],
        unknown=[
            forget(KEDA, "values.operator.replicaCount"),
            forget(KEDA, "values.podDisruptionBudget"),
            forget(f"{HELM_RELEASE}::cert-manager", "values.podDisruptionBudget.maxUnavailable"),
        ],
        compliant=[
            put(KEDA, "values.operator.replicaCount", 3),
            put(MONITORING, "values.alertmanager.podDisruptionBudget.minAvailable", 1),
            put(f"{HELM_RELEASE}::cert-manager", "values.podDisruptionBudget.maxUnavailable", "50%"),
        ],
    ),
    "az-10": RuleTests(
        on=SELLING,
        violating=[
            delete(f"{POD_DISRUPTION_BUDGET}::odoo-storefront"),
            put(f"{POD_DISRUPTION_BUDGET}::odoo-storefront", "spec.maxUnavailable", 0),
            put(f"{POD_DISRUPTION_BUDGET}::odoo-storefront", "spec.maxUnavailable", "0%"),
            put(f"{POD_DISRUPTION_BUDGET}::odoo-storefront", "spec.unhealthyPodEvictionPolicy", "IfHealthyBudget"),
            put(f"{POD_DISRUPTION_BUDGET}::odoo-storefront", "metadata.namespace", "elsewhere"),
            put(
                f"{POD_DISRUPTION_BUDGET}::odoo-storefront",
                'spec.selector.matchLabels."app.kubernetes.io/instance"',
                "renamed",
            ),
            drop(f"{POD_DISRUPTION_BUDGET}::odoo-storefront", "spec.maxUnavailable")
            + put(f"{POD_DISRUPTION_BUDGET}::odoo-storefront", "spec.minAvailable", "100%"),
            # It takes every pod of the namespace then, beside the budgets that they have.
            only(
                OWNERS - {"platform"} | {"training"},
                put(f"{POD_DISRUPTION_BUDGET}::odoo-storefront", "spec.selector", {}),
            ),
        ],
        absent=[
            drop(f"{POD_DISRUPTION_BUDGET}::odoo-storefront", "spec.maxUnavailable"),
            drop(f"{POD_DISRUPTION_BUDGET}::odoo-storefront", "spec.selector"),
            drop(f"{POD_DISRUPTION_BUDGET}::odoo-storefront", "spec.unhealthyPodEvictionPolicy"),
        ],
        unknown=[
            forget(f"{POD_DISRUPTION_BUDGET}::odoo-storefront", "spec.maxUnavailable"),
            only(
                OWNERS - {"platform"} | {"training"},
                forget(f"{POD_DISRUPTION_BUDGET}::odoo-storefront", "spec.selector"),
            ),
        ],
        compliant=[
            put(f"{POD_DISRUPTION_BUDGET}::odoo-storefront", "spec.maxUnavailable", "20%"),
            drop(f"{POD_DISRUPTION_BUDGET}::odoo-storefront", "spec.maxUnavailable")
            + put(f"{POD_DISRUPTION_BUDGET}::odoo-storefront", "spec.minAvailable", 1),
        ],
    ),
    "az-11": RuleTests(
        on={"dev"},
        violating=[
            put(POSTGRES_CLUSTER, "spec.enablePDB", True),
            only(PRODUCTION, put(POSTGRES_CLUSTER, "spec.enablePDB", False)),
            add(POD_DISRUPTION_BUDGET, "one", BUDGET_OF_ONE, beside=f"{POSTGRES_CLUSTER}::petit-marche"),
        ],
        absent=[drop(POSTGRES_CLUSTER, "spec.enablePDB")],
        unknown=[only(OWNERS, forget(POSTGRES_CLUSTER, "spec.enablePDB"))],
        compliant=[put(POSTGRES_CLUSTER, "spec.inheritedMetadata.annotations.note", "one")],
    ),
    "az-12": RuleTests(
        on=CLUSTERS,
        violating=[
            put(TRAEFIK, 'spec.template.spec.nodeSelector."retail/pool"', "gone"),
            put(TRAEFIK, "spec.template.spec.tolerations", []),
            put(POOLER, 'spec.template.spec.nodeSelector."retail/pool"', "gone"),
        ],
        absent=[drop(TRAEFIK, "spec.template.spec.tolerations")],
        unknown=[
            forget(TRAEFIK, "spec.template.spec.nodeSelector"),
            forget(TRAEFIK, "spec.template.spec.tolerations"),
        ],
        compliant=[put(TRAEFIK, "metadata.annotations.note", "on the system's nodes")],
    ),
    "az-13": RuleTests(
        on=CLUSTERS,
        violating=[
            delete(f"{HELM_RELEASE}::operators-cnpg"),
            delete(f"{HELM_RELEASE}::operators-keda"),
            delete(f"{HELM_RELEASE}::operators-barman-cloud"),
            delete(f"{HELM_RELEASE}::operators-karpenter-release"),
            delete(RELOADER),
            delete(f"{HELM_RELEASE}::aws-load-balancer-controller"),
            delete(f"{HELM_RELEASE}::traefik-crds"),
            delete(f"{HELM_RELEASE}::prometheus-operator-crds"),
        ],
        absent=[drop(f"{HELM_RELEASE}::operators-keda", "chart")],
        unknown=[forget(f"{HELM_RELEASE}::operators-keda", "chart")],
        compliant=[
            put(f"{HELM_RELEASE}::operators-keda", "timeout", 900),
            # Karpenter's own chart has the same CRDs, and Prometheus' can.
            delete(f"{HELM_RELEASE}::karpenter-crd"),
            delete(f"{HELM_RELEASE}::prometheus-operator-crds") + put(MONITORING, "values.crds.enabled", True),
        ],
    ),
    "az-15": RuleTests(
        on=CLUSTERS,
        violating=[
            put(KARPENTER, "values.settings.interruptionQueue", ""),
            put(KARPENTER, "values.settings.interruptionQueue", "another"),
            delete(SQS_QUEUE),
            delete(f"{EVENT_RULE}::interruptions-spot"),
            delete(f"{EVENT_TARGET}::interruptions-health"),
            put(f"{EVENT_TARGET}::interruptions-state", "rule", "another"),
            put(f"{EVENT_TARGET}::interruptions-spot", "arn", "arn:aws:sqs:eu-central-1:111122223333:another"),
            put(f"{EVENT_RULE}::interruptions-spot", "state", "DISABLED"),
            put(f"{EVENT_RULE}::interruptions-state", "eventPattern", '{"source": ["aws.ec2"], "detail-type": ["x"]}'),
            put(f"{EVENT_RULE}::interruptions-health", "eventPattern", lambda text: f'{text[:-1]}, "detail": {{}}}}'),
            delete(SQS_QUEUE_POLICY),
            put(SQS_QUEUE_POLICY, "policy", lambda text: text.replace("events.amazonaws.com", "sns.amazonaws.com")),
            put(SQS_QUEUE_POLICY, "policy", lambda text: text.replace('"Allow"', '"Deny"')),
            put(KARPENTER_ROLE, "policy", lambda text: text.replace('"sqs:ReceiveMessage"', '"sqs:SendMessage"')),
            put(KARPENTER, "values.serviceAccount.name", "another"),
        ],
        absent=[
            drop(KARPENTER, "values.settings.interruptionQueue"),
            drop(f"{EVENT_RULE}::interruptions-spot", "eventPattern"),
            drop(SQS_QUEUE_POLICY, "policy"),
            fine(drop(f"{EVENT_RULE}::interruptions-spot", "name")),
        ],
        unknown=[
            forget(f"{EVENT_RULE}::interruptions-spot", "eventPattern"),
            forget(SQS_QUEUE_POLICY, "policy"),
            forget(f"{EVENT_TARGET}::interruptions-spot", "arn") + unlink(f"{EVENT_TARGET}::interruptions-spot", "arn"),
            # It is known by what it was made from.
            fine(forget(KARPENTER, "values.settings.interruptionQueue")),
        ],
        compliant=[
            delete(f"{EVENT_RULE}::interruptions-rebalance") + delete(f"{EVENT_TARGET}::interruptions-rebalance"),
            put(SQS_QUEUE, "messageRetentionSeconds", 600),
        ],
    ),
    "az-14": RuleTests(
        on=OWNERS,
        violating=[
            only(PRODUCTION, put(WEB_POOL, ZONE_VALUES, lambda zones: zones[:2])),
            only(PRODUCTION, put(f"{NODE_POOL}::jobs", ZONE_VALUES, lambda zones: zones[:2])),
            only(PRODUCTION, put(WEB_POOL, f"{ZONE_VALUES}[0]", "eu-central-1z-other")),
            put(WEB_POOL, ZONE_VALUES, []),
            only({"peak", "platform"}, put(WEB_POOL, REQUIREMENTS, not_in(1))),
            only(CLUSTERS, put(WEB_POOL, f"{required('topology.kubernetes.io/zone')}.operator", "DoesNotExist")),
            put(WEB_POOL, f"{CLASS_REF}.name", "gone"),
            put(WEB_POOL, f"{CLASS_REF}.kind", "NodeClass"),
            put(WEB_POOL, f"{CLASS_REF}.group", "karpenter.azure.com"),
            delete(WEB_CLASS),
            put(WEB_CLASS, "metadata.name", "other"),
            only(CLUSTERS, put(WEB_CLASS, f"spec.subnetSelectorTerms[0].tags.{DISCOVERY}", "other")),
            only(CLUSTERS, put(WEB_CLASS, "spec.subnetSelectorTerms", [])),
            only({"peak", "platform"}, put(PRIVATE_B, f"tags.{DISCOVERY}", "other")),
            only({"peak", "platform"}, drop(PRIVATE_B, "tags")),
            put(WEB_POOL, f"{required('kubernetes.io/arch')}.values", ["arm64"]),
            put(WEB_POOL, f"{required('kubernetes.io/arch')}.values", ["amd64-other"]),
            put(WEB_POOL, f"{required('kubernetes.io/os')}.values", []),
            put(WEB_POOL, f"{required('kubernetes.io/os')}.values", ["windows"]),
            put(WEB_POOL, f"{required('karpenter.sh/capacity-type')}.values", []),
        ],
        absent=[
            drop(WEB_POOL, CLASS_REF),
            drop(WEB_POOL, f"{CLASS_REF}.name"),
            # Without requirements on them every zone and kind of machine is taken.
            fine(drop(WEB_POOL, REQUIREMENTS)),
            only(CLUSTERS, drop(WEB_CLASS, "spec.subnetSelectorTerms")),
            only(CLUSTERS, drop(f"{SUBNET}::private", f"tags.{DISCOVERY}")),
        ],
        unknown=[
            forget(WEB_POOL, f"{CLASS_REF}.name"),
            forget(WEB_POOL, REQUIREMENTS),
            forget(WEB_POOL, ZONE_VALUES),
            only(CLUSTERS, forget(WEB_CLASS, "spec.subnetSelectorTerms")),
            only(CLUSTERS, forget(PRIVATE_B, f"tags.{DISCOVERY}")),
            # Subnets named by id are known after the deployment.
            fine(put(WEB_CLASS, "spec.subnetSelectorTerms", [{"id": "subnet-1"}])),
        ],
        compliant=[
            put(WEB_CLASS, f"spec.subnetSelectorTerms[0].tags.{DISCOVERY}", "*"),
            put(WEB_CLASS, "spec.subnetSelectorTerms", [{"tags": {"kubernetes.io/role/internal-elb": "1"}}]),
            put(WEB_POOL, REQUIREMENTS, not_in(0)),
            put(WEB_POOL, f"{required('kubernetes.io/arch')}.values", ["amd64", "arm64"]),
            put(WEB_POOL, f"{required('kubernetes.io/arch')}.values", ["arm64"])
            + put(WEB_POOL, f"{required('node.kubernetes.io/instance-type')}.values", ["c7g.xlarge"]),
            # A zone in trouble, which the stack says.
            put(RETAILER, "avoidZone", "eu-central-1c") + put(NODE_POOL, ZONE_VALUES, lambda zones: zones[:2]),
        ],
    ),
}

test_edits, test_without, test_whole = rules_tested("az", TESTS)
