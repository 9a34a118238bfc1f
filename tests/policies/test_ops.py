"""Edits that the rules on operations must catch, and edits that they must not."""

from collections.abc import Callable
from typing import Any

import pytest

from guardrails.kinds import (
    BUCKET,
    DATABASE,
    DEPLOYMENT,
    EKS_CLUSTER,
    ELASTICACHE_GROUP,
    EXTERNAL_SECRET,
    HELM_RELEASE,
    IAM_ROLE_POLICY,
    KMS_KEY,
    KUBERNETES_PROVIDER,
    NAMESPACE,
    PERSISTENT_VOLUME_CLAIM,
    POSTGRES_CLUSTER,
    PROMETHEUS_RULE,
    SECRETS_MANAGER_SECRET,
    SNS_TOPIC,
    STATEFUL_SET,
)
from guardrails.ops.alertmanager import receivers
from guardrails.ops.promql import clauses, constant
from guardrails.reading import Node, Unjudged
from tests.policies.edits import Edit, add, delete, drop, fine, forget, modify, only, protect, put
from tests.policies.harness import RuleTests, rules_tested
from tests.policies.shipped import CLUSTERS, OWNERS, PRODUCTION, SERVING

DATABASE_RULES = f"{PROMETHEUS_RULE}::=database"
TIER_RULES = f"{PROMETHEUS_RULE}::=tiers"
PLATFORM_RULES = f"{PROMETHEUS_RULE}::=platform"
STOREFRONT = f"{DEPLOYMENT}::odoo-storefront"
SCHEDULED = f"{DEPLOYMENT}::odoo-scheduled"
CONTAINER = "spec.template.spec.containers[0]"
MONITORING = f"{HELM_RELEASE}::operators-prometheus-release"
SPEC = "values.prometheus.prometheusSpec"
CONFIG = "values.alertmanager.config"
ROUTE = f"{CONFIG}.route"
TOPIC = f"{CONFIG}.receivers[name=pages].sns_configs[0]"
CONF = 'spec.target.template.data."odoo.conf"'


def rules(name: str, what: str, alert: str, change: Callable[[dict[str, Any]], Any]) -> Edit:
    """Changes every alert of that name; their groups otherwise stay."""

    def run(inputs: dict[str, Any]) -> None:
        for group in inputs["spec"]["groups"]:
            for rule in group["rules"]:
                if rule.get("alert") == alert:
                    change(rule)

    return modify(f"{alert} {name}", what, run)


def without(what: str, *alerts: str) -> Edit:
    def run(inputs: dict[str, Any]) -> None:
        for group in inputs["spec"]["groups"]:
            group["rules"] = [each for each in group["rules"] if each.get("alert") not in alerts]

    return modify(f"no {' and '.join(alerts)}", what, run)


def said(alert: str, before: str, after: str, what: str = DATABASE_RULES) -> Edit:
    """Another expression."""
    return rules(
        f"{after} for {before}", what, alert, lambda rule: rule.update(expr=rule["expr"].replace(before, after))
    )


def conf(before: str, after: str) -> Edit:
    return put(f"{EXTERNAL_SECRET}::storefront", CONF, lambda text: text.replace(before, after))


VOLUME = {"metadata": {"name": "files", "namespace": "shared"}, "spec": {"accessModes": ["ReadWriteMany"]}}
CACHE = {
    "metadata": {"name": "cache", "namespace": "outlet-production"},
    "spec": {
        "replicas": 1,
        "template": {
            "metadata": {"labels": {"retail/class": "important"}},
            "spec": {"priorityClassName": "important", "containers": [{"name": "cache"}]},
        },
    },
}

TESTS = {
    "ops-01": RuleTests(
        on=OWNERS,
        violating=[
            without(DATABASE_RULES, "DatabaseBackupTooOld"),
            without(DATABASE_RULES, "DatabaseBackupUnknown"),
            without(DATABASE_RULES, "WalArchivingFails"),
            without(DATABASE_RULES, "WalVolumeFills"),
            without(DATABASE_RULES, "ClientsWaitForPooler"),
            without(DATABASE_RULES, "RestoreDrillTooOld"),
            only(PRODUCTION, without(DATABASE_RULES, "ReplicationLag")),
            only(PRODUCTION, without(DATABASE_RULES, "StandbyMissing", "NoStandby")),
            # CloudNativePG's own metric stops at the last backup made without the plugin.
            said("DatabaseBackupTooOld", "barman_cloud_cloudnative_pg_io_", "cnpg_collector_"),
            said("DatabaseBackupTooOld", ">", "> 1000 *"),
            said("DatabaseBackupTooOld", 'namespace="', 'namespace="x-'),
            rules("never", DATABASE_RULES, "ClientsWaitForPooler", lambda rule: rule.update(expr="vector(0) > 1")),
            said("ClientsWaitForPooler", "max(", "vector(0) > 1 and max("),
            rules(
                "without a threshold",
                DATABASE_RULES,
                "ClientsWaitForPooler",
                lambda rule: rule.update(expr=rule["expr"].partition(" >")[0]),
            ),
            rules(
                "to nobody", DATABASE_RULES, "WalArchivingFails", lambda rule: rule["labels"].update(severity="none")
            ),
            rules(
                "of another", DATABASE_RULES, "WalArchivingFails", lambda rule: rule["labels"].update(tenant="other")
            ),
            rules("in a month", DATABASE_RULES, "WalArchivingFails", lambda rule: rule.update({"for": "30d"})),
            without(PLATFORM_RULES, "EdgeDown", "EdgeShort"),
            without(PLATFORM_RULES, "EdgeCertificateExpires"),
            only(SERVING, without(PLATFORM_RULES, "ScalingBlind")),
            only(SERVING, without(TIER_RULES, "StorefrontErrorBudget")),
            only(SERVING, without(TIER_RULES, "BackgroundDown")),
            only(SERVING, said("PosErrorBudget", "> 0", "> 5 + 0", TIER_RULES)),
            only({"dev", "outlet", "peak"}, without(f"{PROMETHEUS_RULE}::=jobs", "JobsWait")),
            delete(DATABASE_RULES),
        ],
        absent=[drop(DATABASE_RULES, "spec.groups"), only(SERVING, drop(TIER_RULES, "spec.groups[0].rules"))],
        unknown=[forget(DATABASE_RULES, "spec.groups"), only(SERVING, forget(TIER_RULES, "spec"))],
        compliant=[
            rules("by another name", DATABASE_RULES, "WalArchivingFails", lambda rule: rule.update(alert="Wal")),
            said("ClientsWaitForPooler", "> 5", "> 10"),
            rules(
                "as a ticket",
                DATABASE_RULES,
                "WalArchivingFails",
                lambda rule: rule["labels"].update(severity="warning"),
            ),
            without(DATABASE_RULES, "LongTransaction", "TransactionIdsRunOut"),
        ],
    ),
    "ops-02": RuleTests(
        on=OWNERS,
        violating=[
            protect(POSTGRES_CLUSTER, False),
            only({*OWNERS, "training"}, protect(BUCKET, False)),
            only({*OWNERS, "training"}, protect(f"{KMS_KEY}::encryption-key", False)),
            only(SERVING, protect(SECRETS_MANAGER_SECRET, False)),
            only(CLUSTERS, protect(EKS_CLUSTER, False)),
            only({"peak", "platform"}, put(EKS_CLUSTER, "deletionProtection", False)),
            only({"outlet", "peak"}, protect(ELASTICACHE_GROUP, False)),
            only({"training"}, protect(DATABASE, False)),
            protect(NAMESPACE, False),
        ],
        absent=[
            add(PERSISTENT_VOLUME_CLAIM, "files", VOLUME, beside=POSTGRES_CLUSTER),
            only({"peak", "platform"}, drop(EKS_CLUSTER, "deletionProtection")),
        ],
        unknown=[
            forget(POSTGRES_CLUSTER, "metadata.namespace") + protect(POSTGRES_CLUSTER, False),
            only({"peak", "platform"}, forget(EKS_CLUSTER, "deletionProtection")),
        ],
        compliant=[protect(DEPLOYMENT, True), protect(f"{NAMESPACE}::change-control", True)],
    ),
    "ops-04": RuleTests(
        violating=[put(KUBERNETES_PROVIDER, "clusterIdentifier", "")],
        absent=[drop(KUBERNETES_PROVIDER, "clusterIdentifier")],
        unknown=[fine(forget(KUBERNETES_PROVIDER, "clusterIdentifier"))],
        compliant=[put(KUBERNETES_PROVIDER, "clusterIdentifier", "renamed"), drop(KUBERNETES_PROVIDER, "kubeconfig")],
    ),
    "ops-05": RuleTests(
        on=CLUSTERS,
        violating=[
            put(MONITORING, f"{SPEC}.ruleSelectorNilUsesHelmValues", True),
            put(MONITORING, f"{SPEC}.podMonitorSelectorNilUsesHelmValues", True),
            put(MONITORING, f"{SPEC}.serviceMonitorSelectorNilUsesHelmValues", True),
            put(MONITORING, f"{SPEC}.ruleSelector", {"matchLabels": {"retail/tenant": "another"}}),
            put(MONITORING, "values.alertmanager.enabled", False),
            put(MONITORING, "values.prometheus.enabled", False),
            put(MONITORING, "values.alertmanager.alertmanagerSpec.useExistingSecret", True),
            put(MONITORING, f"{ROUTE}.receiver", "another"),
            put(MONITORING, f"{ROUTE}.receiver", "nobody"),
            put(MONITORING, f"{ROUTE}.routes", []),
            put(MONITORING, f"{ROUTE}.routes[0].matchers", []),
            put(MONITORING, f"{ROUTE}.routes[0].matchers", ['severity !~ "warning"']),
            put(MONITORING, f"{ROUTE}.routes[0].matchers", ['alertname =~ "Wal.*"', 'tier != "pos"']),
            put(MONITORING, f"{ROUTE}.routes[1].receiver", "tickets"),
            put(MONITORING, f"{ROUTE}.routes[1].matchers", ['severity = "page"']),
            put(MONITORING, f"{CONFIG}.receivers[name=pages].sns_configs", []),
            put(MONITORING, f"{CONFIG}.receivers[name=tickets].name", "another"),
            put(MONITORING, f"{TOPIC}.topic_arn", lambda arn: f"{arn}-2"),
            put(MONITORING, f"{TOPIC}.topic_arn", lambda arn: arn.replace("eu-central-1", "eu-west-1")),
            put(MONITORING, f"{TOPIC}.sigv4.region", "eu-west-1"),
            delete(f"{SNS_TOPIC}::pages"),
            put(f"{SNS_TOPIC}::tickets", "name", "elsewhere"),
            put(
                f"{IAM_ROLE_POLICY}::operators-prometheus", "policy", lambda text: text.replace("Publish", "Subscribe")
            ),
            put(MONITORING, "values.alertmanager.serviceAccount.name", "another"),
        ],
        absent=[
            drop(MONITORING, CONFIG),
            drop(MONITORING, f"{CONFIG}.receivers"),
            drop(MONITORING, f"{ROUTE}.receiver"),
            drop(MONITORING, f"{ROUTE}.routes"),
            drop(MONITORING, f"{TOPIC}.topic_arn"),
            drop(MONITORING, f"{SPEC}.ruleSelectorNilUsesHelmValues"),
            drop(MONITORING, "values.alertmanager.serviceAccount"),
            fine(drop(MONITORING, f"{TOPIC}.sigv4.region")),
            fine(drop(MONITORING, f"{CONFIG}.inhibit_rules")),
            fine(drop(MONITORING, f"{SPEC}.probeSelectorNilUsesHelmValues")),
        ],
        unknown=[
            # Not made from a topic either.
            forget(MONITORING, f"{TOPIC}.topic_arn"),
            forget(MONITORING, f"{ROUTE}.routes"),
            forget(MONITORING, f"{SPEC}.ruleSelectorNilUsesHelmValues"),
        ],
        compliant=[
            put(MONITORING, f"{ROUTE}.repeat_interval", "4h"),
            put(MONITORING, f"{ROUTE}.routes[1].matchers", ["{severity=~'critical|page'}".replace("'", '"')]),
            put(MONITORING, f"{ROUTE}.routes[0]", {"receiver": "nobody", "match_re": {"severity": "none|info"}}),
            put(MONITORING, f"{ROUTE}.routes[0]", {"receiver": "nobody", "matchers": ['alertname="Watchdog"']}),
            put(MONITORING, f"{CONFIG}.receivers[name=pages]", {"name": "pages", "pagerduty_configs": [{"url": "x"}]}),
            put(
                MONITORING,
                f"{SPEC}.ruleSelector",
                {"matchExpressions": [{"key": "retail/tenant", "operator": "Exists"}]},
            ),
        ],
    ),
    "ops-03": RuleTests(
        on=SERVING,
        violating=[
            put(STOREFRONT, f"{CONTAINER}.resources.limits.memory", "2Gi"),
            put(STOREFRONT, f"{CONTAINER}.livenessProbe", {"httpGet": {"path": "/web/health", "port": "http"}}),
            put(STOREFRONT, f"{CONTAINER}.livenessProbe", {}),
            put(STOREFRONT, f"{CONTAINER}.readinessProbe", {"tcpSocket": {"port": "http"}}),
            put(STOREFRONT, f"{CONTAINER}.readinessProbe.httpGet.port", "metrics"),
            conf("limit_memory_hard = 2684354560", "limit_memory_hard = 2560"),
            conf("limit_memory_hard = 2684354560", "limit_memory_hard = 0"),
            conf("limit_memory_hard = 2684354560", "limit_memory_hard = 629145600"),
            conf("limit_memory_soft = 2147483648", "limit_memory_soft = 0"),
            only(OWNERS, drop(f"{DEPLOYMENT}::edge", f"{CONTAINER}.readinessProbe")),
        ],
        absent=[
            drop(STOREFRONT, f"{CONTAINER}.resources.limits"),
            only({"outlet"}, add(STATEFUL_SET, "cache", CACHE, beside=f"{POSTGRES_CLUSTER}::outlet")),
            drop(STOREFRONT, f"{CONTAINER}.readinessProbe"),
            drop(STOREFRONT, f"{CONTAINER}.livenessProbe"),
            drop(STOREFRONT, f"{CONTAINER}.startupProbe"),
            drop(SCHEDULED, f"{CONTAINER}.livenessProbe"),
            fine(conf("limit_memory_hard = 2684354560", "")),
        ],
        unknown=[
            forget(STOREFRONT, f"{CONTAINER}.resources.limits.memory"),
            forget(STOREFRONT, f"{CONTAINER}.livenessProbe"),
            only(OWNERS, forget(f"{DEPLOYMENT}::edge", f"{CONTAINER}.livenessProbe")),
        ],
        compliant=[
            put(STOREFRONT, f"{CONTAINER}.livenessProbe.failureThreshold", 12),
            put(STOREFRONT, f"{CONTAINER}.readinessProbe.periodSeconds", 5),
            conf("limit_memory_hard = 2684354560", "limit_memory_hard = 3221225472"),
        ],
    ),
}

test_edits, test_without, test_whole = rules_tested("ops", TESTS)


def test_an_expression_falls_apart_at_its_joins_alone() -> None:
    text = 'max(a{job="x and y"} or b) > 5 and sum(rate(c[5m])) / d > 0.2 unless e'
    found = clauses(text, {"e": "f > 1"})
    assert [each.thresholds for each in found] == [[5], [0.2], []]
    assert found[2].whole.strip() == "(f > 1)"


def test_what_is_compared_with_a_product_is_no_threshold() -> None:
    assert [each.thresholds for each in clauses("a < 0.66 * b", {})] == [[]]


def test_a_constant_never_calls_anybody() -> None:
    assert constant("vector(0) > 1")
    assert constant("up == 0 and vector(1)")
    assert not constant("(sum(up) or vector(0)) < 1")


def receivers_of(route: dict[str, Any], **labels: str) -> set[str]:
    return receivers(Node(None, "route", route), labels, "null")


def test_an_alert_goes_to_the_first_route_that_takes_it() -> None:
    route = {
        "receiver": "tickets",
        "routes": [
            {"matchers": ['severity="critical"'], "routes": [{"matchers": ['tier=~"pos|web"'], "receiver": "tills"}]},
            {"matchers": ['tenant="acme"', "severity!=none"], "receiver": "acme", "continue": True},
            {"match": {"severity": "warning"}, "receiver": "day"},
        ],
    }
    assert receivers_of(route, severity="critical", tier="pos") == {"tills"}
    assert receivers_of(route, severity="critical", tier="jobs") == {"tickets"}
    assert receivers_of(route, severity="warning", tenant="acme") == {"acme", "day"}
    assert receivers_of(route, severity="none", tenant="acme") == {"tickets"}
    assert receivers_of(route, severity="critical") == {"tills", "tickets"}, "only the series behind it tells its tier"


def test_what_is_no_matcher_is_not_passed_over() -> None:
    with pytest.raises(Unjudged, match="must be a matcher"):
        receivers_of({"receiver": "a", "routes": [{"matchers": ["severity is critical"]}]}, severity="critical")
