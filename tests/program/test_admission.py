"""The admission twin, as the API server decides: the shipped dev stack's own objects, and kubectl as each role."""

import base64
import json
import os
import subprocess
import time
from collections.abc import Iterator
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import TYPE_CHECKING, Any

import pytest

from components.admission import admission_policies
from components.pod_scripts import freeze
from rehearsal.engine.kubernetes_objects import kubernetes_objects
from rehearsal.engine.model import reveal

if TYPE_CHECKING:
    from rehearsal.controlplane.boot import Plane

NAMESPACE = "petit-marche-development"
TEAM = f"{NAMESPACE}-application-team"
SWITCH = f"system:serviceaccount:change-control:{NAMESPACE}"
IN_FREEZE = datetime(2026, 12, 1, 12, tzinfo=UTC)

SESSION = "arn:aws:sts::111122223333:assumed-role"
WHO = {
    "platform": (f"{SESSION}/platform-team/pat", "platform-team"),
    "application": (f"{SESSION}/application-team/ann", TEAM),
    "approver": (f"{SESSION}/approver/olga", "approvers"),
    "break-glass": (f"{SESSION}/break-glass/ben", "break-glass"),
}
OPERATORS = {
    "autoscaler": "system:serviceaccount:kube-system:horizontal-pod-autoscaler",
    "deployment-controller": "system:serviceaccount:kube-system:deployment-controller",
    "namespace-controller": "system:serviceaccount:kube-system:namespace-controller",
    "garbage-collector": "system:serviceaccount:kube-system:generic-garbage-collector",
    "cloudnative-pg": "system:serviceaccount:cnpg-system:cloudnative-pg",
    "keda": "system:serviceaccount:keda:keda-operator",
    "reloader": "system:serviceaccount:reloader:reloader",
}

KINDS = {
    "ValidatingAdmissionPolicy",
    "ValidatingAdmissionPolicyBinding",
    "Namespace",
    "ClusterRole",
    "Role",
    "RoleBinding",
    "ServiceAccount",
    "ConfigMap",
    "CronJob",
    "Deployment",
    "NetworkPolicy",
    "PodDisruptionBudget",
    "ResourceQuota",
    "LimitRange",
    "PriorityClass",
    "Service",
    "ScaledObject",
    "IngressRoute",
    "Middleware",
    "Cluster",
    "ExternalSecret",
    "TLSOption",
    "TriggerAuthentication",
    "Pooler",
}
MANY = {"Middleware", "IngressRoute", "ScaledObject", "PodDisruptionBudget", "ExternalSecret", "Deployment"}
NAMED = {"pos", "pos-rate", "storefront", "jobrunner", "traefik"}
"""Of kinds that there are many of, as many as the tests change: that `up` comes up with all is tested with `up`."""

SERVED = {
    "scaledobjects.keda.sh": ("ScaledObject", "v1alpha1"),
    "triggerauthentications.keda.sh": ("TriggerAuthentication", "v1alpha1"),
    "ingressroutes.traefik.io": ("IngressRoute", "v1alpha1"),
    "middlewares.traefik.io": ("Middleware", "v1alpha1"),
    "tlsoptions.traefik.io": ("TLSOption", "v1alpha1"),
    "clusters.postgresql.cnpg.io": ("Cluster", "v1"),
    "poolers.postgresql.cnpg.io": ("Pooler", "v1"),
    "externalsecrets.external-secrets.io": ("ExternalSecret", "v1"),
}


def definition(name: str) -> dict[str, Any]:
    """A kind that takes anything: what the operators' own schemas ask is tested elsewhere."""
    plural, _, group = name.partition(".")
    kind, version = SERVED[name]
    anything = {"type": "object", "x-kubernetes-preserve-unknown-fields": True}
    schema = {"type": "object", "properties": {"spec": anything, "status": anything}}
    served = {"name": version, "served": True, "storage": True, "schema": {"openAPIV3Schema": schema}}
    names = {"plural": plural, "singular": kind.lower(), "kind": kind}
    return {
        "apiVersion": "apiextensions.k8s.io/v1",
        "kind": "CustomResourceDefinition",
        "metadata": {"name": name},
        "spec": {"group": group, "scope": "Namespaced", "names": names, "versions": [served]},
    }


class Kubectl:
    """kubectl as somebody: status, and what it said."""

    def __init__(self, plane: "Plane") -> None:
        self._command = [str(plane.binaries["kubectl"])]
        self._environment = os.environ | {
            "KUBECONFIG": str(plane.kubeconfig),
            "KUBECACHEDIR": str(plane.folder / "kubectl-cache"),
        }

    def __call__(self, *arguments: str, role: str = "", text: Any = None) -> tuple[int, str]:
        who: list[str] = []
        if role in WHO:
            user, group = WHO[role]
            who = ["--as", user, "--as-group", group, "--as-group", "system:authenticated"]
        elif role:
            groups = ["system:authenticated", "system:serviceaccounts"]
            who = ["--as", OPERATORS.get(role, role), *(part for group in groups for part in ("--as-group", group))]
        given = json.dumps(text) if text is not None else None
        # What is given says itself where it belongs.
        where = [] if text is not None or "--namespace" in arguments else ["--namespace", NAMESPACE]
        run = subprocess.run(
            [*self._command, *where, *who, *arguments],
            input=given,
            env=self._environment,
            capture_output=True,
            text=True,
            check=False,
            timeout=60,
        )
        return run.returncode, run.stdout + run.stderr

    def do(self, *arguments: str, **how: Any) -> str:
        status, said = self(*arguments, **how)
        assert status == 0, said
        return said


def binding(kind: str, name: str, role: str, subject: dict[str, str], **annotations: str) -> dict[str, Any]:
    group = "rbac.authorization.k8s.io"
    metadata: dict[str, Any] = {"name": name, "annotations": annotations}
    if kind == "RoleBinding":
        metadata["namespace"] = NAMESPACE
    return {
        "apiVersion": f"{group}/v1",
        "kind": kind,
        "metadata": metadata,
        "roleRef": {"apiGroup": group, "kind": "ClusterRole", "name": role},
        "subjects": [{"apiGroup": group, **subject}],
    }


def group(name: str) -> dict[str, str]:
    return {"kind": "Group", "name": name}


def stamp(**later: float) -> str:
    return (datetime.now(UTC) + timedelta(**later)).strftime("%Y-%m-%dT%H:%M:%SZ")


def emergency(name: str = "break-glass-INC1", **changed: Any) -> dict[str, Any]:
    annotations = {"retail/owner": "pat", "retail/expires": stamp(hours=4), **changed.pop("annotations", {})}
    given = {"kind": "RoleBinding", "role": "break-glass", "subject": group("break-glass"), **changed}
    return binding(given["kind"], name, given["role"], given["subject"], **annotations)


def approval(**data: Any) -> dict[str, Any]:
    return {
        "apiVersion": "v1",
        "kind": "ConfigMap",
        "metadata": {"name": "chg-1", "namespace": NAMESPACE, "labels": {"retail/approval": "change"}},
        "data": {
            "author": WHO["application"][0],
            "approver": WHO["approver"][0],
            "ticket": "CHG-1",
            "rollback": "kubectl rollout undo deployment/pos",
            "objects": "deployments/pos cronjobs/reconciliation",
            "expires": stamp(hours=24),
            **data,
        },
    }


@pytest.fixture(scope="module")
def manifests(evaluate_once: Any) -> list[dict[str, Any]]:
    """Of the dev stack, namespaces first."""
    found = [reveal(item.manifest) for item in kubernetes_objects(evaluate_once("dev"))]
    found = [json.loads(json.dumps(item, default=str)) for item in found if item["kind"] in KINDS]
    found = [item for item in found if item["kind"] not in MANY or item["metadata"]["name"] in NAMED]
    return sorted(found, key=lambda item: item["kind"] != "Namespace")


@pytest.fixture(scope="module")
def kubectl(plane: "Plane", manifests: list[dict[str, Any]]) -> Iterator[Kubectl]:
    command = Kubectl(plane)
    command.do("apply", "-f", "-", text={"apiVersion": "v1", "kind": "List", "items": [*map(definition, SERVED)]})
    command.do("wait", "crd", *SERVED, "--for=condition=Established", "--timeout=30s")
    administers = [binding("ClusterRoleBinding", "platform-team", "cluster-admin", group("platform-team"))]
    # What the operators' charts grant them; each request of theirs is about admission here.
    administers += [
        binding("ClusterRoleBinding", f"test-{name}", "cluster-admin", {"kind": "User", "name": user})
        for name, user in OPERATORS.items()
    ]
    apply = ("apply", "--server-side", "--force-conflicts", "-f", "-")
    first = {"Namespace", "ConfigMap", "ServiceAccount", "ValidatingAdmissionPolicy"}
    policies = {"ValidatingAdmissionPolicyBinding"}
    for kinds in (first, policies, {item["kind"] for item in manifests} - first - policies):
        items = [item for item in manifests if item["kind"] in kinds]
        command.do(*apply, text={"apiVersion": "v1", "kind": "List", "items": items})
    command.do(*apply, text={"apiVersion": "v1", "kind": "List", "items": administers})
    # A new policy takes effect when the API server has compiled it, a moment later; the last binding is a retailer's.
    for _ in range(60):
        status, said = patch(command, "platform", "deployment/pos", {"spec": {"paused": True}})
        if status and "frz-01" in said:
            break
        time.sleep(0.5)
    command.do("create", "-f", "-", role="platform", text=emergency())
    yield command
    for kind in ("ValidatingAdmissionPolicyBinding", "ValidatingAdmissionPolicy", "ClusterRole", "PriorityClass"):
        names = [item["metadata"]["name"] for item in manifests if item["kind"] == kind]
        command("delete", kind, *names, "--ignore-not-found")
    command("delete", "clusterrolebinding", "platform-team", *(f"test-{name}" for name in OPERATORS))
    command("delete", "crd", *SERVED)
    command(
        "delete", "namespace", *(i["metadata"]["name"] for i in manifests if i["kind"] == "Namespace"), "--wait=false"
    )


def patch(kubectl: Kubectl, role: str, what: str, change: Any, *options: str) -> tuple[int, str]:
    kind = "--type=json" if isinstance(change, list) else "--type=merge"
    return kubectl("patch", what, kind, "--dry-run=server", *options, "-p", json.dumps(change), role=role)


@pytest.fixture(scope="module")
def switch(kubectl: Kubectl, manifests: list[dict[str, Any]], tmp_path_factory: Any) -> Any:
    """Runs the switch's own program as its own account, at a time of the test's choice; returns what failed."""
    account: Path = tmp_path_factory.mktemp("account")
    view = json.loads(kubectl.do("config", "view", "--raw", "-o", "json"))["clusters"][0]["cluster"]
    authority = view.get("certificate-authority-data")
    text = base64.b64decode(authority) if authority else Path(view["certificate-authority"]).read_bytes()
    (account / "ca.crt").write_bytes(text)
    token = kubectl.do("create", "token", NAMESPACE, "--namespace", "change-control")
    (account / "token").write_text(token.strip())
    (files,) = [item for item in manifests if item["metadata"]["name"] == f"{NAMESPACE}-files"]
    plan = json.loads(files["data"]["plan.json"])
    request = freeze.api(view["server"], account)

    def at(now: datetime, **changed: Any) -> list[str]:
        failures = freeze.run(request, {**plan, **changed}, now)
        time.sleep(0.5)  # the API server reads parameters from a watch
        return failures

    return at


FREEZE = [{"name": "christmas", "start": "2026-11-23T00:00:00Z", "end": "2027-01-18T00:00:00Z"}]


@pytest.fixture
def open_season(switch: Any) -> None:
    assert switch(datetime.now(UTC), windows=[]) == []


@pytest.fixture
def frozen(switch: Any) -> Any:
    now = datetime.now(UTC)
    windows = [{"name": "christmas", "start": stamp(days=-1), "end": stamp(days=30)}]
    assert switch(now, windows=windows) == []
    return lambda: switch(datetime.now(UTC), windows=windows)


GOOD = "111122223333.dkr.ecr.eu-central-1.amazonaws.com/odoo@sha256:" + "1" * 64


def image(name: str) -> list[dict[str, Any]]:
    return [{"op": "replace", "path": "/spec/template/spec/containers/0/image", "value": name}]


OPEN_TO_ALL = {"podSelector": {"matchLabels": {"a": "b"}}, "policyTypes": ["Ingress"], "ingress": [{}]}
FROM_ANYWHERE = {**OPEN_TO_ALL, "ingress": [{"from": [{"namespaceSelector": {}}], "ports": [{"port": 5432}]}]}
FROM_THE_INTERNET = {**OPEN_TO_ALL, "ingress": [{"from": [{"ipBlock": {"cidr": "0.0.0.0/0"}}], "ports": [{"port": 1}]}]}
OTHER_TENANT = {
    "namespaceSelector": {"matchLabels": {"retail/tenant": "other"}},
    "podSelector": {"matchLabels": {"retail/tier": "pos"}},
}
FROM_ANOTHER = {**OPEN_TO_ALL, "ingress": [{"from": [OTHER_TENANT], "ports": [{"port": 5432}]}]}
ROUTE = {"match": "PathPrefix(`/`)", "kind": "Rule", "services": [{"name": "pos", "port": 8069}]}
BY_PULUMI = ("--field-manager=pulumi-kubernetes-1",)
LABELS = "/spec/template/metadata/labels"

# role, object, change, options; what refuses it (None: allowed). Outside freezes.
CHANGES: dict[str, tuple[str, str, Any, tuple[str, ...], str | None]] = {
    "an image by digest": ("platform", "deployment/pos", image(GOOD), (), None),
    "an image by tag": ("platform", "deployment/pos", image("docker.io/library/odoo:18"), (), "sec-05"),
    "an image of elsewhere": ("platform", "deployment/pos", image("quay.io/x/odoo@sha256:" + "1" * 64), (), "sec-05"),
    "even by Pulumi": ("platform", "deployment/pos", image("docker.io/library/odoo:18"), BY_PULUMI, "sec-05"),
    "break-glass, an image by tag": ("break-glass", "deployment/pos", image("docker.io/library/odoo:18"), (), "sec-05"),
    "break-glass rolls back": ("break-glass", "deployment/pos", image(GOOD), (), None),
    "another tenant's label": (
        "platform",
        "deployment/pos",
        [{"op": "replace", "path": f"{LABELS}/retail~1environment", "value": "production"}],
        (),
        "iso-05",
    ),
    "no tier": (
        "platform",
        "deployment/pos",
        [{"op": "remove", "path": f"{LABELS}/retail~1tier"}],
        BY_PULUMI,
        "iso-03",
    ),
    "another account": (
        "break-glass",
        "deployment/pos",
        {"spec": {"template": {"spec": {"serviceAccountName": "batch"}}}},
        (),
        "iso-05",
    ),
    "another Secret": (
        "break-glass",
        "deployment/pos",
        [
            {
                "op": "add",
                "path": "/spec/template/spec/containers/0/env/-",
                "value": {"name": "X", "valueFrom": {"secretKeyRef": {"name": "database-a", "key": "password"}}},
            }
        ],
        (),
        "iso-05",
    ),
    "another Secret mounted": (
        "break-glass",
        "deployment/pos",
        [
            {
                "op": "add",
                "path": "/spec/template/spec/volumes/-",
                "value": {"name": "x", "secret": {"secretName": "database-a"}},
            }
        ],
        (),
        "iso-05",
    ),
    "no spread": (
        "break-glass",
        "deployment/pos",
        [{"op": "remove", "path": "/spec/template/spec/topologySpreadConstraints"}],
        (),
        "az-02",
    ),
    "a resource limit": (
        "break-glass",
        "deployment/pos",
        [{"op": "replace", "path": "/spec/template/spec/containers/0/resources/requests/cpu", "value": "300m"}],
        (),
        None,
    ),
    "within the ceiling": ("break-glass", "deployment/jobrunner", {"spec": {"replicas": 0}}, (), None),
    "over the ceiling": ("break-glass", "deployment/jobrunner", {"spec": {"replicas": 50}}, (), "db-01"),
    "a scaler over the ceiling": ("break-glass", "scaledobject/pos", {"spec": {"maxReplicaCount": 99}}, (), "db-01"),
    "a scaler down": ("break-glass", "scaledobject/pos", {"spec": {"maxReplicaCount": 1}}, (), None),
    "another ceiling": (
        "platform",
        "scaledobject/pos",
        {"metadata": {"annotations": {"retail/replica-ceiling": "99"}}},
        (),
        "db-01",
    ),
    "another ceiling by Pulumi": (
        "platform",
        "scaledobject/pos",
        {"metadata": {"annotations": {"retail/replica-ceiling": "9"}}, "spec": {"maxReplicaCount": 9}},
        BY_PULUMI,
        None,
    ),
    "a budget": ("platform", "pdb/traefik", {"spec": {"maxUnavailable": 2}}, (), "az-10"),
    "a budget of all": ("platform", "pdb/traefik", {"spec": {"maxUnavailable": "100%"}}, BY_PULUMI, "az-10"),
    "a budget of none": ("platform", "pdb/traefik", {"spec": {"maxUnavailable": 0}}, BY_PULUMI, "az-10"),
    "a budget by Pulumi": ("platform", "pdb/traefik", {"spec": {"maxUnavailable": "10%"}}, BY_PULUMI, None),
    "a policy by hand": ("platform", "networkpolicy/tier-pos", {"metadata": {"labels": {"a": "b"}}}, (), "iso-02"),
    "a policy by Pulumi": ("platform", "networkpolicy/tier-pos", {"metadata": {"labels": {"a": "b"}}}, BY_PULUMI, None),
    "a policy open to all": ("platform", "networkpolicy/tier-pos", {"spec": OPEN_TO_ALL}, BY_PULUMI, "iso-02"),
    "a policy from anywhere": ("platform", "networkpolicy/tier-pos", {"spec": FROM_ANYWHERE}, BY_PULUMI, "iso-02"),
    "a policy from outside": ("platform", "networkpolicy/tier-pos", {"spec": FROM_THE_INTERNET}, BY_PULUMI, "iso-02"),
    "a policy from a tenant": ("platform", "networkpolicy/tier-pos", {"spec": FROM_ANOTHER}, BY_PULUMI, "iso-02"),
    "a route by hand": ("platform", "ingressroute/pos", {"metadata": {"labels": {"a": "b"}}}, (), "ing-02"),
    "a route of any host": ("platform", "ingressroute/pos", {"spec": {"routes": [ROUTE]}}, BY_PULUMI, "ing-02"),
    "a limit by hand": ("platform", "middleware/pos-rate", {"spec": {"rateLimit": None}}, (), "ing-02"),
    "a quota": ("platform", "resourcequota/quota", {"spec": {"hard": {"pods": "999"}}}, (), "iso-01"),
    "a public Service": ("platform", "service/pos", {"spec": {"type": "NodePort"}}, BY_PULUMI, "ing-10"),
    "a namespace's label": (
        "platform",
        f"namespace/{NAMESPACE}",
        {"metadata": {"labels": {"pod-security.kubernetes.io/enforce": "privileged"}}},
        (),
        "iso-01",
    ),
    "a namespace out of sight": (
        "platform",
        f"namespace/{NAMESPACE}",
        {"metadata": {"labels": {"retail/tenant": None}}},
        (),
        "iso-01",
    ),
    "a restart": (
        "application",
        "deployment/pos",
        {"spec": {"template": {"metadata": {"annotations": {"kubectl.kubernetes.io/restartedAt": "now"}}}}},
        (),
        None,
    ),
    "a database's image": (
        "break-glass",
        "cluster/petit-marche-db",
        {"spec": {"imageName": "ghcr.io/cloudnative-pg/postgresql:18"}},
        (),
        "sec-05",
    ),
    "a pooler's image": (
        "break-glass",
        "pooler/petit-marche-db-pooler",
        {"spec": {"template": {"spec": {"containers": [{"name": "pgbouncer", "image": "quay.io/x/y:1"}]}}}},
        (),
        "sec-05",
    ),
    "a team's image": ("application", "deployment/pos", image(GOOD), (), "sec-11"),
    "a team's schedule": ("application", "cronjob/reconciliation", {"spec": {"schedule": "* * * * *"}}, (), "sec-11"),
    "the edge's pods by its operator": ("autoscaler", "deployment/pos", {"spec": {"replicas": 1}}, (), None),
    "a restart by the reloader": (
        "reloader",
        "deployment/pos",
        {"spec": {"template": {"metadata": {"annotations": {"reloaded": "now"}}}}},
        (),
        None,
    ),
    "a scaler by its operator": ("keda", "scaledobject/pos", {"metadata": {"finalizers": ["x.keda.sh/f"]}}, (), None),
    "a cluster by its operator": ("cloudnative-pg", "cluster/petit-marche-db", {"spec": {"instances": 1}}, (), None),
}


@pytest.mark.cluster
@pytest.mark.usefixtures("open_season")
@pytest.mark.parametrize("case", CHANGES)
def test_changes_with_kubectl(kubectl: Kubectl, case: str) -> None:
    role, what, change, options, rule = CHANGES[case]
    status, said = patch(kubectl, role, what, change, *options)
    assert (status, "denied request" in said) == ((1, True) if rule else (0, False)), said
    if rule:
        assert f"{rule}: " in said


@pytest.mark.cluster
@pytest.mark.usefixtures("open_season")
@pytest.mark.parametrize("role", ["application", "break-glass", "approver"])
def test_no_team_opens_isolation_or_routing(kubectl: Kubectl, role: str) -> None:
    for line in kubectl.do("auth", "can-i", "--list", role=role).splitlines()[1:]:
        what, verbs = line.split()[0], line[line.rindex("[") + 1 : -1].split()
        of_all = what.startswith("*") or what.partition(".")[2] in ("networking.k8s.io", "traefik.io", "policy")
        if of_all or what.partition(".")[0] in ("resourcequotas", "limitranges", "rolebindings", "roles", "secrets"):
            assert set(verbs) <= {"get", "list", "watch"}, line


@pytest.mark.cluster
@pytest.mark.usefixtures("open_season")
def test_nor_could_it_if_somebody_bound_more(kubectl: Kubectl) -> None:
    """RBAC adds up: a role too many is held by admission."""
    more = binding("RoleBinding", "too-much", "admin", {"kind": "User", "name": WHO["break-glass"][0]})
    kubectl.do("create", "-f", "-", text=more)
    for what in ("networkpolicy/tier-pos", "pdb/traefik", "ingressroute/pos"):
        status, said = kubectl("delete", what, "--dry-run=server", role="break-glass")
        assert status == 1 and ("denied request" in said or "cannot delete" in said), said
    kubectl.do("delete", "rolebinding", "too-much")


@pytest.mark.cluster
@pytest.mark.usefixtures("open_season")
def test_default_deny_goes_only_with_a_namespace_that_retires(kubectl: Kubectl) -> None:
    delete = ("delete", "networkpolicy", "default-deny", "--dry-run=server")
    status, said = kubectl(*delete, role="platform")
    assert (status, "iso-02: " in said) == (1, True)
    assert kubectl("delete", "networkpolicy", "tier-pos", "--dry-run=server", role="platform")[0] == 0
    assert kubectl(*delete, role="namespace-controller")[0] == 0
    kubectl.do("annotate", "namespace", NAMESPACE, "retail/retiring=true")
    try:
        for _ in range(20):  # the namespace's annotations come by a watch
            status, said = kubectl(*delete, role="platform")
            if status == 0:
                break
            time.sleep(0.2)
        assert status == 0, said
    finally:
        kubectl.do("annotate", "namespace", NAMESPACE, "retail/retiring-")


POD: dict[str, Any] = {
    "apiVersion": "v1",
    "kind": "Pod",
    "metadata": {"name": "made-up", "namespace": NAMESPACE, "labels": {"retail/tenant": "petit-marche"}},
    "spec": {
        "securityContext": {"runAsNonRoot": True, "seccompProfile": {"type": "RuntimeDefault"}},
        "containers": [
            {
                "name": "shell",
                "image": GOOD,
                "securityContext": {"allowPrivilegeEscalation": False, "capabilities": {"drop": ["ALL"]}},
            }
        ],
    },
}


@pytest.mark.cluster
@pytest.mark.usefixtures("open_season")
def test_pods_carry_tenant_and_tier(kubectl: Kubectl) -> None:
    create = ("create", "--dry-run=server", "-f", "-")
    for labels, rule in (
        ({"retail/tenant": "petit-marche"}, "iso-03"),
        ({"retail/tenant": "other", "retail/tier": "pos"}, "iso-03"),
        ({}, "iso-03"),
    ):
        pod = {**POD, "metadata": {**POD["metadata"], "labels": labels}}
        status, said = kubectl(*create, role="platform", text=pod)
        assert (status, f"{rule}: " in said) == (1, True), said
    # What an operator makes has images and labels of its own.
    bare = json.loads(json.dumps(POD).replace(GOOD, "ghcr.io/cloudnative-pg/cloudnative-pg:1.30.1"))
    assert "denied request" not in kubectl(*create, role="cloudnative-pg", text=bare)[1]


@pytest.mark.cluster
def test_in_a_freeze_an_approval_opens_what_it_names(kubectl: Kubectl, frozen: Any) -> None:
    restart = {"spec": {"template": {"metadata": {"annotations": {"kubectl.kubernetes.io/restartedAt": "now"}}}}}
    status, said = patch(kubectl, "application", "deployment/pos", restart)
    assert (status, "frz-01: changes are frozen (christmas until" in said) == (1, True)
    kubectl.do("create", "-f", "-", role="approver", text=approval())
    try:
        assert frozen() == []
        assert patch(kubectl, "application", "deployment/pos", restart)[0] == 0
        # The author's alone, the object's alone, and never a deletion.
        for role, what in (("break-glass", "deployment/pos"), ("application", "deployment/storefront")):
            status, said = patch(kubectl, role, what, restart)
            assert (status, "frz-01: " in said) == (1, True)
        status, said = kubectl("delete", "deployment", "pos", "--dry-run=server", role="platform")
        assert (status, "frz-01: in a freeze nothing is deleted" in said) == (1, True)
        # What the approval opens is still held to everything else.
        status, said = patch(kubectl, "application", "deployment/pos", image(GOOD))
        assert (status, "sec-11: " in said) == (1, True)
    finally:
        kubectl.do("delete", "configmap", "chg-1", role="approver")
    assert frozen() == []
    assert patch(kubectl, "application", "deployment/pos", restart)[0] == 1


FROZEN: dict[str, tuple[str, str, Any, tuple[str, ...], str | None]] = {
    "platform by hand": ("platform", "deployment/pos", image(GOOD), (), "frz-01"),
    "platform by Pulumi": ("platform", "deployment/pos", image(GOOD), BY_PULUMI, None),
    "break-glass": ("break-glass", "deployment/pos", image(GOOD), (), "frz-01"),
    "break-glass, a scaler": ("break-glass", "scaledobject/pos", {"spec": {"maxReplicaCount": 1}}, (), "frz-01"),
    "break-glass, a database": ("break-glass", "cluster/petit-marche-db", {"spec": {"instances": 1}}, (), "frz-01"),
    "a suspension": ("application", "cronjob/reconciliation", {"spec": {"suspend": True}}, (), "frz-01"),
    "a Service": ("platform", "service/pos", {"metadata": {"labels": {"a": "b"}}}, (), "frz-01"),
    "the autoscaler": ("autoscaler", "deployment/pos", {"spec": {"replicas": 1}}, (), None),
    "keda": ("keda", "scaledobject/pos", {"metadata": {"finalizers": ["x.keda.sh/f"]}}, (), None),
    "cloudnative-pg": ("cloudnative-pg", "cluster/petit-marche-db", {"spec": {"instances": 1}}, (), None),
}


@pytest.mark.cluster
@pytest.mark.usefixtures("frozen")
@pytest.mark.parametrize("case", FROZEN)
def test_in_a_freeze(kubectl: Kubectl, case: str) -> None:
    role, what, change, options, rule = FROZEN[case]
    status, said = patch(kubectl, role, what, change, *options)
    assert status == (1 if rule else 0), said
    assert rule is None or f"{rule}: " in said or f"'{rule}" in said


@pytest.mark.cluster
@pytest.mark.usefixtures("frozen")
def test_in_a_freeze_emergencies_go_on(kubectl: Kubectl) -> None:
    """What mends without changing what is declared: pods leave, people look inside, standbys take over."""
    for verb, what in (("create", "--subresource=exec"), ("create", "--subresource=eviction"), ("delete", "")):
        assert kubectl("auth", "can-i", verb, "pods", *filter(None, [what]), role="break-glass")[0] == 0
    for controller in ("namespace-controller", "garbage-collector"):
        assert kubectl("delete", "deployment", "pos", "--dry-run=server", role=controller)[0] == 0


APPROVALS: dict[str, tuple[str, dict[str, Any]]] = {
    "by the author, in the other role": ("approver", {"author": f"{SESSION}/application-team/olga"}),
    "by the author": ("approver", {"author": WHO["approver"][0]}),
    "of nobody's": ("approver", {"author": ""}),
    "in another's name": ("approver", {"approver": f"{SESSION}/approver/other"}),
    "without a ticket": ("approver", {"ticket": ""}),
    "without a way back": ("approver", {"rollback": ""}),
    "of a network policy": ("approver", {"objects": "networkpolicies/tier-pos"}),
    "of a route": ("approver", {"objects": "deployments/pos ingressroutes/pos"}),
    "of everything": ("approver", {"objects": "deployments/*"}),
    "without an end": ("approver", {"expires": ""}),
    "for a week": ("approver", {"expires": stamp(days=7)}),
    "in the past": ("approver", {"expires": stamp(days=-1)}),
    "by the platform team": ("platform", {}),
    "by an application team": ("application", {}),
    "by break-glass": ("break-glass", {}),
}


@pytest.mark.cluster
@pytest.mark.parametrize("case", APPROVALS)
def test_approvals_that_are_refused(kubectl: Kubectl, case: str) -> None:
    role, changed = APPROVALS[case]
    status, said = kubectl("create", "--dry-run=server", "-f", "-", role=role, text=approval(**changed))
    assert status == 1
    # Two of the roles may not make ConfigMaps at all.
    assert "frz-02: " in said or (role in ("application", "break-glass") and "cannot create" in said), said


@pytest.mark.cluster
def test_an_approver_makes_approvals_and_nothing_else(kubectl: Kubectl) -> None:
    kubectl.do("create", "--dry-run=server", "-f", "-", role="approver", text=approval())
    plain = approval()
    plain["metadata"]["labels"] = {}
    status, said = kubectl("create", "--dry-run=server", "-f", "-", role="approver", text=plain)
    assert (status, "frz-02: " in said) == (1, True)
    status, said = kubectl("delete", "configmap", "rotation", "--dry-run=server", role="approver")
    assert (status, "frz-02: " in said) == (1, True)
    assert patch(kubectl, "approver", "deployment/pos", {"spec": {"paused": True}})[0] == 1


EMERGENCIES: dict[str, tuple[dict[str, Any], str]] = {
    "without an end": ({"annotations": {"retail/expires": ""}}, "frz-03"),
    "for two days": ({"annotations": {"retail/expires": stamp(days=2)}}, "frz-03"),
    "in the past": ({"annotations": {"retail/expires": stamp(days=-2)}}, "frz-03"),
    "with another role": ({"role": "admin"}, "frz-03 sec-08"),
    "for a person": ({"subject": {"kind": "User", "name": WHO["application"][0]}}, "frz-03"),
    "for the whole cluster": ({"kind": "ClusterRoleBinding"}, "frz-03 sec-08"),
    "by nobody": ({"annotations": {"retail/owner": ""}}, "sec-08"),
}


@pytest.mark.cluster
@pytest.mark.parametrize("case", EMERGENCIES)
def test_emergencies_that_are_refused(kubectl: Kubectl, case: str) -> None:
    changed, rules = EMERGENCIES[case]  # where two policies refuse, the API server tells of the first
    made = emergency("break-glass-INC2", **changed)
    status, said = kubectl("create", "--dry-run=server", "-f", "-", role="platform", text=made)
    assert (status, any(f"{rule}: " in said for rule in rules.split())) == (1, True), said


@pytest.mark.cluster
def test_an_emergency_is_never_prolonged(kubectl: Kubectl) -> None:
    def until(moment: str) -> tuple[int, str]:
        change = {"metadata": {"annotations": {"retail/expires": moment}}}
        return patch(kubectl, "platform", "rolebinding/break-glass-INC1", change)

    status, said = until(stamp(hours=7))
    assert (status, "frz-03: " in said) == (1, True)
    assert until(stamp(hours=1))[0] == 0


@pytest.mark.cluster
def test_a_team_is_let_into_its_own_namespace_alone(kubectl: Kubectl) -> None:
    for role, whose in (("application-team", "other-application-team"), ("admin", TEAM)):
        made = binding("RoleBinding", "more", role, group(whose), **{"retail/owner": "pat"})
        status, said = kubectl("create", "--dry-run=server", "-f", "-", role="platform", text=made)
        assert (status, "sec-08: " in said) == (1, True)


@pytest.mark.cluster
def test_the_switch_ends_emergencies_and_no_other_binding(kubectl: Kubectl, switch: Any) -> None:
    kubectl.do("create", "-f", "-", role="platform", text=emergency("break-glass-INC3"))
    assert switch(datetime.now(UTC)) == []
    kubectl.do("get", "rolebinding", "break-glass-INC3")
    assert switch(datetime.now(UTC) + timedelta(hours=5)) == []
    left = kubectl.do("get", "rolebindings", "-o", "name")
    assert "break-glass" not in left
    assert TEAM in left
    kubectl.do("create", "-f", "-", role="platform", text=emergency())
    status, said = kubectl("delete", "rolebinding", TEAM, "--dry-run=server", role=SWITCH)
    assert (status, "frz-03: " in said) == (1, True)


@pytest.mark.cluster
def test_a_freeze_is_switched_by_nobody_else(kubectl: Kubectl, switch: Any) -> None:
    assert switch(IN_FREEZE, windows=FREEZE) == []
    state = ("--namespace", "change-control")
    for role in ("platform", "cloudnative-pg"):
        status, said = kubectl(
            *state,
            "patch",
            "configmap",
            NAMESPACE,
            "--dry-run=server",
            "-p",
            '{"data": {"frozen": "false"}}',
            role=role,
        )
        assert status == (1 if role == "platform" else 0), said
    status, said = patch(
        kubectl, "platform", f"configmap/{NAMESPACE}", {"data": {"frozen": "false"}}, *state, *BY_PULUMI
    )
    assert (status, "frz-01: " in said) == (1, True)
    for role in ("application", "break-glass", "approver"):
        assert kubectl(*state, "auth", "can-i", "patch", "configmaps", role=role)[0] == 1
    # The account of one retailer's switch has no say in another's.
    assert kubectl(*state, "auth", "can-i", "patch", "configmaps/other", role=SWITCH)[0] == 1
    assert kubectl(*state, "auth", "can-i", "patch", f"configmaps/{NAMESPACE}", role=SWITCH)[0] == 0


@pytest.mark.cluster
def test_a_missing_freeze_denies_and_the_switch_heals_it(kubectl: Kubectl, switch: Any) -> None:
    kubectl.do("delete", "configmap", NAMESPACE, "--namespace", "change-control")
    time.sleep(0.5)
    status, said = patch(kubectl, "platform", "deployment/pos", image(GOOD), *BY_PULUMI)
    assert (status, "frz-01" in said, "no params found" in said) == (1, True, True)
    assert switch(datetime.now(UTC), windows=[]) == []
    assert patch(kubectl, "platform", "deployment/pos", image(GOOD))[0] == 0


@pytest.mark.cluster
def test_what_says_nothing_denies(kubectl: Kubectl) -> None:
    """As after the first deployment, before the first run."""
    kubectl.do("patch", "configmap", NAMESPACE, "--namespace", "change-control", "-p", '{"data": null}', role=SWITCH)
    time.sleep(0.5)
    status, said = patch(kubectl, "platform", "deployment/pos", image(GOOD))
    assert (status, "the switch has not run yet" in said) == (1, True)
    assert patch(kubectl, "platform", "deployment/pos", image(GOOD), *BY_PULUMI)[0] == 0


def test_every_policy_says_its_rule_in_name_and_message() -> None:
    for policy in admission_policies("111122223333"):
        rule = "-".join(policy.name.split("-")[:2])
        assert policy.spec["failurePolicy"] == "Fail"
        assert all(each["message"].startswith(f"{rule}: ") for each in policy.spec["validations"])
        assert "${" not in json.dumps(policy.spec)
