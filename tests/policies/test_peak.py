"""Edits that the rules on peaks must catch, and edits that they must not."""

from datetime import UTC, datetime
from typing import Any

from guardrails.kinds import (
    CRON_JOB,
    DEPLOYMENT,
    EIP,
    EKS_NODE_GROUP,
    NODE_CLASS,
    NODE_POOL,
    POSTGRES_CLUSTER,
    PRIORITY_CLASS,
    RETAILER,
    SCALED_OBJECT,
    SERVICE,
    SUBNET,
)
from tests.policies.edits import Edit, add, delete, drop, fine, forget, given, modify, only, put
from tests.policies.harness import RuleTests, rules_tested
from tests.policies.shipped import CLUSTERS, OWNERS, PRODUCTION, SELLING, SERVING

CALENDAR = {"dev", "outlet", "peak"}
"""Stacks whose calendar has peaks."""

STOREFRONT = f"{SCALED_OBJECT}::-storefront"
BACKGROUND = f"{SCALED_OBJECT}::-background"
WEBSOCKET = f"{SCALED_OBJECT}::-websocket"
BUSY, REQUESTS = "spec.triggers[name=busy-workers]", "spec.triggers[name=requests]"
QUEUE = "spec.triggers[name=queue]"
STOREFRONT_PODS = f"{DEPLOYMENT}::odoo-storefront"
RECONCILIATION = f"{CRON_JOB}::reconciliation"
HEADROOM = f"{DEPLOYMENT}::headroom"
RUNNER = f"{DEPLOYMENT}::odoo-jobrunner"
WEB_POOL = f"{NODE_POOL}::-web"
POD = "spec.template.spec"
BEHAVIOUR = "spec.advanced.horizontalPodAutoscalerConfig.behavior"

NOVEMBER_12 = datetime(2026, 11, 12, 16, tzinfo=UTC)
"""Two weeks and an hour before Black Friday opens at 18:00 in Paris."""
CHRISTMAS = datetime(2026, 12, 10, 12, tzinfo=UTC)


def peaks(**changes: Any) -> Any:
    """The calendar with changes to its first peak."""
    return put(RETAILER, "peaks", lambda given: [{**given[0], **changes}, *given[1:]] if given else given)


def crons(name: str, **changes: Any) -> Any:
    """Changes the storefront's floors by the clock."""

    def change(inputs: dict[str, Any]) -> None:
        for trigger in inputs["spec"]["triggers"]:
            if trigger["type"] == "cron":
                trigger["metadata"] |= changes

    return modify(name, STOREFRONT, change)


def no_crons(inputs: dict[str, Any]) -> None:
    inputs["spec"]["triggers"] = [each for each in inputs["spec"]["triggers"] if each["type"] != "cron"]


def in_two(inputs: dict[str, Any]) -> None:
    """Each floor of a peak as two that follow one another; working hours stay as they are."""
    triggers = []
    for trigger in inputs["spec"]["triggers"]:
        triggers.append(trigger)
        if trigger["type"] == "cron" and trigger["metadata"]["start"].split()[2] != "*":
            minute, hour, day, month, _ = trigger["metadata"]["start"].split()
            middle = f"{minute} {hour} {int(day) + 2} {month} *"
            triggers.append({"type": "cron", "metadata": {**trigger["metadata"], "start": middle}})
            triggers[-2] = {**trigger, "metadata": {**trigger["metadata"], "end": middle}}
    inputs["spec"]["triggers"] = triggers


def nightly(**changes: Any) -> Any:
    """The reconciliation of every night."""
    return put(
        RECONCILIATION,
        "spec",
        lambda spec: {**spec, "schedule": "30 3 * * *", "suspend": False, **changes},
    )


REPORT = {
    "metadata": {"name": "report", "namespace": "outlet-production"},
    "spec": {
        "schedule": "0 12 * * *",
        "startingDeadlineSeconds": 600,
        "jobTemplate": {
            "spec": {
                "activeDeadlineSeconds": 3600,
                "template": {
                    "metadata": {"labels": {"retail/class": "deferrable"}},
                    "spec": {"priorityClassName": "deferrable", "containers": []},
                },
            }
        },
    },
}


def only_crons(inputs: dict[str, Any]) -> None:
    inputs["spec"]["triggers"] = [each for each in inputs["spec"]["triggers"] if each["type"] == "cron"]
    inputs["spec"].pop("fallback")


def by_cpu(inputs: dict[str, Any]) -> None:
    only_crons(inputs)
    inputs["spec"]["triggers"].append({"type": "cpu", "metricType": "Utilization", "metadata": {"value": "60"}})


def twice(threshold: str) -> str:
    return f"{float(threshold) * 2:g}"


def released_nothing(edit: Edit) -> Edit:
    """In a freeze, which asks for a baseline of every release (test_frz.py): a rehearsal releases nothing."""
    return given(edit, rehearsal=True)


TESTS = {
    "peak-01": RuleTests(
        on=SELLING,
        violating=[
            peaks(rehearsed="2026-09-12"),
            peaks(rehearsed="2026-11-24"),
            peaks(rehearsed="2026-11-27"),
            put(RETAILER, "peaks", []),
            only(SELLING, peaks(rehearsed="2026-11-13").at(NOVEMBER_12.replace(hour=18))),
            # A freeze that begins after Black Friday doesn't hold the code still until Christmas.
            only({"peak"}, released_nothing(put(RETAILER, "freezes[0].start", "2026-12-01T00:00").at(CHRISTMAS))),
            only({"peak"}, put(RETAILER, "freezes", []).at(CHRISTMAS)),
        ],
        absent=[
            modify("not rehearsed", RETAILER, lambda inputs: [peak.pop("rehearsed", None) for peak in inputs["peaks"]]),
            drop(RETAILER, "peaks[0].factor"),
            fine(
                modify(
                    "not rehearsed yet",
                    RETAILER,
                    lambda inputs: [each.pop("rehearsed", None) for each in inputs["peaks"]],
                ).at(NOVEMBER_12)
            ),
        ],
        unknown=[forget(RETAILER, "peaks[0].rehearsed"), forget(RETAILER, "peaks")],
        compliant=[
            peaks(rehearsed="2026-10-28"),
            peaks(rehearsed="2026-11-20"),
            peaks(rehearsed="2026-11-13").at(NOVEMBER_12),
            released_nothing(put(RETAILER, "peakMonthlyBudget", 10**6).at(CHRISTMAS)),
        ],
    ),
    "peak-02": RuleTests(
        on=CALENDAR,
        violating=[
            modify("no cron triggers", STOREFRONT, no_crons),
            crons("fewer pods", desiredReplicas="0"),
            only({"outlet", "peak"}, crons("one pod less than the reserve", desiredReplicas="4")),
            crons("another time zone", timezone="America/New_York"),
            crons("an hour west", timezone="Europe/London"),
            crons("no end", end="0 0 31 2 *"),
            only({"dev", "peak"}, crons("too late", start="0 12 13 12 *")),
            crons("by day only", start="0 8 * * *", end="0 20 * * *"),
            only({"dev", "peak"}, crons("an early end", end="0 12 13 12 *")),
            only({"peak"}, put(STOREFRONT, 'metadata.annotations."autoscaling.keda.sh/paused-scale-in"', "false")),
            delete(STOREFRONT),
        ],
        absent=[
            drop(STOREFRONT, "spec.triggers"),
            only({"peak"}, drop(STOREFRONT, "metadata.annotations")),
            drop(STOREFRONT, "spec.triggers[*].metadata.timezone"),
        ],
        unknown=[
            forget(STOREFRONT, "spec.triggers"),
            forget(STOREFRONT, "spec.maxReplicaCount"),
            forget(STOREFRONT, "spec.triggers[*].metadata.start"),
        ],
        compliant=[
            crons("the same time elsewhere", timezone="Europe/Berlin"),
            crons("all year", start="0 0 1 1 *", end="0 0 1 1 *"),
            modify("in two windows", STOREFRONT, in_two),
            put(STOREFRONT, "spec.pollingInterval", 15),
        ],
    ),
    "peak-03": RuleTests(
        on=PRODUCTION,
        violating=[
            put(HEADROOM, "spec.replicas", 1),
            put(HEADROOM, "spec.replicas", lambda pods: pods - 1),
            put(HEADROOM, f"{POD}.priorityClassName", "important"),
            put(HEADROOM, f"{POD}.terminationGracePeriodSeconds", 600),
            put(HEADROOM, f"{POD}.topologySpreadConstraints[0].whenUnsatisfiable", "ScheduleAnyway"),
            put(HEADROOM, f"{POD}.topologySpreadConstraints[0].topologyKey", "kubernetes.io/hostname"),
            only({"outlet", "peak"}, put(HEADROOM, f"{POD}.containers[0].resources.requests.cpu", "10m")),
            only({"outlet", "peak"}, put(HEADROOM, f"{POD}.containers[0].resources.requests.memory", "10Mi")),
            only({"peak", "platform"}, put(f"{PRIORITY_CLASS}::=headroom", "value", 100)),
            delete(HEADROOM),
        ],
        absent=[
            drop(HEADROOM, "spec.replicas"),
            drop(HEADROOM, f"{POD}.terminationGracePeriodSeconds"),
            drop(HEADROOM, f"{POD}.priorityClassName"),
        ],
        unknown=[forget(HEADROOM, "spec.replicas"), forget(HEADROOM, f"{POD}.terminationGracePeriodSeconds")],
        compliant=[
            put(HEADROOM, "metadata.annotations.note", "warm"),
            put(HEADROOM, f"{POD}.topologySpreadConstraints[0].minDomains", 2),
        ],
    ),
    "peak-04": RuleTests(
        on=CALENDAR,
        violating=[
            nightly(),
            nightly(timeZone="America/New_York"),
            nightly(schedule="0 12 * * *"),
            nightly(schedule="@hourly"),
            # Begun before the sale, and not done when it opens.
            only({"outlet", "peak"}, nightly(schedule="30 17 26 11 *")),
        ],
        absent=[
            only({"outlet"}, add(CRON_JOB, "report", REPORT, beside=f"{CRON_JOB}::reconciliation")),
            only({"dev", "outlet"}, drop(RECONCILIATION, "spec.startingDeadlineSeconds")),
            only({"dev", "outlet"}, drop(RECONCILIATION, "spec.jobTemplate.spec.activeDeadlineSeconds")),
            drop(RECONCILIATION, "spec.schedule") + put(RECONCILIATION, "spec.suspend", False),
        ],
        unknown=[
            forget(RECONCILIATION, "spec.suspend"),
            only({"dev", "outlet"}, forget(RECONCILIATION, "spec.schedule")),
        ],
        compliant=[
            put(RECONCILIATION, "spec.schedule", "0 4 * 2-10 *"),
            nightly(suspend=True),
            put(RECONCILIATION, "spec.successfulJobsHistoryLimit", 1),
        ],
    ),
    "peak-05": RuleTests(
        violating=[
            only(SERVING, put(f"{DEPLOYMENT}::odoo-storefront", f"{POD}.priorityClassName", "deferrable")),
            only(SERVING, put(f"{DEPLOYMENT}::odoo-background", f"{POD}.priorityClassName", "critical")),
            only(SERVING, put(RECONCILIATION, "spec.jobTemplate.spec.template.spec.priorityClassName", "critical")),
            only(OWNERS, put(POSTGRES_CLUSTER, "spec.priorityClassName", "important")),
            only(CLUSTERS, put(f"{PRIORITY_CLASS}::=critical", "value", 500)),
            only(CLUSTERS, put(f"{PRIORITY_CLASS}::=headroom", "value", 1)),
            only(CLUSTERS, put(f"{PRIORITY_CLASS}::=important", "globalDefault", True)),
            only(CLUSTERS, put(f"{PRIORITY_CLASS}::=deferrable", "preemptionPolicy", "PreemptLowerPriority")),
            only(CLUSTERS, put(f"{PRIORITY_CLASS}::=critical", "preemptionPolicy", "Never")),
            only(CLUSTERS, delete(f"{PRIORITY_CLASS}::=deferrable")),
            # Stacks with working hours have no floor by night.
            only({"peak", "outlet"}, put(f"{SCALED_OBJECT}::-background", "spec.minReplicaCount", 0)),
        ],
        absent=[
            only(SERVING, drop(f"{DEPLOYMENT}::odoo-pos", f"{POD}.priorityClassName")),
            only(CLUSTERS, drop(f"{PRIORITY_CLASS}::=critical", "value")),
            only(OWNERS, drop(POSTGRES_CLUSTER, "spec.priorityClassName")),
        ],
        unknown=[
            only(SERVING, forget(f"{DEPLOYMENT}::odoo-pos", f"{POD}.priorityClassName")),
            only(CLUSTERS, forget(f"{PRIORITY_CLASS}::=critical", "value")),
        ],
        compliant=[
            put(f"{PRIORITY_CLASS}::=critical", "value", 2_000_000),
            put(f"{PRIORITY_CLASS}::=critical", "description", "Selling"),
        ],
    ),
    "peak-06": RuleTests(
        on=OWNERS,
        violating=[
            only(CALENDAR, put(RETAILER, "grantedVcpus", 100)),
            only({"dev", "peak"}, put(RETAILER, "grantedElasticIps", 2)),
            put(WEB_POOL, "spec.limits.cpu", "4000"),
            only(PRODUCTION, put(f"{EKS_NODE_GROUP}::data", "instanceTypes", ["r7i.48xlarge"])),
            only(PRODUCTION, put(f"{EKS_NODE_GROUP}::data", "scalingConfig.maxSize", 60)),
            only(CLUSTERS, put(f"{SUBNET}::private-eu-central-1a", "cidrBlock", "10.20.0.0/24")),
            only(CLUSTERS, add(EIP, "fourth", {}, beside=EIP) + add(EIP, "fifth", {}) + add(EIP, "sixth", {})),
            put(
                f"{SERVICE}::edge",
                'metadata.annotations."service.beta.kubernetes.io/aws-load-balancer-minimum-load-balancer-capacity"',
                "CapacityUnits=2000",
            ),
        ],
        absent=[only(SERVING, drop(RETAILER, "grantedVcpus")), drop(WEB_POOL, "spec.limits")],
        unknown=[only(SERVING, forget(RETAILER, "grantedVcpus")), forget(WEB_POOL, "spec.limits.cpu")],
        compliant=[
            put(RETAILER, "grantedVcpus", 2000),
            put(f"{NODE_CLASS}::-web", "spec.kubelet.maxPods", 60),
            given(
                put(
                    f"{SERVICE}::edge",
                    'metadata.annotations."service.beta.kubernetes.io/aws-load-balancer-minimum-load-balancer-capacity"',
                    "CapacityUnits=2000",
                ),
                **{"granted-nlb-capacity-units": 3000},
            ),
        ],
    ),
    "peak-07": RuleTests(
        on=SERVING,
        violating=[
            put(STOREFRONT, "spec.triggers[0].metadata.ignoreNullValues", "true"),
            put(STOREFRONT, "spec.fallback.behavior", "static"),
            put(STOREFRONT, "spec.fallback.behavior", "currentReplicas"),
            put(STOREFRONT, "spec.fallback.failureThreshold", 0),
        ],
        absent=[
            drop(STOREFRONT, "spec.triggers[0].metadata.ignoreNullValues"),
            drop(STOREFRONT, "spec.fallback"),
            drop(STOREFRONT, "spec.fallback.behavior"),
        ],
        unknown=[
            forget(STOREFRONT, "spec.triggers[0].metadata.ignoreNullValues"),
            forget(STOREFRONT, "spec.fallback"),
        ],
        compliant=[
            put(STOREFRONT, "spec.triggers[0].metadata.ignoreNullValues", False),
            put(STOREFRONT, "spec.fallback.failureThreshold", 5),
        ],
    ),
    "peak-08": RuleTests(
        on=PRODUCTION,
        violating=[
            put(WEB_POOL, 'spec.template.spec.requirements."key=karpenter.sh/capacity-type".values', ["spot"]),
            put(
                WEB_POOL,
                'spec.template.spec.requirements."key=karpenter.sh/capacity-type".values',
                ["on-demand", "spot"],
            ),
            put(WEB_POOL, 'spec.template.spec.requirements."key=karpenter.sh/capacity-type".operator', "Exists"),
            put(f"{EKS_NODE_GROUP}::data", "capacityType", "SPOT"),
            only({"peak", "platform"}, put(f"{EKS_NODE_GROUP}::system", "capacityType", "SPOT")),
        ],
        absent=[
            drop(WEB_POOL, "spec.template.spec.requirements"),
            fine(drop(f"{EKS_NODE_GROUP}::data", "capacityType")),
        ],
        unknown=[
            forget(WEB_POOL, "spec.template.spec.requirements"),
            forget(f"{EKS_NODE_GROUP}::data", "capacityType"),
        ],
        compliant=[
            modify(
                "anything but spot",
                WEB_POOL,
                lambda inputs: [
                    each.update(operator="NotIn", values=["spot"])
                    for each in inputs["spec"]["template"]["spec"]["requirements"]
                    if each["key"] == "karpenter.sh/capacity-type"
                ],
            ),
            put(
                f"{NODE_POOL}::-jobs",
                'spec.template.spec.requirements."key=karpenter.sh/capacity-type".values',
                ["spot", "on-demand"],
            ),
        ],
    ),
    "peak-09": RuleTests(
        on=SERVING,
        violating=[
            put(STOREFRONT, 'metadata.annotations."autoscaling.keda.sh/paused"', "true"),
            put(STOREFRONT, 'metadata.annotations."autoscaling.keda.sh/paused-replicas"', "2"),
            put(STOREFRONT, 'metadata.annotations."autoscaling.keda.sh/paused-scale-out"', "true"),
            put(STOREFRONT, f"{BEHAVIOUR}.scaleUp.selectPolicy", "Disabled"),
            put(STOREFRONT, f"{BEHAVIOUR}.scaleUp.stabilizationWindowSeconds", 600),
            put(STOREFRONT, f"{BEHAVIOUR}.scaleUp.policies", [{"type": "Pods", "value": 1, "periodSeconds": 300}]),
            put(STOREFRONT, f"{BEHAVIOUR}.scaleDown.stabilizationWindowSeconds", 0),
            put(STOREFRONT, f"{BEHAVIOUR}.scaleDown.policies[0].value", 100),
            put(STOREFRONT, f"{BEHAVIOUR}.scaleDown.policies[0].periodSeconds", 15),
            put(STOREFRONT, f"{BEHAVIOUR}.scaleDown.policies[0].type", "Pods"),
        ],
        absent=[
            drop(STOREFRONT, f"{BEHAVIOUR}.scaleDown"),
            drop(STOREFRONT, "spec.advanced"),
            fine(drop(STOREFRONT, f"{BEHAVIOUR}.scaleUp")),
        ],
        unknown=[
            forget(STOREFRONT, f"{BEHAVIOUR}.scaleDown.policies"),
            forget(STOREFRONT, f"{BEHAVIOUR}.scaleUp.stabilizationWindowSeconds"),
        ],
        compliant=[
            put(STOREFRONT, f"{BEHAVIOUR}.scaleDown.stabilizationWindowSeconds", 900),
            put(STOREFRONT, f"{BEHAVIOUR}.scaleDown.selectPolicy", "Disabled"),
        ],
    ),
    "peak-10": RuleTests(
        on=SERVING,
        violating=[
            put(RUNNER, f"{POD}.containers[0].env[name=ODOO_QUEUE_JOB_CHANNELS].value", "root:8"),
            put(RUNNER, f"{POD}.containers[0].env[name=ODOO_QUEUE_JOB_CHANNELS].value", "root:8,root.batch:8"),
            put(RUNNER, f"{POD}.containers[0].env[name=ODOO_QUEUE_JOB_CHANNELS].value", "root:eight"),
            only(
                {"peak"},
                put(RUNNER, f"{POD}.containers[0].env[name=ODOO_QUEUE_JOB_CHANNELS].value", "root:8,root.batch:2"),
            ),
        ],
        absent=[put(RUNNER, f"{POD}.containers[0].env[name=ODOO_QUEUE_JOB_CHANNELS].value", "")],
        unknown=[forget(RUNNER, f"{POD}.containers[0].env[name=ODOO_QUEUE_JOB_CHANNELS].value")],
        compliant=[put(RUNNER, f"{POD}.containers[0].env[name=ODOO_QUEUE_JOB_CHANNELS].value", "root:8,root.batch:1")],
    ),
    "peak-11": RuleTests(
        on=SERVING,
        violating=[
            modify("no trigger on load", STOREFRONT, only_crons),
            modify("no queue", BACKGROUND, only_crons),
            put(STOREFRONT, f"{BUSY}.type", "prometheus-other"),
            put(STOREFRONT, f"{BUSY}.metadata.threshold", "0"),
            put(BACKGROUND, f"{QUEUE}.metadata.targetQueryValue", "0"),
            put(STOREFRONT, f"{BUSY}.metadata.threshold", "4.8"),
            put(STOREFRONT, f"{REQUESTS}.metadata.threshold", twice),
            put(WEBSOCKET, "spec.triggers[name=open-connections].metadata.threshold", "1200"),
            put(BACKGROUND, f"{QUEUE}.metadata.targetQueryValue", "8"),
            put(STOREFRONT, "spec.scaleTargetRef.name", "gone"),
            put(STOREFRONT, "spec.scaleTargetRef.kind", "StatefulSet"),
            put(STOREFRONT, "spec.scaleTargetRef.apiVersion", "apps/v1beta1"),
        ],
        absent=[
            drop(STOREFRONT, f"{BUSY}.metadata.threshold"),
            drop(BACKGROUND, f"{QUEUE}.metadata.targetQueryValue"),
            drop(STOREFRONT, "spec.scaleTargetRef"),
            fine(drop(STOREFRONT, "spec.scaleTargetRef.kind")),
            fine(drop(STOREFRONT, "spec.scaleTargetRef.apiVersion")),
            drop(STOREFRONT, "spec.triggers"),
            drop(STOREFRONT, f"{BUSY}.type"),
        ],
        unknown=[
            forget(STOREFRONT, "spec.triggers"),
            forget(STOREFRONT, f"{BUSY}.metadata.threshold"),
            forget(STOREFRONT, "spec.scaleTargetRef.name"),
        ],
        compliant=[
            put(STOREFRONT, f"{BUSY}.metadata.threshold", "3.2"),
            drop(STOREFRONT, REQUESTS),
            put(
                f"{SCALED_OBJECT}::-jobrunner", "spec.triggers[name=working-hours].metadata.start", "0 6 * * 1,2,3,4,5"
            ),
            modify("by the CPU", STOREFRONT, by_cpu),
            # Reckoned further, its unit is its own.
            put(STOREFRONT, f"{BUSY}.metadata.query", lambda query: f"100 * {query}")
            + put(STOREFRONT, f"{BUSY}.metadata.threshold", "240"),
        ],
    ),
}

test_edits, test_without, test_whole = rules_tested("peak", TESTS)
