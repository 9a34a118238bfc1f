"""Edits that the rules on isolation must catch, and edits that they must not."""

import json
from collections.abc import Callable
from typing import Any

from guardrails.kinds import (
    AWS_PROVIDER,
    BUCKET,
    BUCKET_POLICY,
    CLUSTER_ROLE_BINDING,
    CRON_JOB,
    DATABASE,
    DATABASE_ROLE,
    DEPLOYMENT,
    EKS_ADDON,
    EKS_NODE_GROUP,
    ELASTICACHE_GROUP,
    EXTERNAL_SECRET,
    HELM_RELEASE,
    IAM_ROLE,
    IAM_ROLE_POLICY,
    JOB,
    LIMIT_RANGE,
    NAMESPACE,
    NETWORK_POLICY,
    NODE_POOL,
    OBJECT_STORE,
    POD_IDENTITY_ASSOCIATION,
    POD_MONITOR,
    POSTGRES_CLUSTER,
    RESOURCE_QUOTA,
    RETAILER,
    ROLE,
    ROLE_BINDING,
    SCALED_OBJECT,
    SECRET_STORE,
    SECRETS_MANAGER_SECRET,
    SERVICE,
    SERVICE_ACCOUNT,
)
from tests.policies.edits import Edit, add, delete, drop, fine, forget, modify, only, put, unlink
from tests.policies.harness import RuleTests, rules_tested
from tests.policies.shipped import CLUSTERS, OWN_DATABASE, OWNERS, SERVING, STACKS

MANAGED_REDIS = {"outlet", "peak"}
REDIS_PODS = {"dev", "training"}

ROOM = f"{NAMESPACE}::tenancy-namespace"
QUOTA = f"{RESOURCE_QUOTA}::tenancy-quota"
WEB = f"{DEPLOYMENT}::odoo-storefront"
WEBSOCKET = f"{DEPLOYMENT}::odoo-websocket"
SCHEDULED = f"{DEPLOYMENT}::odoo-scheduled"
RUNNER = f"{DEPLOYMENT}::odoo-jobrunner"
TEMPLATE = "spec.template.spec"
CONTAINER = f"{TEMPLATE}.containers[0]"
ENFORCE = 'metadata.labels."pod-security.kubernetes.io/enforce"'
STORES = f"{HELM_RELEASE}::external-secrets"
WEB_ROLE = f"{IAM_ROLE}::odoo-storefront-role"
WEB_POLICY = f"{IAM_ROLE_POLICY}::odoo-storefront-role-policy"
WEB_GIVEN = f"{POD_IDENTITY_ASSOCIATION}::odoo-storefront-role-association"
CNI = f"{EKS_ADDON}::vpc-cni"
PUBLIC = {
    "ipBlock": {
        "cidr": "0.0.0.0/0",
        "except": ["10.0.0.0/8", "100.64.0.0/10", "169.254.0.0/16", "172.16.0.0/12", "192.168.0.0/16"],
    }
}
POSTGRES = [{"port": 5432, "protocol": "TCP"}]


def policy(name: str) -> str:
    return f"{NETWORK_POLICY}::tenancy-{name}"


def rule_of(name: str, direction: str, rule: dict[str, Any]) -> Edit:
    """One rule more in a policy of the retailer's namespace."""

    def change(inputs: dict[str, Any]) -> None:
        spec = inputs["spec"]
        spec[direction] = [*spec.get(direction, []), rule]
        spec["policyTypes"] = sorted({*spec["policyTypes"], direction.capitalize()})

    return modify(f"{name} {direction} + {rule}", policy(name), change)


def widen(name: str, direction: str, index: int, change: Callable[[dict[str, Any]], Any], told: str) -> Edit:
    """A change of one rule of a policy."""
    return modify(
        f"{name} {direction}[{index}] {told}", policy(name), lambda inputs: change(inputs["spec"][direction][index])
    )


def another_policy(told: str, spec: dict[str, Any]) -> Edit:
    """A second policy in the retailer's namespace: what it opens is open, whatever the others say."""

    def change(inputs: dict[str, Any]) -> None:
        inputs["spec"] = spec

    # The release's policy, which every retailer has, becomes it: an object of the same namespace.
    return modify(f"another policy: {told}", policy("rotation"), change)


def listed(what: str, path: str, item: Any) -> Edit:
    """One item more in a list."""
    return put(what, path, lambda before: [*(before or []), item])


def document(what: str, key: str, told: str, change: Callable[[dict[str, Any]], Any]) -> Edit:
    """A change of a policy document in JSON."""

    def edit(inputs: dict[str, Any]) -> None:
        read = json.loads(inputs[key])
        change(read)
        inputs[key] = json.dumps(read)

    return modify(f"{what.partition('::')[2]} {key}: {told}", what, edit)


def statement(what: str, told: str, **changes: Any) -> Edit:
    """A change of the first statement of a role's policy."""
    return document(what, "policy", told, lambda read: read["Statement"][0].update(changes))


def trust(told: str, change: Callable[[dict[str, Any]], Any]) -> Edit:
    return document(WEB_ROLE, "assumeRolePolicy", told, lambda read: change(read["Statement"][0]))


def kms(told: str, change: Callable[[dict[str, Any]], Any]) -> Edit:
    return document(WEB_POLICY, "policy", told, lambda read: change(read["Statement"][-1]))


def managed_role(**changes: Any) -> Edit:
    def change(inputs: dict[str, Any]) -> None:
        for each in inputs["spec"]["managed"]["roles"]:
            if each["name"].endswith("_a"):
                each.update(changes)

    return modify(f"role _a {changes}", POSTGRES_CLUSTER, change)


def binding(**changes: Any) -> Edit:
    """A binding that is reviewed as others are, in the retailer's namespace."""
    return modify(f"binding {changes}", f"{ROLE_BINDING}::tenancy-admin", lambda inputs: inputs.update(changes))


def environment(what: str, name: str, value: Any) -> Edit:
    def change(before: list[dict[str, Any]]) -> list[dict[str, Any]]:
        return [{**each, "value": value} if each["name"] == name else each for each in before]

    return put(what, f"{CONTAINER}.env", change)


def tiers_of(rule: dict[str, Any]) -> dict[str, Any]:
    """The expression on tiers of a rule's first peer."""
    found: dict[str, Any] = rule["from"][0]["podSelector"]["matchExpressions"][0]
    return found


ANOTHERS_PODS = add(
    CLUSTER_ROLE_BINDING,
    "wide",
    {
        "metadata": {"name": "wide", "annotations": {"retail/owner": "x", "retail/review-due": "2027-03-31"}},
        "roleRef": {"kind": "ClusterRole", "name": "view"},
        "subjects": [{"kind": "ServiceAccount", "name": "x", "namespace": "other-production"}],
    },
)

TESTS = {
    "iso-01": RuleTests(
        violating=[
            put(ROOM, ENFORCE, "baseline"),
            put(ROOM, 'metadata.labels."pod-security.kubernetes.io/enforce-version"', "v1.0"),
            put(ROOM, 'metadata.labels."pod-security.kubernetes.io/enforce-version"', "none"),
            put(ROOM, 'metadata.labels."retail/environment"', "elsewhere"),
            delete(QUOTA),
            delete(f"{RESOURCE_QUOTA}::tenancy-system-pods"),
            delete(f"{RESOURCE_QUOTA}::tenancy-critical-pods"),
            delete(f"{LIMIT_RANGE}::tenancy-limits"),
            put(QUOTA, "spec.hard.pods", "100000"),
            put(QUOTA, "spec.hard.pods", "0"),
            put(QUOTA, 'spec.hard."requests.cpu"', "10000"),
            put(QUOTA, "spec.scopes", ["BestEffort"]),
            put(f"{RESOURCE_QUOTA}::tenancy-system-pods", "spec.hard.pods", "1"),
            put(f"{RESOURCE_QUOTA}::tenancy-critical-pods", "spec.hard.pods", "9999"),
            put(f"{LIMIT_RANGE}::tenancy-limits", "spec.limits[0].type", "Pod"),
            delete(ROOM),
        ],
        absent=[
            drop(ROOM, ENFORCE),
            drop(ROOM, 'metadata.labels."retail/tenant"'),
            fine(drop(ROOM, 'metadata.labels."pod-security.kubernetes.io/enforce-version"')),
            drop(QUOTA, 'spec.hard."limits.memory"'),
            drop(f"{LIMIT_RANGE}::tenancy-limits", "spec.limits[0].defaultRequest.cpu"),
        ],
        unknown=[
            forget(ROOM, ENFORCE),
            forget(QUOTA, "spec.hard.pods"),
            forget(f"{LIMIT_RANGE}::tenancy-limits", "spec.limits"),
        ],
        compliant=[
            put(ROOM, 'metadata.labels."pod-security.kubernetes.io/enforce-version"', "latest"),
            put(ROOM, "metadata.labels.team", "shop"),
        ],
    ),
    "iso-02": RuleTests(
        violating=[
            delete(policy("default-deny")),
            put(policy("default-deny"), "spec.policyTypes", ["Ingress"]),
            put(policy("default-deny"), "spec.policyTypes", ["Egress"]),
            put(policy("default-deny"), "spec.podSelector", {"matchLabels": {"retail/tier": "pos"}}),
            put(policy("default-deny"), "spec.ingress", [{}]),
            put(policy("default-deny"), "spec.egress", [{"to": [PUBLIC]}]),
            only(SERVING, put(WEB, f"{TEMPLATE}.hostNetwork", True)),
            add(
                "kubernetes:policy.networking.k8s.io/v1alpha1:AdminNetworkPolicy",
                "allow",
                {"metadata": {"name": "allow"}, "spec": {"priority": 1}},
            ),
        ],
        absent=[
            drop(policy("default-deny"), "spec.policyTypes"),
            fine(put(policy("default-deny"), "spec.podSelector", {"matchLabels": {}, "matchExpressions": []})),
        ],
        unknown=[
            forget(policy("default-deny"), "spec.podSelector"),
            forget(policy("default-deny"), "spec.policyTypes"),
        ],
        compliant=[put(policy("default-deny"), "metadata.annotations.note", "closed")],
    ),
    "iso-03": RuleTests(
        on=SERVING,
        violating=[
            # Out: the internet, private ranges, the node's metadata, other ports
            rule_of("tier-websocket", "egress", {"to": [PUBLIC], "ports": [{"port": 443, "protocol": "TCP"}]}),
            rule_of("tier-storefront", "egress", {"to": [PUBLIC]}),
            rule_of("tier-storefront", "egress", {"to": [PUBLIC], "ports": [{"port": 22, "protocol": "TCP"}]}),
            rule_of("tier-storefront", "egress", {"to": [], "ports": [{"port": 443, "protocol": "TCP"}]}),
            rule_of("tier-storefront", "egress", {}),
            rule_of("tier-pos", "egress", {"to": [{"ipBlock": {"cidr": "0.0.0.0/0"}}], "ports": [{"port": 443}]}),
            rule_of("tier-pos", "egress", {"to": [{"ipBlock": {"cidr": "::/0"}}], "ports": [{"port": 443}]}),
            rule_of(
                "tier-pos", "egress", {"to": [{"ipBlock": {"cidr": "169.254.169.254/32"}}], "ports": [{"port": 80}]}
            ),
            rule_of("tier-pos", "egress", {"to": [{"ipBlock": {"cidr": "10.0.0.0/8"}}], "ports": [{"port": 6379}]}),
            rule_of("tier-pos", "egress", {"to": [PUBLIC], "ports": [{"port": 443, "endPort": 65535}]}),
            widen("tier-backoffice", "egress", 2, lambda rule: rule["to"][0]["ipBlock"].pop("except"), "no except"),
            # Out: PostgreSQL by another's way
            only(
                OWN_DATABASE,
                rule_of(
                    "tier-storefront",
                    "egress",
                    {"to": [{"podSelector": {"matchLabels": {"cnpg.io/podRole": "instance"}}}], "ports": POSTGRES},
                ),
            ),
            rule_of("tier-storefront", "egress", {"to": [{"podSelector": {}}], "ports": POSTGRES}),
            rule_of("tier-storefront", "egress", {"to": [{"namespaceSelector": {}}], "ports": POSTGRES}),
            widen("tier-pos", "egress", 0, lambda rule: rule.pop("ports"), "all ports"),
            widen("tier-pos", "egress", 0, lambda rule: rule["ports"][0].update(port=1, endPort=65535), "endPort"),
            # In
            rule_of("tier-storefront", "ingress", {}),
            rule_of("tier-storefront", "ingress", {"from": [{"podSelector": {}}], "ports": [{"port": 8069}]}),
            rule_of("tier-storefront", "ingress", {"from": [{"namespaceSelector": {}}], "ports": [{"port": 8069}]}),
            rule_of("tier-pos", "ingress", {"from": [{"ipBlock": {"cidr": "10.0.0.0/8"}}], "ports": [{"port": 8069}]}),
            rule_of(
                "tier-pos",
                "ingress",
                {
                    "from": [{"namespaceSelector": {"matchLabels": {"kubernetes.io/metadata.name": "observability"}}}],
                    "ports": [{"port": 8069}],
                },
            ),
            rule_of(
                "tier-pos",
                "ingress",
                {
                    "from": [
                        {"namespaceSelector": {"matchExpressions": [{"key": "retail/tenant", "operator": "Exists"}]}}
                    ],
                    "ports": [{"port": 8069}],
                },
            ),
            widen("tier-storefront", "ingress", 0, lambda rule: rule.pop("ports"), "all ports"),
            widen("tier-storefront", "ingress", 0, lambda rule: rule.update({"from": []}), "from: []"),
            only(
                REDIS_PODS,
                widen(
                    "redis",
                    "ingress",
                    0,
                    lambda rule: rule["from"][0].update(podSelector={}),
                    "from all pods",
                ),
            ),
            *(
                only(OWNERS, edit)
                for edit in (
                    widen("database-instances", "ingress", 0, lambda rule: rule.pop("from"), "from all"),
                    widen(
                        "database-instances",
                        "ingress",
                        1,
                        lambda rule: tiers_of(rule).update(operator="NotIn"),
                        "NotIn",
                    ),
                    widen(
                        "database-pooler",
                        "ingress",
                        0,
                        lambda rule: tiers_of(rule)["values"].append("websocket"),
                        "one more",
                    ),
                    widen(
                        "database-pooler-integration",
                        "ingress",
                        0,
                        lambda rule: tiers_of(rule)["values"].append("pos"),
                        "one more",
                    ),
                    widen(
                        "database-instances",
                        "ingress",
                        2,
                        lambda rule: rule["ports"][0].update(port=5432),
                        "metrics on 5432",
                    ),
                    widen(
                        "database-instances",
                        "ingress",
                        1,
                        lambda rule: rule["from"][0].update(namespaceSelector={}),
                        "any namespace",
                    ),
                    widen(
                        "database-instances", "ingress", 1, lambda rule: rule["from"][0].pop("podSelector"), "any pod"
                    ),
                )
            ),
            only(
                OWNERS,
                widen(
                    "traefik",
                    "ingress",
                    0,
                    lambda rule: rule["from"].append({"ipBlock": {"cidr": "0.0.0.0/0"}}),
                    "from everywhere",
                ),
            ),
            only(OWNERS, rule_of("database", "egress", {"to": [PUBLIC], "ports": [{"port": 443}]})),
            # A second policy that widens
            another_policy("all to all", {"podSelector": {}, "policyTypes": ["Egress"], "egress": [{}]}),
            another_policy(
                "everybody to the tills",
                {
                    "podSelector": {"matchExpressions": [{"key": "retail/tier", "operator": "In", "values": ["pos"]}]},
                    "ingress": [
                        {"from": [{"podSelector": {"matchExpressions": [{"key": "x", "operator": "DoesNotExist"}]}}]}
                    ],
                },
            ),
            # What is needed, and closed
            delete(policy("tier-storefront")),
            only(STACKS, delete(policy("dns-and-identity"))),
            only(
                STACKS,
                widen("dns-and-identity", "egress", 1, lambda rule: rule["ports"][0].update(port=81), "no agent"),
            ),
            put(WEB, 'spec.template.metadata.labels."retail/tier"', "jobrunner"),
        ],
        absent=[
            drop(policy("tier-storefront"), "spec.egress"),
            fine(drop(policy("tier-storefront"), "spec.policyTypes")),
            drop(policy("tier-storefront"), "spec.egress[*].to"),
        ],
        unknown=[
            forget(policy("tier-storefront"), "spec.egress"),
            forget(policy("tier-storefront"), "spec.podSelector"),
            forget(policy("tier-storefront"), "spec.ingress[*].from"),
        ],
        compliant=[
            widen(
                "tier-storefront", "ingress", 0, lambda rule: rule["ports"][0].update(endPort=8069), "endPort the same"
            ),
            widen(
                "tier-pos", "egress", 2, lambda rule: rule["to"][0]["ipBlock"]["except"].append("8.8.8.0/24"), "less"
            ),
            rule_of("tier-pos", "egress", {"to": [{"ipBlock": {"cidr": "52.20.0.0/16"}}], "ports": [{"port": 443}]}),
            put(
                policy("tier-pos"),
                "spec.podSelector",
                {"matchExpressions": [{"key": "retail/tier", "operator": "In", "values": ["pos"]}]},
            ),
        ],
    ),
    "iso-04": RuleTests(
        on=SERVING,
        violating=[
            put(f"{SERVICE}::odoo-storefront", "spec.selector", {"app.kubernetes.io/name": "odoo"}),
            put(f"{SERVICE}::odoo-storefront", "spec.type", "ExternalName"),
            put(f"{SERVICE}::odoo-storefront", "spec.externalIPs", ["10.0.0.1"]),
            put(f"{POD_MONITOR}::websocket", "spec.namespaceSelector", {"any": True}),
            put(f"{POD_MONITOR}::websocket", "spec.namespaceSelector.matchNames", ["other-production"]),
            put(
                f"{EXTERNAL_SECRET}::=odoo-storefront",
                "spec.data[0].remoteRef.key",
                "retail/other/production/odoo-admin",
            ),
            listed(f"{EXTERNAL_SECRET}::=redis", "spec.dataFrom", {"find": {"name": {"regexp": ".*"}}}),
            put(
                f"{SECRET_STORE}::secrets-store",
                "spec.provider.aws.role",
                "arn:aws:iam::111122223333:role/other-production-external-secrets",
            ),
            put(
                f"{SECRET_STORE}::secrets-store",
                "spec.provider.aws.auth",
                {"jwt": {"serviceAccountRef": {"name": "x"}}},
            ),
            listed(WEB, f"{TEMPLATE}.volumes", {"name": "host", "hostPath": {"path": "/"}}),
            listed(WEB, f"{TEMPLATE}.volumes", {"name": "far", "nfs": {"server": "10.0.0.1", "path": "/"}}),
            listed(WEB, f"{TEMPLATE}.volumes", {"name": "far", "persistentVolumeClaim": {"claimName": "others"}}),
            put(WEB, 'spec.template.metadata.labels."retail/tenant"', "other"),
            only(STACKS, put(ROOM, 'metadata.labels."retail/edge"', "other")),
            put(
                f"{EXTERNAL_SECRET}::=odoo-storefront",
                'spec.target.template.data."odoo.conf"',
                lambda text: text.replace("directory_path = ", "directory_path = other-"),
            ),
            only(
                STACKS,
                binding(subjects=[{"kind": "ServiceAccount", "name": "storefront", "namespace": "other-production"}]),
            ),
            only(STACKS, binding(subjects=[{"kind": "Group", "name": "other-production-application-team"}])),
            only(
                STACKS,
                binding(
                    roleRef={"apiGroup": "rbac.authorization.k8s.io", "kind": "ClusterRole", "name": "cluster-admin"}
                ),
            ),
            only(
                {"training"},
                put(DATABASE, "spec.name", "other_production") + put(DATABASE, "spec.owner", "other_production"),
            ),
            only(
                {"training"},
                put(f"{ROLE}::shared-copy-role", "rules[*].resourceNames", ["other-training-database-app"]),
            ),
            only({"training"}, put(f"{ROLE}::shared-copy-role", "rules[*].resourceNames", [])),
            only({"training"}, put(DATABASE, "metadata.name", "other-training")),
            put(f"{EXTERNAL_SECRET}::database-app", "metadata.namespace", "other-production"),
            only(
                OWNERS,
                put(OBJECT_STORE, "spec.configuration.destinationPath", "s3://other-production-backups/postgresql"),
            ),
            only(STACKS, put(f"{BUCKET}::backups", "bucket", "other-production-backups")),
            put(SECRETS_MANAGER_SECRET, "name", lambda name: name.replace("retail/", "retail/other-")),
            put(
                f"{SCALED_OBJECT}::storefront",
                "spec.triggers[type=prometheus].metadata.query",
                "sum(rate(traefik_service_requests_total[1m]))",
            ),
            only(STACKS, ANOTHERS_PODS),
            only(CLUSTERS, put(STORES, "values.processClusterStore", True)),
            only(CLUSTERS, put(STORES, "values.processClusterGenerator", "true")),
        ],
        absent=[
            only(CLUSTERS, drop(STORES, "values.processClusterExternalSecret")),
            only(CLUSTERS, drop(STORES, "values")),
            drop(f"{SERVICE}::odoo-storefront", "spec.selector"),
            drop(f"{SECRET_STORE}::secrets-store", "spec.provider.aws.role"),
            only({"training"}, drop(f"{ROLE}::shared-copy-role", "rules[*].resourceNames")),
            drop(WEB, 'spec.template.metadata.labels."retail/tenant"'),
        ],
        unknown=[
            forget(f"{SERVICE}::odoo-storefront", "spec.selector"),
            forget(f"{SECRET_STORE}::secrets-store", "spec.provider.aws.role"),
            only(CLUSTERS, forget(STORES, "values.processClusterPushSecret")),
            fine(forget(f"{EXTERNAL_SECRET}::=odoo-storefront", "spec.data[0].remoteRef.key")),
            only(STACKS, forget(f"{ROLE_BINDING}::tenancy-admin", "subjects")),
        ],
        compliant=[
            put(WEB, "metadata.annotations.note", "shop"),
            listed(WEB, f"{TEMPLATE}.volumes", {"name": "more", "emptyDir": {"sizeLimit": "1Gi"}}),
        ],
    ),
    "iso-05": RuleTests(
        on=SERVING,
        violating=[
            statement(WEB_POLICY, "another's bucket", Resource="arn:aws:s3:::other-production-filestore/x/*"),
            statement(WEB_POLICY, "every bucket", Resource="arn:aws:s3:::*"),
            statement(WEB_POLICY, "everything", Resource="*"),
            statement(WEB_POLICY, "all but", NotResource="arn:aws:s3:::x", Resource=[]),
            statement(WEB_POLICY, "s3:Get*", Action="s3:Get*"),
            document(
                WEB_POLICY,
                "policy",
                "no prefix",
                lambda read: read["Statement"][0].update(Resource=read["Statement"][1]["Resource"] + "/*"),
            ),
            kms("no condition", lambda each: each.pop("Condition")),
            kms(
                "another's alias",
                lambda each: each["Condition"].update(
                    {"ForAnyValue:StringLike": {"kms:ResourceAliases": "alias/retail/*"}}
                ),
            ),
            kms(
                "for all values",
                lambda each: each["Condition"].update(
                    {"ForAllValues:StringLike": each["Condition"].pop("ForAnyValue:StringLike")}
                ),
            ),
            trust(
                "any namespace",
                lambda each: each["Condition"]["StringEquals"].pop("aws:RequestTag/kubernetes-namespace"),
            ),
            trust("no condition", lambda each: each.pop("Condition")),
            trust("by pattern", lambda each: each.update(Condition={"StringLike": each["Condition"]["StringEquals"]})),
            trust("another account", lambda each: each.update(Principal={"AWS": "arn:aws:iam::999999999999:role/x"})),
            trust("the account", lambda each: each.update(Principal={"AWS": "arn:aws:iam::111122223333:root"})),
            trust("everybody", lambda each: each.update(Principal="*")),
            put(WEB_GIVEN, "namespace", "other-production"),
            put(WEB_GIVEN, "serviceAccount", "pos"),
            unlink(WEB_GIVEN, "roleArn"),
            put(
                f"{SERVICE_ACCOUNT}::storefront",
                "metadata.annotations",
                {"eks.amazonaws.com/role-arn": "arn:aws:iam::1:role/x"},
            ),
            put(WEB_ROLE, "managedPolicyArns", ["arn:aws:iam::aws:policy/AmazonSSMReadOnlyAccess"]),
            document(
                f"{BUCKET_POLICY}::filestore-source",
                "policy",
                "lets in another",
                lambda read: read["Statement"].append(
                    {
                        "Effect": "Allow",
                        "Principal": {"AWS": "arn:aws:iam::999999999999:role/x"},
                        "Action": "s3:GetObject",
                        "Resource": "*",
                    }
                ),
            ),
        ],
        absent=[drop(WEB_ROLE, "assumeRolePolicy"), drop(WEB_GIVEN, "serviceAccount")],
        unknown=[
            fine(forget(WEB_GIVEN, "roleArn")),
            forget(WEB_GIVEN, "namespace"),
            forget(WEB_POLICY, "policy"),
        ],
        compliant=[
            put(WEB_ROLE, "description", "The shop"),
            put(WEB_ROLE, "tags", {"team": "shop"}),
        ],
    ),
    "iso-06": RuleTests(
        on=SERVING,
        violating=[
            put(WEB, f"{TEMPLATE}.serviceAccountName", "default"),
            put(WEB, f"{TEMPLATE}.serviceAccountName", "pos"),
            put(WEB, f"{TEMPLATE}.serviceAccountName", "elsewhere"),
            put(WEB, f"{TEMPLATE}.automountServiceAccountToken", True),
            put(f"{SERVICE_ACCOUNT}::odoo-storefront", "automountServiceAccountToken", True),
            listed(
                WEB,
                f"{TEMPLATE}.volumes",
                {"name": "token", "projected": {"sources": [{"serviceAccountToken": {"path": "t"}}]}},
            ),
            put(f"{JOB}::odoo-release", f"{TEMPLATE}.automountServiceAccountToken", True),
            put(WEB, f"{TEMPLATE}.enableServiceLinks", True),
        ],
        absent=[
            drop(f"{JOB}::odoo-release", f"{TEMPLATE}.automountServiceAccountToken"),
            drop(WEB, f"{TEMPLATE}.enableServiceLinks"),
            drop(WEB, f"{TEMPLATE}.serviceAccountName"),
            drop(WEB, f"{TEMPLATE}.automountServiceAccountToken"),
            drop(f"{SERVICE_ACCOUNT}::odoo-storefront", "automountServiceAccountToken"),
        ],
        unknown=[
            forget(WEB, f"{TEMPLATE}.automountServiceAccountToken"),
            forget(f"{SERVICE_ACCOUNT}::odoo-storefront", "automountServiceAccountToken"),
            forget(WEB, f"{TEMPLATE}.enableServiceLinks"),
        ],
        compliant=[
            put(f"{SERVICE_ACCOUNT}::odoo-storefront", "metadata.annotations", {"note": "shop"}),
            put(f"{CRON_JOB}::rotation", "spec.jobTemplate.spec.template.spec.enableServiceLinks", True),
        ],
    ),
    "iso-07": RuleTests(
        on=SERVING,
        violating=[
            put(WEB, f"{CONTAINER}.args", ["odoo", "--workers=4", "--max-cron-threads=1"]),
            put(WEB, f"{CONTAINER}.args", ["odoo", "--workers=4"]),
            environment(WEB, "ODOO_QUEUE_JOB_CHANNELS", "root:4"),
            delete(SCHEDULED),
            put(SCHEDULED, f"{CONTAINER}.args", ["odoo", "--workers=-1", "--max-cron-threads=2"]),
            environment(SCHEDULED, "ODOO_QUEUE_JOB_CHANNELS", "root:4"),
            put(SCHEDULED, f"{CONTAINER}.args", ["odoo", "--workers=-1", "--no-http", "--max-cron-threads=0"]),
        ],
        absent=[
            put(
                WEB, f"{CONTAINER}.env", lambda env: [each for each in env if each["name"] != "ODOO_QUEUE_JOB_CHANNELS"]
            ),
        ],
        unknown=[forget(WEB, f"{CONTAINER}.args"), forget(WEB, f"{CONTAINER}.env[name=ODOO_QUEUE_JOB_CHANNELS].value")],
        compliant=[put(WEB, f"{CONTAINER}.args", ["odoo", "--max-cron-threads", "0", "--workers=4"])],
    ),
    "iso-08": RuleTests(
        on=SERVING,
        violating=[
            environment(WEB, "ODOO_SESSION_REDIS_PREFIX", "shared"),
            environment(WEB, "ODOO_SESSION_REDIS", "0"),
            put(WEB, f"{CONTAINER}.env[name=ODOO_SESSION_REDIS_URL].valueFrom.secretKeyRef.name", "others"),
            put(WEB, f"{CONTAINER}.env[name=ODOO_SESSION_REDIS_URL].valueFrom.secretKeyRef.key", "nothing"),
            put(
                f"{EXTERNAL_SECRET}::=redis",
                "spec.target.template.data.url",
                "rediss://:{{ .password }}@redis.other-production.svc:6379/0",
            ),
            put(
                f"{EXTERNAL_SECRET}::=redis",
                "spec.target.template.data.url",
                "rediss://:{{ .password }}@master.other.x.euc1.cache.amazonaws.com:6379/0",
            ),
        ],
        absent=[
            put(WEB, f"{CONTAINER}.env", lambda env: [each for each in env if each["name"] != "ODOO_SESSION_REDIS_URL"])
        ],
        unknown=[
            forget(WEB, f"{CONTAINER}.env[name=ODOO_SESSION_REDIS_PREFIX].value"),
            unlink(f"{EXTERNAL_SECRET}::redis", "spec")
            + forget(f"{EXTERNAL_SECRET}::=redis", "spec.target.template.data.url"),
        ],
        compliant=[put(f"{EXTERNAL_SECRET}::=redis", "metadata.annotations", {"note": "sessions"})],
    ),
    "iso-09": RuleTests(
        on=SERVING,
        violating=[
            put(WEB, f'{TEMPLATE}.nodeSelector."retail/tenant"', "other"),
            put(WEB, f"{TEMPLATE}.nodeName", "ip-10-0-0-1"),
            listed(WEB, f"{TEMPLATE}.tolerations", {"operator": "Exists"}),
            listed(WEB, f"{TEMPLATE}.tolerations", {"key": "retail/tenant", "operator": "Exists"}),
            listed(WEB, f"{TEMPLATE}.tolerations", {"key": "retail/tenant", "value": "other"}),
            only(OWNERS, put(NODE_POOL, "spec.template.spec.taints", lambda taints: taints[:1])),
            only(OWNERS, put(NODE_POOL, "spec.template.spec.taints[1].effect", "PreferNoSchedule")),
            only(OWNERS, put(f"{EKS_NODE_GROUP}::data", "taints", lambda taints: taints[:1])),
        ],
        absent=[
            drop(WEB, f'{TEMPLATE}.nodeSelector."retail/tenant"'),
            only(OWNERS, drop(NODE_POOL, "spec.template.spec.taints")),
        ],
        unknown=[forget(WEB, f"{TEMPLATE}.nodeSelector"), forget(WEB, f"{TEMPLATE}.tolerations")],
        compliant=[
            listed(
                WEB,
                f"{TEMPLATE}.tolerations",
                {
                    "key": "node.kubernetes.io/not-ready",
                    "operator": "Exists",
                    "tolerationSeconds": 30,
                    "effect": "NoExecute",
                },
            )
        ],
    ),
    "iso-10": RuleTests(
        on=CLUSTERS,
        violating=[
            delete(CNI),
            put(CNI, "configurationValues", '{"enableNetworkPolicy": "false"}'),
            put(CNI, "configurationValues", "{}"),
            put(CNI, "configurationValues", '{"enableNetworkPolicy": "true", "nodeAgent": {"enabled": false}}'),
            put(CNI, "resolveConflictsOnUpdate", "PRESERVE"),
        ],
        absent=[drop(CNI, "configurationValues"), fine(drop(CNI, "resolveConflictsOnUpdate"))],
        unknown=[forget(CNI, "configurationValues")],
        compliant=[
            put(CNI, "configurationValues", '{"enableNetworkPolicy": true, "env": {"WARM_PREFIX_TARGET": "2"}}')
        ],
    ),
    "iso-11": RuleTests(
        violating=[
            put(AWS_PROVIDER, "region", "us-east-1"),
            put(f"{BUCKET}::copy", "region", "us-east-1"),
            only(SERVING, put(SECRETS_MANAGER_SECRET, "replicas", [{"region": "us-east-1"}])),
            only(SERVING, put(f"{SECRET_STORE}::secrets-store", "spec.provider.aws.region", "us-east-1")),
            only(OWNERS, put(OBJECT_STORE, "spec.configuration.endpointURL", "https://s3.us-east-1.amazonaws.com")),
            only(OWNERS, put(OBJECT_STORE, "spec.configuration.endpointURL", "https://storage.example")),
            only({"outlet", "peak"}, put(ELASTICACHE_GROUP, "globalReplicationGroupId", "global")),
        ],
        absent=[drop(AWS_PROVIDER, "region"), fine(drop(BUCKET, "region"))],
        unknown=[forget(AWS_PROVIDER, "region"), forget(f"{BUCKET}::copy", "region")],
        compliant=[only(SERVING, put(SECRETS_MANAGER_SECRET, "replicas", [{"region": "eu-west-1"}]))],
    ),
    "iso-12": RuleTests(
        on=OWNERS,
        violating=[
            put(POSTGRES_CLUSTER, "spec.postgresql.pg_hba", []),
            put(POSTGRES_CLUSTER, "spec.postgresql.pg_hba", lambda rules: rules[:-1]),
            put(
                POSTGRES_CLUSTER,
                "spec.postgresql.pg_hba",
                lambda rules: [rules[-1].replace("reject", "scram-sha-256"), *rules],
            ),
            put(POSTGRES_CLUSTER, "spec.postgresql.pg_hba", lambda rules: ["hostssl all all 10.0.0.0/8 trust", *rules]),
            put(
                POSTGRES_CLUSTER,
                "spec.postgresql.pg_hba",
                lambda rules: ["host sameuser,postgres all all scram-sha-256", *rules],
            ),
            put(
                POSTGRES_CLUSTER, "spec.postgresql.pg_hba", lambda rules: ["hostssl /.* all all scram-sha-256", *rules]
            ),
            put(POSTGRES_CLUSTER, "spec.enableSuperuserAccess", True),
            only(OWN_DATABASE, managed_role(connectionLimit=-1)),
            only(OWN_DATABASE, managed_role(createrole=True)),
            only(OWN_DATABASE, managed_role(superuser=True)),
            only({"training"}, put(DATABASE_ROLE, "spec.connectionLimit", -1)),
            only({"training"}, put(DATABASE_ROLE, "spec.inRoles", ["pg_read_all_data"])),
            only({"training"}, put(DATABASE_ROLE, "spec.bypassrls", True)),
            only({"training"}, put(DATABASE, "spec.isTemplate", True)),
            only({"training"}, put(DATABASE, "spec.owner", "postgres")),
            only({"training"}, put(RETAILER, "regulated", True)),
        ],
        absent=[
            drop(POSTGRES_CLUSTER, "spec.postgresql.pg_hba"),
            only({"training"}, drop(DATABASE_ROLE, "spec.connectionLimit")),
            only({"training"}, put(RETAILER, "objectiveClass", "gold")),
        ],
        unknown=[
            forget(POSTGRES_CLUSTER, "spec.postgresql.pg_hba"),
            only({"training"}, forget(DATABASE_ROLE, "spec.connectionLimit")),
        ],
        compliant=[
            put(POSTGRES_CLUSTER, "spec.postgresql.pg_hba", lambda rules: ["host all all 10.9.9.9/32 reject", *rules]),
            only({"training"}, put(DATABASE_ROLE, "spec.connectionLimit", 55)),
        ],
    ),
    "iso-13": RuleTests(
        on=SERVING,
        violating=[
            put(WEB, f"{CONTAINER}.securityContext.privileged", True),
            put(WEB, f"{CONTAINER}.securityContext.allowPrivilegeEscalation", True),
            put(WEB, f"{CONTAINER}.securityContext.capabilities.add", ["SYS_ADMIN"]),
            put(WEB, f"{CONTAINER}.securityContext.capabilities.drop", ["NET_RAW"]),
            put(WEB, f"{CONTAINER}.securityContext.readOnlyRootFilesystem", False),
            put(WEB, f"{TEMPLATE}.securityContext.runAsNonRoot", False),
            put(WEB, f"{TEMPLATE}.securityContext.runAsUser", 0),
            put(WEB, f"{TEMPLATE}.securityContext.seccompProfile.type", "Unconfined"),
            put(WEB, f"{TEMPLATE}.hostPID", True),
            put(WEB, f"{CONTAINER}.ports[0].hostPort", 8069),
        ],
        absent=[drop(WEB, f"{CONTAINER}.securityContext"), drop(WEB, f"{TEMPLATE}.securityContext")],
        unknown=[
            forget(WEB, f"{CONTAINER}.securityContext"),
            forget(WEB, f"{TEMPLATE}.hostPID") + forget(WEB, f"{TEMPLATE}.securityContext"),
        ],
        compliant=[put(WEB, f"{CONTAINER}.securityContext.runAsNonRoot", True)],
    ),
}

test_edits, test_without, test_whole = rules_tested("iso", TESTS)
