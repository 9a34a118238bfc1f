import copy
from typing import Any

import pytest

from rehearsal.check.schemas import Schemas, UnknownKindError
from rehearsal.engine.model import UNKNOWN, Secret

DEPLOYMENT: dict[str, Any] = {
    "apiVersion": "apps/v1",
    "kind": "Deployment",
    "metadata": {"name": "web", "namespace": "shop", "labels": {"retail/tier": "storefront"}},
    "spec": {
        "selector": {"matchLabels": {"app": "web"}},
        "strategy": {"rollingUpdate": {"maxSurge": "25%", "maxUnavailable": 0}},
        "template": {
            "metadata": {"labels": {"app": "web"}},
            "spec": {
                "enableServiceLinks": False,
                "containers": [
                    {
                        "name": "odoo",
                        "image": "odoo@sha256:00",
                        "ports": [{"name": "http", "containerPort": 8069}],
                        "resources": {"requests": {"cpu": "500m", "memory": "1.5Gi"}, "limits": {"memory": 2**31}},
                        "readinessProbe": {"httpGet": {"path": "/web/health", "port": "http"}},
                    }
                ],
                "topologySpreadConstraints": [
                    {"maxSkew": 1, "topologyKey": "topology.kubernetes.io/zone", "whenUnsatisfiable": "DoNotSchedule"}
                ],
            },
        },
    },
}
POD = ("spec", "template", "spec")
BOX = (*POD, "containers", 0)


def changed(value: Any, *path: str | int) -> dict[str, Any]:
    copied = copy.deepcopy(DEPLOYMENT)
    place: Any = copied
    for step in path[:-1]:
        place = place[step]
    place[path[-1]] = value
    return copied


def simple(api_version: str, kind: str, name: str = "x", **fields: Any) -> dict[str, Any]:
    return {"apiVersion": api_version, "kind": kind, "metadata": {"name": name}} | fields


@pytest.mark.parametrize(
    "manifest",
    [
        DEPLOYMENT,
        simple("v1", "Secret", stringData=Secret({"password": "x"})),
        simple("v1", "Namespace"),
        simple("policy/v1", "PodDisruptionBudget", spec={"maxUnavailable": "10%", "selector": {}}),
        simple("rbac.authorization.k8s.io/v1", "Role", "system:reader", rules=[]),
        simple("networking.k8s.io/v1", "NetworkPolicy", spec={"podSelector": {}, "policyTypes": ["Egress"]}),
        simple("batch/v1", "CronJob", spec={"schedule": "*/5 * * * *", "timeZone": "Europe/Zurich", "jobTemplate": {}}),
        simple("storage.k8s.io/v1", "StorageClass", provisioner="ebs.csi.aws.com", volumeBindingMode="Immediate"),
    ],
    ids=lambda manifest: manifest["kind"],
)
def test_good_objects_pass(schemas: Schemas, manifest: dict[str, Any]) -> None:
    assert schemas.problems(manifest) == []


@pytest.mark.parametrize(
    ("manifest", "path", "words"),
    [
        (changed(1, "spec", "replicsa"), "spec", "did you mean replicas?"),
        (changed("two", "spec", "replicas"), "spec.replicas", "a whole number"),
        (changed(-1, "spec", "replicas"), "spec.replicas", "0 or more"),
        (changed("512 Mi", *BOX, "resources", "requests", "memory"),
         "spec.template.spec.containers[0].resources.requests.memory", "a quantity such as 250m"),
        (changed("2GB", *BOX, "resources", "limits", "memory"),
         "spec.template.spec.containers[0].resources.limits.memory", "a quantity"),
        (changed("IfMissing", *BOX, "imagePullPolicy"), "spec.template.spec.containers[0].imagePullPolicy",
         "Always, IfNotPresent, Never"),
        (changed("Odoo_Web", *BOX, "name"), "spec.template.spec.containers[0].name", "a DNS label"),
        (changed(80690, *BOX, "ports", 0, "containerPort"), "spec.template.spec.containers[0].ports[0].containerPort",
         "65535 or less"),
        (changed("a-port-name-too-long", *BOX, "ports", 0, "name"), "spec.template.spec.containers[0].ports[0].name",
         "at most 15 characters"),
        (changed([{"name": "a"}, {"name": "a"}], *BOX, "env"), "spec.template.spec.containers[0].env", "twice"),
        (changed("Sometimes", *POD, "topologySpreadConstraints", 0, "whenUnsatisfiable"),
         "spec.template.spec.topologySpreadConstraints[0].whenUnsatisfiable", "DoNotSchedule, ScheduleAnyway"),
        (changed("till 7", "spec", "selector", "matchLabels", "app"), "spec.selector.matchLabels.app", "a label value"),
        (changed("x" * 64, "metadata", "labels", "retail/tier"), 'metadata.labels["retail/tier"]', "63"),
        (changed({"retail/ tier": "x"}, "metadata", "annotations"), "metadata.annotations", "prefix/name"),
        (changed({}, "metadata"), "metadata", "name is missing"),
        (changed("Web", "metadata", "name"), "metadata.name", "a DNS name"),
        (changed({}, "spce"), "", "did you mean spec?"),
        (simple("v1", "Service", "shop.web", spec={}), "metadata.name", "a DNS label"),
        (simple("rbac.authorization.k8s.io/v1", "ClusterRole", "a/b"), "metadata.name", "without / and %"),
        (simple("v1", "Secret", data={"a": "not base64!"}), "data.a", "a valid byte"),
        (simple("batch/v1", "CronJob", spec={"schedule": "0 0 2 * * *", "jobTemplate": {}}), "spec.schedule",
         "cron of five fields"),
        (simple("networking.k8s.io/v1", "NetworkPolicy",
                spec={"egress": [{"to": [{"ipBlock": {"cidr": "10.0.0.0/33"}}]}]}),
         "spec.egress[0].to[0].ipBlock.cidr", "a valid cidr"),
        (simple("scheduling.k8s.io/v1", "PriorityClass", value=2_000_000_000), "value", "1000000000 or less"),
        (simple("v1", "Namespace") | {"metadata": {"name": "a", "namespace": "b"}}, "metadata.namespace",
         "lives in no namespace"),
    ],
)  # fmt: skip
def test_bad_objects_are_told(schemas: Schemas, manifest: dict[str, Any], path: str, words: str) -> None:
    problems = schemas.problems(manifest)
    assert {problem.path for problem in problems} == {path}
    assert any(words in problem.message for problem in problems)


def test_secret_data_is_not_shown(schemas: Schemas) -> None:
    (problem,) = schemas.problems(simple("v1", "Secret", data=Secret({"password": "canary-4711!"})))
    assert problem.path == "data.password"
    assert "canary" not in problem.message


def test_unknown_values_pass(schemas: Schemas) -> None:
    assert schemas.problems(changed(UNKNOWN, *BOX, "image")) == []
    assert schemas.problems(changed(UNKNOWN, "spec", "template")) == []
    assert schemas.problems(changed(UNKNOWN, *BOX, "resources", "requests", "memory")) == []


@pytest.mark.parametrize(
    ("api_version", "kind"), [("apps/v1beta1", "Deployment"), ("argoproj.io/v1alpha1", "Rollout"), ("v1", "Container")]
)
def test_kinds_without_schema(schemas: Schemas, api_version: str, kind: str) -> None:
    with pytest.raises(UnknownKindError, match=kind):
        schemas.problems(simple(api_version, kind))


def test_scopes(schemas: Schemas) -> None:
    assert schemas.cluster_scoped("v1", "Namespace")
    assert schemas.cluster_scoped("external-secrets.io/v1", "ClusterSecretStore")
    assert not schemas.cluster_scoped("external-secrets.io/v1", "SecretStore")
    assert not schemas.cluster_scoped("apps/v1", "Deployment")
