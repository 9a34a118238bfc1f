"""Edits that the rules on security must catch, and edits that they must not."""

import json
import re
import tomllib
from collections.abc import Callable
from datetime import UTC, datetime
from typing import Any

from guardrails.catalogue import RULES
from guardrails.kinds import (
    ADMISSION_BINDING,
    ADMISSION_POLICY,
    CLUSTER_ROLE,
    CLUSTER_ROLE_BINDING,
    CONFIG_MAP,
    CRON_JOB,
    DEPLOYMENT,
    EKS_ACCESS_ENTRY,
    EKS_CLUSTER,
    EKS_NODE_GROUP,
    ELASTICACHE_GROUP,
    EXTERNAL_SECRET,
    FLOW_LOG,
    HELM_RELEASE,
    IAM_POLICY,
    IAM_ROLE,
    IAM_ROLE_POLICY,
    IAM_ROLE_POLICY_ATTACHMENT,
    KMS_KEY,
    LAUNCH_TEMPLATE,
    LOG_GROUP,
    NODE_CLASS,
    POOLER,
    POSTGRES_CLUSTER,
    ROLE,
    ROLE_BINDING,
    SECRET,
    SECRET_STORE,
    SECRETS_MANAGER_SECRET,
    STORAGE_CLASS,
)
from guardrails.sec.admission import CATALOGUE, _policies
from guardrails.sec.images import REGISTRIES
from tests.policies.edits import Edit, add, delete, drop, fine, forget, given, modify, only, put
from tests.policies.harness import RuleTests, rules_tested
from tests.policies.shipped import CLUSTERS, OWN_DATABASE, OWNERS, SERVING, STACKS

WEB = f"{DEPLOYMENT}::odoo-storefront"
TRAEFIK = f"{DEPLOYMENT}::edge-deployment"
CONTAINER = "spec.template.spec.containers[0]"
CONF = f"{EXTERNAL_SECRET}::=odoo-storefront"
CONF_TEXT = 'spec.target.template.data."odoo.conf"'
ROTATION = f"{CRON_JOB}::rotation-job"
ROLES = "spec.managed.roles"
HBA = "spec.postgresql.pg_hba"
RELEASE_ROLE = f"{ROLE}::odoo-release-role"
CNPG = f"{HELM_RELEASE}::operators-cnpg-release"
POLICY = f"{ADMISSION_POLICY}::sec-05-images"
BINDING = f"{ADMISSION_BINDING}::sec-05-images"
FREEZE = f"{ADMISSION_BINDING}::freeze-binding"
SWITCH = f"{CRON_JOB}::freeze-job"
KARPENTER = f"{IAM_ROLE_POLICY}::karpenter-aws-policy"
BALANCERS = f"{IAM_ROLE_POLICY}::load-balancer-controller-aws-policy"
CERTIFICATES = f"{IAM_ROLE_POLICY}::cert-manager-aws-policy"
VOLUMES = f"{IAM_ROLE_POLICY}::ebs-csi-own-policy"
STORES = f"{IAM_ROLE_POLICY}::external-secrets-aws-policy"
ALERTS = f"{IAM_ROLE_POLICY}::operators-prometheus-aws-policy"
NODE_POLICY = f"{IAM_ROLE_POLICY_ATTACHMENT}::AmazonEKSWorkerNodePolicy"
_FOR_AWS = "kms:GrantIsForAWSResource"
PASSES_ALL = json.dumps({"Statement": [{"Effect": "Allow", "Action": "iam:PassRole", "Resource": "*"}]})
DIGEST = f"sha256:{'0' * 64}"


def a_secret(**inputs: Any) -> Edit:
    return add(SECRET, "other", {"metadata": {"name": "other", "namespace": "elsewhere"}, **inputs})


def a_config_map(**data: str) -> Edit:
    return put(f"{CONFIG_MAP}::freeze-files", "data", lambda before: {**(before or {}), **data})


def variable(name: str, value: Any) -> Edit:
    """One environment variable more in the storefront."""
    return put(WEB, f"{CONTAINER}.env", lambda listed: [*listed, {"name": name, "value": value}])


def conf(old: str, new: str) -> Edit:
    return put(CONF, CONF_TEXT, lambda text: text.replace(old, new))


def role(name: str, **changes: Any) -> Edit:
    """Changes of one managed role, whose name ends so."""

    def change(inputs: dict[str, Any]) -> None:
        for each in inputs["spec"]["managed"]["roles"]:
            if each["name"].endswith(name):
                each.update(changes)

    return modify(f"role {name} {changes}", POSTGRES_CLUSTER, change)


def binding(**inputs: Any) -> Edit:
    said = {"retail/owner": "somebody", "retail/review-due": "2027-03-31"}
    metadata = {"name": "other", "annotations": said}
    reads = {"apiGroup": "rbac.authorization.k8s.io", "kind": "ClusterRole", "name": "view"}
    return add(CLUSTER_ROLE_BINDING, "other", {"metadata": metadata, "roleRef": reads, **inputs})


def said(what: str, action: str, change: Callable[[dict[str, Any]], Any]) -> Edit:
    """A change of every statement of an IAM policy that names an action."""

    def rewritten(text: str) -> str:
        policy = json.loads(text)
        for statement in policy["Statement"]:
            if action in json.dumps(statement["Action"]):
                change(statement)
        return json.dumps(policy)

    return put(what, "policy", rewritten)


def saying(what: str, action: str, **parts: Any) -> Edit:
    return said(what, action, lambda statement: statement.update(parts))


def free(what: str, action: str, *operators: str) -> Edit:
    """Without conditions: these, or all."""

    def change(statement: dict[str, Any]) -> None:
        for operator in operators or list(statement.get("Condition", {})):
            statement.get("Condition", {}).pop(operator, None)

    return said(what, action, change)


def more(what: str, action: str | list[str], resource: str = "*") -> Edit:
    """One statement more."""
    statement = {"Effect": "Allow", "Action": action, "Resource": resource}

    def rewritten(text: str) -> str:
        policy = json.loads(text)
        return json.dumps({**policy, "Statement": [*policy["Statement"], statement]})

    return put(what, "policy", rewritten)


TESTS = {
    "sec-01": RuleTests(
        on=SERVING,
        violating=[
            only(STACKS, a_secret(stringData={"password": "hunter2"})),
            only(STACKS, a_secret(data={"key": "aHVudGVyMg=="})),
            only(STACKS, a_config_map(password="hunter2")),
            only(STACKS, a_config_map(url="postgres://odoo:hunter2@db/shop")),
            only(STACKS, a_config_map(tls="-----BEGIN EC PRIVATE KEY-----")),
            variable("PGPASSWORD", "hunter2"),
            variable("SENTRY_API_KEY", "hunter2"),
            variable("ODOO_SESSION_REDIS_URL", "rediss://:hunter2@store:6379/0"),
            put(WEB, f"{CONTAINER}.args", lambda args: [*args, "--db_password=hunter2"]),
            put(WEB, f"{CONTAINER}.args", lambda args: [*args, "--db-password", "hunter2"]),
            conf("db_password = {{ .password }}", "db_password = hunter2"),
            put(f"{EXTERNAL_SECRET}::=redis", "spec.target.template.data.password", "hunter2"),
            put(CONF, "spec.secretStoreRef.kind", "ClusterSecretStore"),
            put(CONF, "spec.secretStoreRef.name", "other"),
            put(f"{SECRET_STORE}::store", "spec.provider", {"fake": {"data": [{"key": "a", "value": "hunter2"}]}}),
            only(CLUSTERS, put(CNPG, "values.adminPassword", "hunter2")),
            only(CLUSTERS, put(CNPG, "values.extra", [{"env": {"token": "hunter2"}}])),
        ],
        absent=[
            fine(a_secret(type="kubernetes.io/service-account-token")),
            drop(CONF, "spec.secretStoreRef"),
            fine(put(WEB, f"{CONTAINER}.env[0]", {"name": "PGPASSWORD"})),
        ],
        unknown=[
            variable("PGPASSWORD", "hunter2") + forget(WEB, f"{CONTAINER}.env[*].value"),
            only(STACKS, a_secret(data={"key": "x"}) + forget(f"{SECRET}::other", "data")),
            forget(CONF, "spec.secretStoreRef.name"),
            fine(forget(CONF, CONF_TEXT)),
        ],
        compliant=[
            variable("SECRET_NAME", "odoo"),
            variable("PASSWORD_FILE", "/run/secrets/password"),
            a_config_map(url="https://shop.example/path", limits="password_min_length = 12"),
        ],
    ),
    "sec-02": RuleTests(
        on=SERVING,
        violating=[
            delete(ROTATION),
            put(ROTATION, "spec.suspend", True),
            put(ROTATION, "spec.schedule", "0 5 22 1 *"),
            put(ROTATION, "spec.jobTemplate.spec.template.spec.serviceAccountName", "other"),
            delete(f"{IAM_ROLE_POLICY}::rotation-identity-policy"),
            put(
                f"{IAM_ROLE_POLICY}::rotation-identity-policy",
                "policy",
                lambda text: text.replace("secretsmanager:PutSecretValue", "secretsmanager:TagResource"),
            ),
            put(
                f"{IAM_ROLE_POLICY}::rotation-identity-policy",
                "policy",
                lambda text: text.replace("odoo-admin-", "odoo-boss-"),
            ),
            put(f"{EXTERNAL_SECRET}::=redis", "spec.refreshInterval", "0s"),
            put(f"{EXTERNAL_SECRET}::=database-app", "spec.refreshInterval", "720h"),
            put(f"{SECRETS_MANAGER_SECRET}::secrets-redis", "name", "retail/forgotten"),
        ],
        absent=[
            drop(ROTATION, "spec.schedule"),
            drop(ROTATION, "spec.jobTemplate.spec.template.spec.serviceAccountName"),
            fine(drop(f"{EXTERNAL_SECRET}::=redis", "spec.refreshInterval")),
        ],
        unknown=[
            forget(ROTATION, "spec.schedule"),
            forget(ROTATION, "spec.suspend"),
            forget(ROTATION, "spec.jobTemplate.spec.template.spec.serviceAccountName"),
            forget(f"{IAM_ROLE_POLICY}::rotation-identity-policy", "policy"),
        ],
        compliant=[
            put(ROTATION, "spec.successfulJobsHistoryLimit", 1),
            put(f"{EXTERNAL_SECRET}::=redis", "spec.refreshInterval", "30m"),
        ],
    ),
    "sec-03": RuleTests(
        on={"peak"},
        violating=[
            put(ROTATION, "spec.schedule", "0 5 * * *"),
            put(ROTATION, "spec.schedule", "0 5 24 * *"),
            put(ROTATION, "spec.schedule", "30 23 22 * *"),
            # Before midnight in Paris, after it in Auckland's calendar, and the other way round.
            put(ROTATION, "spec.schedule", "0 1 23 11 *"),
            only(SERVING, put(ROTATION, "spec.startingDeadlineSeconds", None)),
            only(SERVING, put(ROTATION, "spec.jobTemplate.spec.activeDeadlineSeconds", None)),
            put(ROTATION, "spec.startingDeadlineSeconds", 6 * 86400),
        ],
        absent=[
            only(SERVING, drop(ROTATION, "spec.startingDeadlineSeconds")),
            only(SERVING, drop(ROTATION, "spec.jobTemplate.spec.activeDeadlineSeconds")),
            fine(drop(ROTATION, "spec.timeZone")),
        ],
        unknown=[
            forget(ROTATION, "spec.schedule"),
            forget(ROTATION, "spec.timeZone"),
            only(SERVING, forget(ROTATION, "spec.startingDeadlineSeconds")),
        ],
        compliant=[
            put(ROTATION, "spec.schedule", "0 5 20 1-11 *").at(datetime(2026, 10, 1, tzinfo=UTC)),
            put(ROTATION, "spec.startingDeadlineSeconds", 1800),
        ],
    ),
    "sec-04": RuleTests(
        on=OWN_DATABASE,
        violating=[
            role("_b", login=False),
            role("_b", ensure="absent"),
            role("_b", inRoles=[]),
            role("_b", passwordSecret={"name": "database-a"}),
            role("_b", passwordSecret={"name": "nowhere"}),
            put(POSTGRES_CLUSTER, ROLES, lambda roles: roles[:2]),
        ],
        absent=[drop(POSTGRES_CLUSTER, ROLES), drop(POSTGRES_CLUSTER, f"{ROLES}[*].passwordSecret")],
        unknown=[forget(POSTGRES_CLUSTER, ROLES), forget(POSTGRES_CLUSTER, f"{ROLES}[*].login")],
        compliant=[put(POSTGRES_CLUSTER, f"{ROLES}[0].comment", "nobody logs in")],
    ),
    "sec-05": RuleTests(
        on=SERVING,
        violating=[
            put(WEB, f"{CONTAINER}.image", "odoo:19"),
            put(WEB, f"{CONTAINER}.image", "odoo:latest"),
            put(WEB, f"{CONTAINER}.image", f"docker.io/bitnami/odoo@{DIGEST}"),
            put(WEB, f"{CONTAINER}.image", f"ghcr.io/somebody/odoo@{DIGEST}"),
            put(WEB, f"{CONTAINER}.image", f"999999999999.dkr.ecr.eu-central-1.amazonaws.com/odoo@{DIGEST}"),
            put(WEB, "spec.template.spec.initContainers", [{"name": "wait", "image": "busybox"}]),
            only(OWNERS, put(TRAEFIK, f"{CONTAINER}.image", lambda image: image.partition("@")[0])),
            only(OWNERS, put(POSTGRES_CLUSTER, "spec.imageName", lambda image: image.partition("@")[0])),
            only(OWNERS, put(POOLER, "spec.pgbouncer.image", "ghcr.io/cloudnative-pg/pgbouncer:latest")),
            only(CLUSTERS, put(CNPG, "version", ">=0.29")),
            only(CLUSTERS, put(CNPG, "version", "")),
            only(CLUSTERS, put(CNPG, "repositoryOpts.repo", "https://charts.bitnami.com/bitnami")),
            only(CLUSTERS, put(CNPG, "repositoryOpts.repo", "https://somebody.github.io/charts")),
            only(CLUSTERS, put(CNPG, "values.image", {"tag": "latest"})),
            only(OWNERS, put(NODE_CLASS, "spec.amiSelectorTerms", [{"alias": "al2023@latest"}])),
            only(OWNERS, put(NODE_CLASS, "spec.amiSelectorTerms", [{"tags": {"team": "nodes"}}])),
        ],
        absent=[
            drop(WEB, f"{CONTAINER}.image"),
            only(OWNERS, drop(POSTGRES_CLUSTER, "spec.imageName")),
            only(OWNERS, drop(NODE_CLASS, "spec.amiSelectorTerms")),
            only(CLUSTERS, drop(CNPG, "version")),
        ],
        unknown=[
            forget(WEB, f"{CONTAINER}.image"),
            only(OWNERS, forget(POSTGRES_CLUSTER, "spec.imageName")),
            only(CLUSTERS, forget(CNPG, "version")),
        ],
        compliant=[
            put(WEB, f"{CONTAINER}.image", f"111122223333.dkr.ecr.eu-west-1.amazonaws.com/odoo:19@{DIGEST}"),
            put(WEB, f"{CONTAINER}.image", f"docker.io/library/odoo@{DIGEST}"),
        ],
    ),
    "sec-06": RuleTests(
        on=CLUSTERS,
        violating=[
            put(EKS_CLUSTER, "encryptionConfig.resources", []),
            put(EKS_CLUSTER, "enabledClusterLogTypes", ["api"]),
            only(OWNERS, put(LAUNCH_TEMPLATE, "metadataOptions.httpTokens", "optional")),
            only(OWNERS, put(LAUNCH_TEMPLATE, "metadataOptions.httpPutResponseHopLimit", 2)),
            only(OWNERS, put(LAUNCH_TEMPLATE, "blockDeviceMappings[0].ebs.encrypted", "false")),
            only(OWNERS, put(NODE_CLASS, "spec.metadataOptions.httpPutResponseHopLimit", 64)),
            only(OWNERS, put(NODE_CLASS, "spec.blockDeviceMappings[0].ebs.encrypted", False)),
            only(STACKS, put(KMS_KEY, "enableKeyRotation", False)),
            only(OWNERS, put(EKS_NODE_GROUP, "remoteAccess", {"ec2SshKey": "me"})),
            only(OWNERS, put(STORAGE_CLASS, "parameters.encrypted", "false")),
        ],
        absent=[
            drop(EKS_CLUSTER, "encryptionConfig"),
            drop(EKS_CLUSTER, "enabledClusterLogTypes"),
            only(OWNERS, drop(LAUNCH_TEMPLATE, "metadataOptions")),
            only(OWNERS, drop(NODE_CLASS, "spec.metadataOptions")),
            only(OWNERS, drop(EKS_NODE_GROUP, "launchTemplate")),
            only(OWNERS, drop(STORAGE_CLASS, "parameters.encrypted")),
        ],
        unknown=[
            forget(EKS_CLUSTER, "enabledClusterLogTypes"),
            only(OWNERS, forget(LAUNCH_TEMPLATE, "metadataOptions")),
            only(OWNERS, forget(STORAGE_CLASS, "parameters.encrypted")),
            fine(forget(EKS_CLUSTER, "encryptionConfig.provider.keyArn")),
        ],
        compliant=[
            put(EKS_CLUSTER, "enabledClusterLogTypes", ["api", "audit", "authenticator"]),
            put(LAUNCH_TEMPLATE, "blockDeviceMappings[0].ebs.volumeSize", 60),
        ],
    ),
    "sec-07": RuleTests(
        on=SERVING,
        violating=[
            conf("admin_passwd = {{ .admin_passwd }}", "admin_passwd = hunter2"),
            conf("admin_passwd = {{ .admin_passwd }}\n", ""),
            conf("list_db = False", "list_db = True"),
            conf("list_db = False\n", ""),
        ],
        absent=[drop(CONF, CONF_TEXT), drop(CONF, "spec.target.template")],
        unknown=[forget(CONF, CONF_TEXT), forget(WEB, f"{CONTAINER}.command")],
        compliant=[conf("list_db = False", "list_db = 0"), conf("limit_request = 8192", "limit_request = 4096")],
    ),
    "sec-08": RuleTests(
        on=STACKS,
        violating=[
            put(ROLE_BINDING, 'metadata.annotations."retail/owner"', ""),
            put(ROLE_BINDING, 'metadata.annotations."retail/review-due"', "2026-11-19"),
            put(ROLE_BINDING, 'metadata.annotations."retail/review-due"', "2099-12-31"),
            put(ROLE_BINDING, 'metadata.annotations."retail/review-due"', "soon"),
            put(ROLE_BINDING, 'metadata.annotations."retail/review-due"', "2026-11-21").at(
                datetime(2026, 11, 22, 12, tzinfo=UTC)
            ),
            binding(subjects=[{"kind": "Group", "name": "system:authenticated"}]),
            binding(subjects=[{"kind": "Group", "name": "system:masters"}]),
            put(EKS_ACCESS_ENTRY, "tags.owner", ""),
            put(EKS_ACCESS_ENTRY, "tags.review-due", "2026-01-01"),
            put(EKS_ACCESS_ENTRY, "kubernetesGroups", ["system:masters"]),
            put(EKS_ACCESS_ENTRY, "principalArn", "arn:aws:iam::111122223333:root"),
            only(CLUSTERS, put(EKS_CLUSTER, "accessConfig.authenticationMode", "API_AND_CONFIG_MAP")),
            only(CLUSTERS, put(EKS_CLUSTER, "accessConfig.bootstrapClusterCreatorAdminPermissions", True)),
        ],
        absent=[
            drop(ROLE_BINDING, "metadata.annotations"),
            drop(EKS_ACCESS_ENTRY, "tags"),
            only(CLUSTERS, drop(EKS_CLUSTER, "accessConfig")),
        ],
        unknown=[
            forget(ROLE_BINDING, 'metadata.annotations."retail/review-due"'),
            forget(EKS_ACCESS_ENTRY, "tags"),
        ],
        compliant=[
            put(ROLE_BINDING, 'metadata.annotations."retail/review-due"', "2026-11-20"),
            put(ROLE_BINDING, 'metadata.annotations."retail/owner"', "another-team"),
        ],
    ),
    "sec-09": RuleTests(
        on=CLUSTERS,
        violating=[
            put(EKS_CLUSTER, "version", "1.33"),
            put(EKS_CLUSTER, "version", "1.27"),
            put(CNPG, "version", "0.28.0"),
            only(OWNERS, put(POSTGRES_CLUSTER, "spec.imageName", f"ghcr.io/cloudnative-pg/postgresql:14.19@{DIGEST}")),
            only(OWNERS, put(POSTGRES_CLUSTER, "spec.imageName", f"ghcr.io/cloudnative-pg/postgresql@{DIGEST}")),
            only(OWNERS, put(EKS_NODE_GROUP, "amiType", "AL2_x86_64")),
            only(OWNERS, put(NODE_CLASS, "spec.amiSelectorTerms[0].alias", "al2@v20260903")),
            given(
                put(EKS_CLUSTER, "tags.note", "list"),
                **{
                    "support-ends": [
                        "kubernetes 1.35 2026-11-24",
                        "cloudnative-pg 1.30 2027-02-22",
                        "postgresql 18 2030-11-14",
                        "al2023 any 2029-06-30",
                    ]
                },
            ),
        ],
        absent=[
            drop(EKS_CLUSTER, "version"),
            only(OWNERS, drop(EKS_NODE_GROUP, "amiType")),
            only(OWNERS, drop(POSTGRES_CLUSTER, "spec.imageName")),
        ],
        unknown=[forget(EKS_CLUSTER, "version"), only(OWNERS, forget(EKS_NODE_GROUP, "amiType"))],
        compliant=[
            only(OWNERS, put(POSTGRES_CLUSTER, "spec.imageName", lambda image: image)),
            put(EKS_CLUSTER, "tags.note", "supported"),
        ],
    ),
    "sec-11": RuleTests(
        violating=[
            only(CLUSTERS, delete(POLICY)),
            only(CLUSTERS, delete(BINDING)),
            only(CLUSTERS, put(POLICY, "spec.failurePolicy", "Ignore")),
            only(CLUSTERS, put(POLICY, "spec.validations[0].expression", "true")),
            only(CLUSTERS, put(POLICY, "spec.matchConditions", [{"name": "nobody", "expression": "false"}])),
            only(CLUSTERS, put(BINDING, "spec.validationActions", ["Audit"])),
            only(CLUSTERS, put(BINDING, "spec.matchResources.namespaceSelector", {"matchLabels": {"a": "b"}})),
            delete(FREEZE),
            put(FREEZE, "spec.paramRef.parameterNotFoundAction", "Allow"),
            put(FREEZE, "spec.paramRef.name", "another"),
            put(FREEZE, "spec.validationActions", ["Warn"]),
            delete(f"{CONFIG_MAP}::freeze-state"),
            put(f"{CONFIG_MAP}::freeze-state", "data", {"frozen": "false"}),
            delete(SWITCH),
            put(SWITCH, "spec.suspend", True),
            delete(f"{CONFIG_MAP}::freeze-files"),
            put(f"{CONFIG_MAP}::freeze-files", 'data."plan.json"', '{"windows": []}'),
        ],
        absent=[
            only(CLUSTERS, drop(POLICY, "spec.validations")),
            only(CLUSTERS, drop(BINDING, "spec.matchResources")),
            drop(FREEZE, "spec.paramRef"),
            drop(f"{CONFIG_MAP}::freeze-files", 'data."plan.json"'),
        ],
        unknown=[
            only(CLUSTERS, forget(POLICY, "spec.validations[0].expression")),
            only(CLUSTERS, forget(BINDING, "spec.validationActions")),
            forget(FREEZE, "spec.paramRef.name"),
            forget(SWITCH, "spec.suspend"),
            forget(f"{CONFIG_MAP}::freeze-files", 'data."plan.json"'),
        ],
        compliant=[
            only(CLUSTERS, put(POLICY, "metadata.labels", {"a": "b"})),
            put(SWITCH, "spec.schedule", "*/2 * * * *"),
            put(SWITCH, "spec.suspend", False),
        ],
    ),
    "sec-10": RuleTests(
        on=SERVING,
        violating=[
            put(WEB, 'metadata.annotations."secret.reloader.stakater.com/reload"', "odoo-storefront"),
            put(WEB, 'metadata.annotations."secret.reloader.stakater.com/reload"', "odoo-storefronts,redis"),
            only(
                OWN_DATABASE,
                put(
                    f"{EXTERNAL_SECRET}::=database-b",
                    'spec.target.template.metadata.labels."cnpg.io/reload"',
                    "false",
                ),
            ),
        ],
        absent=[
            drop(WEB, "metadata.annotations"),
            only(OWN_DATABASE, drop(f"{EXTERNAL_SECRET}::=database-b", "spec.target.template.metadata")),
        ],
        unknown=[forget(WEB, 'metadata.annotations."secret.reloader.stakater.com/reload"')],
        compliant=[
            put(WEB, 'metadata.annotations."secret.reloader.stakater.com/reload"', " redis , odoo-storefront"),
            drop(WEB, 'metadata.annotations."secret.reloader.stakater.com/reload"')
            + put(WEB, 'metadata.annotations."reloader.stakater.com/auto"', "true"),
        ],
    ),
    "sec-14": RuleTests(
        on={"outlet", "peak"},
        violating=[
            put(ELASTICACHE_GROUP, "transitEncryptionEnabled", False),
            put(ELASTICACHE_GROUP, "transitEncryptionMode", "preferred"),
            put(ELASTICACHE_GROUP, "atRestEncryptionEnabled", False),
            put(ELASTICACHE_GROUP, "authToken", ""),
            put(ELASTICACHE_GROUP, "securityGroupIds", []),
        ],
        absent=[
            drop(ELASTICACHE_GROUP, "transitEncryptionEnabled"),
            drop(ELASTICACHE_GROUP, "authToken"),
            drop(ELASTICACHE_GROUP, "kmsKeyId"),
            drop(ELASTICACHE_GROUP, "securityGroupIds"),
            fine(drop(ELASTICACHE_GROUP, "transitEncryptionMode")),
        ],
        unknown=[
            forget(ELASTICACHE_GROUP, "transitEncryptionEnabled"),
            fine(forget(ELASTICACHE_GROUP, "kmsKeyId")),
        ],
        compliant=[put(ELASTICACHE_GROUP, "description", "sessions")],
    ),
    "sec-12": RuleTests(
        on=OWNERS,
        violating=[
            put(POSTGRES_CLUSTER, "spec.enableSuperuserAccess", True),
            only(OWN_DATABASE, put(POSTGRES_CLUSTER, f"{ROLES}[1].superuser", True)),
            put(POSTGRES_CLUSTER, HBA, lambda lines: ["host all all 0.0.0.0/0 scram-sha-256", *lines]),
            put(POSTGRES_CLUSTER, HBA, lambda lines: ["hostssl all all all trust", *lines]),
            put(POSTGRES_CLUSTER, HBA, lambda lines: lines[:-1]),
            put(POSTGRES_CLUSTER, "spec.postgresql.parameters.log_parameter_max_length", "-1"),
            put(POSTGRES_CLUSTER, 'spec.postgresql.parameters."pgaudit.log_parameter"', "on"),
        ],
        absent=[
            drop(POSTGRES_CLUSTER, HBA),
            drop(POSTGRES_CLUSTER, "spec.postgresql.parameters.log_parameter_max_length"),
            fine(drop(POSTGRES_CLUSTER, "spec.enableSuperuserAccess")),
        ],
        unknown=[
            forget(POSTGRES_CLUSTER, "spec.enableSuperuserAccess"),
            forget(POSTGRES_CLUSTER, HBA),
        ],
        compliant=[put(POSTGRES_CLUSTER, HBA, lambda lines: [lines[0].replace("scram-sha-256", "cert"), *lines])],
    ),
    "sec-16": RuleTests(
        on=CLUSTERS,
        violating=[
            delete(FLOW_LOG),
            put(FLOW_LOG, "trafficType", "REJECT"),
            put(f"{LOG_GROUP}::flow-logs", "retentionInDays", 30),
            put(f"{LOG_GROUP}::cluster-logs", "retentionInDays", 7),
            given(put(f"{LOG_GROUP}::cluster-logs", "retentionInDays", 90), **{"trail-days": 365}),
        ],
        absent=[
            drop(FLOW_LOG, "trafficType"),
            fine(drop(f"{LOG_GROUP}::cluster-logs", "retentionInDays")),
            fine(delete(f"{LOG_GROUP}::cluster-logs")),
        ],
        unknown=[
            forget(FLOW_LOG, "trafficType"),
            forget(f"{LOG_GROUP}::flow-logs", "retentionInDays"),
            forget(f"{LOG_GROUP}::cluster-logs", "retentionInDays"),
        ],
        compliant=[
            put(f"{LOG_GROUP}::cluster-logs", "retentionInDays", 90),
            put(f"{LOG_GROUP}::flow-logs", "retentionInDays", 0),
        ],
    ),
    "sec-13": RuleTests(
        on=SERVING,
        violating=[
            put(RELEASE_ROLE, "rules[0].verbs", ["*"]),
            put(RELEASE_ROLE, "rules[0].apiGroups[0]", "*"),
            put(RELEASE_ROLE, "rules[1].resources", ["*"]),
            put(RELEASE_ROLE, "rules[0].verbs", ["escalate"]),
            put(f"{ROLE_BINDING}::tenancy-application-team", "roleRef.name", "cluster-admin"),
            only(CLUSTERS, put(f"{CLUSTER_ROLE}::access-application-team", "rules[0].verbs", ["*"])),
        ],
        absent=[drop(f"{ROLE_BINDING}::tenancy-application-team", "roleRef.name")],
        unknown=[
            forget(RELEASE_ROLE, "rules"),
            forget(RELEASE_ROLE, "rules[0].verbs"),
            forget(f"{ROLE_BINDING}::tenancy-application-team", "roleRef.name"),
            fine(forget(f"{ROLE_BINDING}::odoo-release", "roleRef.name")),
        ],
        compliant=[put(RELEASE_ROLE, "rules[0].verbs", ["get", "list"])],
    ),
    "sec-15": RuleTests(
        on=CLUSTERS,
        violating=[
            saying(KARPENTER, "iam:PassRole", Resource="*"),
            saying(KARPENTER, "iam:PassRole", Resource="arn:aws:iam::111122223333:role/*"),
            saying(KARPENTER, "iam:PassRole", Resource="arn:aws:iam::111122223333:role/Administrator"),
            saying(KARPENTER, "iam:PassRole", Action="*"),
            saying(KARPENTER, "iam:PassRole", Action="iam:*"),
            saying(KARPENTER, "pricing:GetProducts", Action=None, NotAction="s3:*"),
            more(KARPENTER, ["iam:AttachRolePolicy"], "arn:aws:iam::111122223333:role/own"),
            more(KARPENTER, ["eks:CreateAccessEntry"]),
            free(KARPENTER, "ec2:TerminateInstances"),
            free(KARPENTER, "ec2:TerminateInstances", "StringEquals"),
            free(KARPENTER, "ec2:RunInstances"),
            free(KARPENTER, "ec2:CreateTags", "StringEquals"),
            saying(KARPENTER, "ec2:TerminateInstances", Resource="*", Condition={}),
            saying(KARPENTER, "ssm:GetParameter", Resource="*"),
            saying(KARPENTER, "sqs:DeleteMessage", Resource="*"),
            saying(ALERTS, "sns:Publish", Resource="*"),
            free(BALANCERS, "elasticloadbalancing:DeleteLoadBalancer"),
            free(BALANCERS, "elasticloadbalancing:AddTags"),
            saying(BALANCERS, "elasticloadbalancing:AddTags", Resource="*", Condition={}),
            free(BALANCERS, "ec2:DeleteSecurityGroup"),
            free(BALANCERS, "ec2:CreateTags"),
            free(CERTIFICATES, "route53:ChangeResourceRecordSets"),
            free(CERTIFICATES, "route53:ChangeResourceRecordSets", "ForAllValues:StringLike"),
            free(VOLUMES, "kms:CreateGrant", "Bool"),
            said(VOLUMES, "kms:CreateGrant", lambda one: one["Condition"]["Bool"].update({_FOR_AWS: "false"})),
            free(VOLUMES, "kms:Decrypt", "ForAnyValue:StringLike"),
            free(STORES, "sts:AssumeRole"),
            more(STORES, "secretsmanager:GetSecretValue"),
            put(NODE_POLICY, "policyArn", "arn:aws:iam::aws:policy/AmazonEC2FullAccess"),
            put(NODE_POLICY, "policyArn", "arn:aws:iam::aws:policy/job-function/NetworkAdministrator"),
            put(f"{IAM_ROLE}::cluster-node-role", "managedPolicyArns", ["arn:aws:iam::aws:policy/AmazonEC2FullAccess"]),
            put(f"{IAM_ROLE}::cluster-node-role", "inlinePolicies", [{"policy": PASSES_ALL}]),
            only(STACKS, add(IAM_POLICY, "mighty", {"policy": PASSES_ALL})),
        ],
        absent=[
            said(KARPENTER, "ec2:TerminateInstances", lambda statement: statement.pop("Condition")),
            drop(NODE_POLICY, "policyArn"),
            fine(drop(KARPENTER, "policy")),
        ],
        unknown=[
            forget(KARPENTER, "policy"),
            fine(forget(NODE_POLICY, "policyArn")),
            fine(forget(f"{IAM_ROLE_POLICY}::cluster-cluster-key", "policy")),
        ],
        compliant=[
            free(KARPENTER, "iam:PassRole"),
            free(KARPENTER, "ec2:TerminateInstances", "StringLike"),
            free(CERTIFICATES, "route53:ChangeResourceRecordSets", "ForAllValues:StringEquals"),
            said(KARPENTER, "ec2:TerminateInstances", lambda statement: statement.update(Resource="*")),
            free(KARPENTER, "ec2:Describe"),
            more(KARPENTER, "ec2:Describe*"),
            put(NODE_POLICY, "policyArn", "arn:aws:iam::aws:policy/CloudWatchAgentServerPolicy"),
        ],
    ),
}

test_edits, test_without, test_whole = rules_tested("sec", TESTS)


def test_the_admission_twin_is_of_rules_of_the_catalogue() -> None:
    """A name and every message begin with the rule that a policy is the twin of."""
    policies = tomllib.loads(CATALOGUE.read_text())["policies"]
    rules = {"-".join(policy["name"].split("-")[:2]) for policy in policies}
    areas = {rule.area for rule in RULES.values()}
    assert {rule for rule in rules if rule.partition("-")[0] in areas} <= RULES.keys()
    for policy in policies:
        rule = "-".join(policy["name"].split("-")[:2])
        assert all(each["message"].startswith(f"{rule}: ") for each in policy["spec"]["validations"])


def test_pack_and_api_server_allow_the_same_images() -> None:
    (policy,) = [each for each in _policies("111122223333") if each["name"] == "sec-05-images"]
    expression = policy["spec"]["validations"][1]["expression"]
    pattern = re.compile(expression.partition("matches('")[2].rpartition("')")[0])
    assert isinstance(REGISTRIES.default, tuple)
    assert isinstance(REGISTRIES.default, tuple)
    for allowed in REGISTRIES.default:
        image = allowed.replace("{account}", "111122223333").replace("*", "name")
        assert pattern.match(image), image
    for other in ("docker.io/bitnami/redis", "docker.io.evil/library/x", "quay.io/x", "odoo", "ghcr.io/x/y"):
        assert not pattern.match(other), other
