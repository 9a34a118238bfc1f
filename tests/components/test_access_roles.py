"""What teams of people may do: as the API server decides it."""

import itertools
import json
import os
import subprocess
import time
from collections.abc import Iterator
from typing import TYPE_CHECKING, Any

import pytest

from components.access_roles import AccessRoles, AccessRolesArgs
from rehearsal.engine.kubernetes_objects import kubernetes_objects
from rehearsal.engine.model import Evaluation, reveal
from retail.naming import Identity

if TYPE_CHECKING:
    from rehearsal.controlplane.boot import Plane

CLOSED = {
    "networkpolicies",
    "ingressroutes",
    "resourcequotas",
    "poddisruptionbudgets",
    "secrets",
    "roles",
    "rolebindings",
}
"""What neither team may change: tenant isolation, routing, limits, credentials, rights."""


@pytest.fixture(scope="module")
def evaluation(run_component: Any, identity: Identity) -> Evaluation:
    made: Evaluation = run_component(lambda opts, _: AccessRoles("access", AccessRolesArgs(identity=identity), opts))
    return made


@pytest.fixture(scope="module")
def manifests(evaluation: Evaluation) -> list[dict[str, Any]]:
    return [reveal(item.manifest) for item in kubernetes_objects(evaluation)]


@pytest.mark.parametrize("role", ["application-team", "break-glass", "approver"])
def test_no_team_sees_secrets_or_changes_isolation(manifests: list[dict[str, Any]], role: str) -> None:
    (rules,) = [
        item["rules"] for item in manifests if (item["kind"], item["metadata"]["name"]) == ("ClusterRole", role)
    ]
    for rule in rules:
        assert "" not in rule["apiGroups"] or not {"secrets", "*"} & set(rule["resources"])
        assert "*" not in rule["verbs"] and "*" not in rule["apiGroups"]
        if set(rule["verbs"]) - {"get", "list", "watch"}:
            assert not (CLOSED | {"*"}) & set(rule["resources"])


def test_the_application_team_enters_no_pod(manifests: list[dict[str, Any]]) -> None:
    """odoo.conf with the database's password is in it."""
    text = json.dumps([item for item in manifests if item["metadata"]["name"] == "application-team"])
    assert "pods/log" in text
    assert not [word for word in ("exec", "attach", "portforward", "ephemeralcontainers") if word in text]


def test_limits_hold_before_the_roles_that_need_them(evaluation: Evaluation) -> None:
    roles = [resource for resource in evaluation.resources.values() if resource.type.endswith(":ClusterRole")]
    policies = [urn for urn, each in evaluation.resources.items() if each.type.endswith("AdmissionPolicyBinding")]
    assert policies
    assert all(set(policies) <= set(role.dependencies) for role in roles)


NAMESPACE = "team-test"
POD = {
    "containers": [{"name": "odoo", "image": "registry.example/odoo@sha256:" + "0" * 64}],
    "restartPolicy": "Never",
}
DEPLOYMENT = {
    "apiVersion": "apps/v1",
    "kind": "Deployment",
    "metadata": {"name": "pos", "namespace": NAMESPACE, "labels": {"app": "pos"}},
    "spec": {
        "replicas": 0,
        "selector": {"matchLabels": {"app": "pos"}},
        "template": {
            "metadata": {"labels": {"app": "pos"}, "annotations": {"kept": "as it is"}},
            "spec": {"containers": POD["containers"]},
        },
    },
}


def cron_job(name: str) -> dict[str, Any]:
    return {
        "apiVersion": "batch/v1",
        "kind": "CronJob",
        "metadata": {"name": name, "namespace": NAMESPACE},
        "spec": {
            "schedule": "0 3 * * *",
            "suspend": True,
            "jobTemplate": {"spec": {"template": {"metadata": {"labels": {"tier": "batch"}}, "spec": POD}}},
        },
    }


COPIES: dict[str, Any] = {
    "apiVersion": "apiextensions.k8s.io/v1",
    "kind": "CustomResourceDefinition",
    "metadata": {"name": "externalsecrets.external-secrets.io"},
    "spec": {
        "group": "external-secrets.io",
        "scope": "Namespaced",
        "names": {"plural": "externalsecrets", "singular": "externalsecret", "kind": "ExternalSecret"},
        "versions": [
            {
                "name": "v1",
                "served": True,
                "storage": True,
                "schema": {
                    "openAPIV3Schema": {
                        "type": "object",
                        "properties": {"spec": {"type": "object", "x-kubernetes-preserve-unknown-fields": True}},
                    }
                },
            }
        ],
    },
}
COPY = {
    "apiVersion": "external-secrets.io/v1",
    "kind": "ExternalSecret",
    "metadata": {"name": "database-app", "namespace": NAMESPACE},
    "spec": {"secretStoreRef": {"name": "own"}, "target": {"name": "database-app"}},
}


class Kubectl:
    """kubectl as somebody: status, and what it said."""

    def __init__(self, plane: "Plane") -> None:
        self._command = [str(plane.binaries["kubectl"]), "--namespace", NAMESPACE]
        self._environment = os.environ | {
            "KUBECONFIG": str(plane.kubeconfig),
            "KUBECACHEDIR": str(plane.folder / "kubectl-cache"),
        }

    def __call__(self, *arguments: str, group: str = "", user: str = "", text: Any = None) -> tuple[int, str]:
        groups = ["--as-group", group, "--as-group", "system:authenticated"] if group else []
        who = ["--as", user or "somebody", *groups] if group or user else []
        given = json.dumps(text) if text is not None else None
        run = subprocess.run(
            [*self._command, *who, *arguments],
            input=given,
            env=self._environment,
            capture_output=True,
            text=True,
            check=False,
            timeout=60,
        )
        return run.returncode, run.stdout + run.stderr


TEAM = f"{NAMESPACE}-application-team"
PAUSED = '{"spec": {"paused": true}}'


@pytest.fixture(scope="module")
def kubectl(plane: "Plane", manifests: list[dict[str, Any]]) -> Iterator[Kubectl]:
    command = Kubectl(plane)
    binding = {
        "apiVersion": "rbac.authorization.k8s.io/v1",
        "kind": "RoleBinding",
        "metadata": {"name": TEAM, "namespace": NAMESPACE, "annotations": {"retail/owner": "the team"}},
        "roleRef": {"apiGroup": "rbac.authorization.k8s.io", "kind": "ClusterRole", "name": "application-team"},
        "subjects": [{"apiGroup": "rbac.authorization.k8s.io", "kind": "Group", "name": TEAM}],
    }
    namespace = {"apiVersion": "v1", "kind": "Namespace", "metadata": {"name": NAMESPACE}}
    jobs = [cron_job("reconciliation"), cron_job("rotation")]
    copying = {
        "apiVersion": "rbac.authorization.k8s.io/v1",
        "kind": "RoleBinding",
        "metadata": {"name": "copying", "namespace": NAMESPACE},
        "roleRef": {"apiGroup": "rbac.authorization.k8s.io", "kind": "ClusterRole", "name": "cluster-admin"},
        "subjects": [{"kind": "ServiceAccount", "name": "rotation", "namespace": "other"}],
    }
    status, said = command("apply", "-f", "-", text=COPIES)
    assert status == 0, said
    command("wait", "crd", COPIES["metadata"]["name"], "--for=condition=Established", "--timeout=30s")
    for item in (namespace, *manifests, binding, copying, DEPLOYMENT, *jobs, COPY):
        status, said = command("apply", "-f", "-", text=item)
        assert status == 0, said
    # A new policy takes effect when the API server has compiled it, a moment later.
    for _ in range(60):
        _status, said = command("patch", "deployment", "pos", "--dry-run=server", "-p", PAUSED, group=TEAM)
        if "application-team-restarts" in said:
            break
        time.sleep(0.5)
    yield command
    command("delete", "crd", COPIES["metadata"]["name"])
    for item in manifests:
        command("delete", item["kind"], item["metadata"]["name"], "--ignore-not-found")
    command("delete", "namespace", NAMESPACE, "--wait=false")


@pytest.mark.cluster
def test_the_team_looks_at_everything_but_secrets(kubectl: Kubectl) -> None:
    for what in ("pods", "deployments", "networkpolicies", "resourcequotas", "rolebindings", "cronjobs"):
        assert kubectl("get", what, group=TEAM)[0] == 0, what
    status, said = kubectl("get", "secrets", group=TEAM)
    assert (status, "forbidden" in said) == (1, True)
    assert kubectl("get", "pods", "--namespace", "kube-system", group=TEAM)[0] == 1
    assert kubectl("get", "pods", group="other-application-team")[0] == 1


@pytest.mark.cluster
def test_the_team_restarts_suspends_and_runs(kubectl: Kubectl) -> None:
    for command in (
        ("rollout", "restart", "deployment", "pos"),
        ("patch", "cronjob", "rotation", "-p", '{"spec": {"suspend": false}}'),
        ("patch", "cronjob", "rotation", "-p", '{"spec": {"suspend": true}}'),
        ("create", "job", "by-hand", "--from=cronjob/reconciliation"),
    ):
        status, said = kubectl(*command, group=TEAM)
        assert status == 0, said


OTHER_IMAGE = [{"name": "odoo", "image": "registry.example/other@sha256:" + "1" * 64}]


@pytest.mark.cluster
@pytest.mark.parametrize(
    "change",
    [
        {"spec": {"replicas": 3}},
        {"spec": {"paused": True}},
        {"spec": {"template": {"spec": {"containers": OTHER_IMAGE}}}},
        {"spec": {"template": {"spec": {"serviceAccountName": "batch"}}}},
        {"spec": {"template": {"spec": {"volumes": [{"name": "s", "secret": {"secretName": "odoo-pos"}}]}}}},
        {"spec": {"template": {"metadata": {"labels": {"retail/tier": "integration"}}}}},
        {"spec": {"template": {"metadata": {"annotations": {"kept": "otherwise"}}}}},
        {"spec": {"template": {"metadata": {"annotations": {"kept": None}}}}},
        {"spec": {"template": {"metadata": {"annotations": {"new": "one"}}}}},
        {"metadata": {"annotations": {"secret.reloader.stakater.com/reload": "none"}}},
        {"metadata": {"labels": {"app": "other"}}},
    ],
    ids=str,
)
def test_a_restart_changes_nothing_else(kubectl: Kubectl, change: dict[str, Any]) -> None:
    status, said = kubectl("patch", "deployment", "pos", "-p", json.dumps(change), group=TEAM)
    assert status == 1
    assert "application-team-restarts" in said
    # The change is a real one: whoever administers may make it.
    assert kubectl("patch", "deployment", "pos", "--dry-run=server", "-p", json.dumps(change))[0] == 0


@pytest.mark.cluster
@pytest.mark.parametrize(
    "change",
    [
        {"schedule": "* * * * *"},
        {"timeZone": "Etc/UTC"},
        {"concurrencyPolicy": "Forbid"},
        {"jobTemplate": {"spec": {"template": {"spec": {"containers": OTHER_IMAGE}}}}},
    ],
    ids=str,
)
def test_a_suspension_changes_nothing_else(kubectl: Kubectl, change: dict[str, Any]) -> None:
    status, said = kubectl("patch", "cronjob", "rotation", "-p", json.dumps({"spec": change}), group=TEAM)
    assert status == 1
    assert "application-team-suspensions" in said


def job(owner: str, **pod: Any) -> dict[str, Any]:
    references = [{"apiVersion": "batch/v1", "kind": "CronJob", "name": owner, "uid": "a-uid", "controller": True}]
    template = {"metadata": {"labels": {"tier": "batch"}}, "spec": {**POD, **pod}}
    metadata = {"name": "made-up", "namespace": NAMESPACE, "ownerReferences": references if owner else []}
    return {"apiVersion": "batch/v1", "kind": "Job", "metadata": metadata, "spec": {"template": template}}


MADE_UP = {
    "a job of nobody's": job(""),
    "a CronJob that teams don't run": job("rotation"),
    "a CronJob that isn't there": job("invented"),
    "another image": job("reconciliation", containers=OTHER_IMAGE),
    "a Secret mounted": job("reconciliation", volumes=[{"name": "s", "secret": {"secretName": "database-app"}}]),
    "another account": job("reconciliation", serviceAccountName="default"),
}
other_tier = job("reconciliation")
other_tier["spec"]["template"]["metadata"]["labels"] = {"tier": "pos"}
MADE_UP["another tier's network policy"] = other_tier


@pytest.mark.cluster
@pytest.mark.parametrize("made_up", MADE_UP)
def test_a_run_is_what_the_cron_job_would_have_run(kubectl: Kubectl, made_up: str) -> None:
    status, said = kubectl("create", "-f", "-", group=TEAM, text=MADE_UP[made_up])
    assert status == 1
    assert "sec-11: " in said
    assert kubectl("create", "--dry-run=server", "-f", "-", text=MADE_UP[made_up])[0] == 0


@pytest.mark.cluster
@pytest.mark.parametrize(
    ("verb", "what"), list(itertools.product(("create", "delete", "patch"), sorted(CLOSED - {"ingressroutes"})))
)
def test_the_rest_is_closed(kubectl: Kubectl, verb: str, what: str) -> None:
    assert kubectl("auth", "can-i", verb, what, group=TEAM)[0] == 1


@pytest.mark.cluster
def test_a_pod_may_refresh_a_copy_of_a_secret_and_not_change_it(kubectl: Kubectl) -> None:
    pod = "system:serviceaccount:other:rotation"
    refresh = ("patch", "externalsecret", "database-app", "--type=merge", "-p")
    assert kubectl(*refresh, '{"metadata": {"annotations": {"force-sync": "1"}}}', user=pod)[0] == 0
    for change in ({"spec": {"secretStoreRef": {"name": "platform"}}}, {"spec": {"target": {"name": "platform-app"}}}):
        status, said = kubectl(*refresh, json.dumps(change), user=pod)
        assert status == 1
        assert "copies-of-secrets" in said
        assert kubectl(*refresh, json.dumps(change), "--dry-run=server")[0] == 0
