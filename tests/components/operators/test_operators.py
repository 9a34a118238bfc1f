"""Operators: pinned, in order, twice where they can be, with no more rights in AWS than they need."""

import json
from collections.abc import Callable, Iterator
from typing import Any

import pulumi
import pytest

from components.cluster_defaults import PRIORITIES, ClusterDefaults, ClusterDefaultsArgs
from components.operators import Operators, OperatorsArgs
from rehearsal.check.run import check
from rehearsal.engine.kubernetes_objects import kubernetes_objects
from rehearsal.engine.model import Evaluation, Resource
from rehearsal.standins.quantities import Resources, resources, total
from retail.instances import instance_type
from retail.naming import Identity, Pool
from retail.plan import Plan

RELEASE = "kubernetes:helm.sh/v3:Release"
CLUSTER = "acme-production"
MIB = 2**20


@pytest.fixture(scope="module")
def program(identity: Identity) -> Callable[..., None]:
    def build(opts: pulumi.ResourceOptions, _: object) -> None:
        defaults = ClusterDefaults("defaults", ClusterDefaultsArgs(identity=identity), opts)
        given = OperatorsArgs(
            identity=identity,
            cluster_name=CLUSTER,
            cluster=CLUSTER,
            vpc_id="vpc-1",
            after=[defaults],
        )
        Operators("ops", given, opts)

    return build


@pytest.fixture(scope="module")
def evaluation(program: Callable[..., None], run_component: Any) -> Evaluation:
    evaluated: Evaluation = run_component(program)
    return evaluated


def releases(evaluation: Evaluation) -> dict[str, Resource]:
    return {r.inputs["name"]: r for r in evaluation.resources.values() if r.type == RELEASE}


def before(evaluation: Evaluation, release: str) -> set[str]:
    """Releases and types that `release` waits for itself."""
    urns = releases(evaluation)[release].dependencies
    resources = [evaluation.resources[urn] for urn in urns]
    return {r.inputs["name"] if r.type == RELEASE else r.type.rpartition(":")[2] for r in resources}


def policy(evaluation: Evaluation, operator: str) -> list[dict[str, Any]]:
    (found,) = [r for r in evaluation.resources.values() if r.name == f"ops-{operator}-aws-policy"]
    statements: list[dict[str, Any]] = json.loads(found.inputs["policy"])["Statement"]
    return statements


def test_objects_fit_their_schemas(evaluation: Evaluation, program: Callable[..., None], run_component: Any) -> None:
    for run in (evaluation, run_component(program, preview=True)):
        assert check(run).findings == []


def test_every_chart_is_pinned_and_rolled_back_on_failure(evaluation: Evaluation) -> None:
    assert len(releases(evaluation)) == 12
    for name, release in releases(evaluation).items():
        assert release.inputs["version"].lstrip("v").count(".") == 2, name
        assert release.inputs["atomic"] is True, name
        oci = release.inputs["chart"].startswith("oci://")
        assert oci != bool(release.inputs.get("repositoryOpts")), name
        assert release.inputs["namespace"], name


def test_each_operator_waits_for_what_it_uses(evaluation: Evaluation) -> None:
    assert {"karpenter-crd", "prometheus-operator-crds"} <= before(evaluation, "karpenter")
    assert {"cert-manager", "cnpg"} <= before(evaluation, "barman-cloud")
    assert "cert-manager" in before(evaluation, "aws-load-balancer-controller")
    assert {"prometheus-operator-crds", "cert-manager", "StorageClass"} <= before(evaluation, "prometheus")
    for name in ("karpenter", "cert-manager", "external-secrets", "aws-load-balancer-controller"):
        assert "PodIdentityAssociation" in before(evaluation, name), "pods made before it get no credentials"
    (issuer,) = [r for r in evaluation.resources.values() if r.type.endswith(":ClusterIssuer")]
    assert releases(evaluation)["cert-manager"].urn in issuer.dependencies


def test_controllers_run_twice_and_the_backup_plugin_once(evaluation: Evaluation) -> None:
    values = {name: release.inputs["values"] for name, release in releases(evaluation).items()}
    assert values["cnpg"]["replicaCount"] == 2
    assert values["barman-cloud"]["replicaCount"] == 1
    for part in ("operator", "metricsServer", "webhooks"):
        assert values["keda"][part]["replicaCount"] == 2
    assert values["karpenter"]["replicas"] == 2
    for part in (values["cert-manager"], values["cert-manager"]["webhook"], values["cert-manager"]["cainjector"]):
        assert part["replicaCount"] == 2
        assert part["podDisruptionBudget"]["maxUnavailable"] == 1
    assert values["external-secrets"]["leaderElect"] is True
    assert values["external-secrets"]["certController"]["replicaCount"] == 2
    assert values["aws-load-balancer-controller"]["replicaCount"] == 2
    assert values["reloader"]["reloader"]["enableHA"] is True
    assert values["prometheus"]["prometheus"]["prometheusSpec"]["replicas"] == 2
    (budget,) = [item for item in kubernetes_objects(evaluation) if item.kind == "PodDisruptionBudget"]
    assert budget.manifest["spec"]["unhealthyPodEvictionPolicy"] == "AlwaysAllow"


def test_two_system_nodes_hold_all_operators(evaluation: Evaluation, make_test_plan: Callable[..., Plan]) -> None:
    """With one zone lost, and what EKS' add-ons ask for beside them (their defaults, rounded up)."""
    add_ons = Resources(cpu=3 * 100 + 2 * 100 + 2 * 60, memory=(3 * 70 + 2 * 200 + 2 * 240) * MIB)
    daemons = Resources(cpu=50 + 100 + 30 + 25 + 25, memory=(150 + 120 + 48) * MIB)
    asked = [
        Resources(*(replicas * each for each in resources(given["requests"])))
        for release in releases(evaluation).values()
        for replicas, given in asked_for(release.inputs["values"])
    ]
    assert len(asked) >= 18, "every part of every chart says what it asks for"
    system = make_test_plan().pools[Pool.SYSTEM]
    node = instance_type(system.instance_types[0])
    left = Resources(node.allocatable_cpu_millis, node.allocatable_memory_mib * MIB).less(daemons)
    nodes = system.nodes_per_zone * (len(system.zones) - 1)
    assert total([*asked, add_ons]).within(Resources(nodes * left.cpu, nodes * left.memory))


def asked_for(values: Any, replicas: int = 1) -> Iterator[tuple[int, dict[str, Any]]]:
    """Replicas and resources of each container that a chart's values speak of; the node exporter's are daemons'."""
    replicas = values.get("replicaCount", values.get("replicas", replicas))
    parts = values.get("resources", {})
    if "requests" in parts:
        yield replicas, parts
    else:  # KEDA keeps all its parts' resources in one place
        yield from ((2, part) for part in parts.values())
    for key, value in values.items():
        if isinstance(value, dict) and key not in ("resources", "prometheus-node-exporter"):
            yield from asked_for(value, replicas if key == "controller" else 1)


def test_operators_stay_on_system_nodes(evaluation: Evaluation) -> None:
    for name in ("cnpg", "barman-cloud", "keda", "karpenter", "cert-manager", "external-secrets"):
        assert releases(evaluation)[name].inputs["values"]["nodeSelector"] == {"retail/pool": "system"}, name


def test_no_well_known_password_and_no_cluster_wide_secret_store(evaluation: Evaluation) -> None:
    values = {name: release.inputs["values"] for name, release in releases(evaluation).items()}
    assert values["prometheus"]["grafana"]["enabled"] is False
    assert values["external-secrets"]["processClusterStore"] is False


def test_monitors_of_every_namespace_count(evaluation: Evaluation) -> None:
    spec = releases(evaluation)["prometheus"].inputs["values"]["prometheus"]["prometheusSpec"]
    for kind in ("rule", "serviceMonitor", "podMonitor", "probe", "scrapeConfig"):
        assert spec[f"{kind}SelectorNilUsesHelmValues"] is False


def test_only_traefiks_crds_are_installed(evaluation: Evaluation) -> None:
    values = releases(evaluation)["traefik-crds"].inputs["values"]
    assert {part for part, given in values.items() if given == {"enabled": False}} == {
        "deployment",
        "service",
        "rbac",
        "ingressClass",
    }


def test_namespaces_demand_restricted_pods_but_for_the_node_exporters(evaluation: Evaluation) -> None:
    levels = {
        item.name: item.manifest["metadata"]["labels"]["pod-security.kubernetes.io/enforce"]
        for item in kubernetes_objects(evaluation)
        if item.kind == "Namespace"
    }
    assert levels.pop("observability") == "privileged"
    assert set(levels.values()) == {"restricted"}


def test_karpenter_touches_only_what_bears_its_clusters_tag(evaluation: Evaluation) -> None:
    changing = ("Run", "Create", "Terminate", "Delete")
    for statement in policy(evaluation, "karpenter"):
        actions = statement["Action"] if isinstance(statement["Action"], list) else [statement["Action"]]
        if any(action.startswith(f"ec2:{verb}") for action in actions for verb in changing):
            launches_from = statement["Sid"] == "LaunchFrom"
            tagged = f"kubernetes.io/cluster/{CLUSTER}" in json.dumps(statement.get("Condition", {}))
            assert tagged or launches_from, statement["Sid"]
        assert not any(
            "InstanceProfile" in action and not action.startswith(("iam:Get", "iam:List")) for action in actions
        )
    queue = [s for s in policy(evaluation, "karpenter") if s["Sid"] == "ReadInterruptions"]
    assert queue[0]["Resource"].endswith(":acme-production-interruptions")


def test_external_secrets_may_only_take_on_tenants_roles(evaluation: Evaluation, identity: Identity) -> None:
    (statement,) = policy(evaluation, "external-secrets")
    assert statement["Action"] == ["sts:AssumeRole", "sts:TagSession"]
    pattern = statement["Resource"].removeprefix("arn:aws:iam::111122223333:role/*")
    assert identity.iam_arn("external-secrets").endswith(pattern)
    assert not identity.iam_arn("external-secrets-controller").endswith(pattern), "it can't take on itself"
    assert statement["Condition"] == {"StringEquals": {"aws:ResourceTag/managed-by": "pulumi"}}


def test_cert_manager_writes_challenges_only(evaluation: Evaluation) -> None:
    (change,) = [s for s in policy(evaluation, "cert-manager") if "ChangeResourceRecordSets" in s["Action"]]
    assert change["Condition"]["ForAllValues:StringEquals"] == {"route53:ChangeResourceRecordSetsRecordTypes": ["TXT"]}
    assert "_acme-challenge.*" in json.dumps(change["Condition"])


def test_inline_policies_fit_into_a_role(evaluation: Evaluation) -> None:
    for resource in evaluation.resources.values():
        if resource.type == "aws:iam/rolePolicy:RolePolicy":
            compact = json.dumps(json.loads(resource.inputs["policy"]), separators=(",", ":"))
            assert len(compact) <= 10_240, resource.name


def test_interruptions_reach_the_queue_encrypted(evaluation: Evaluation) -> None:
    (queue,) = [r for r in evaluation.resources.values() if r.type == "aws:sqs/queue:Queue"]
    assert queue.inputs["sqsManagedSseEnabled"] is True
    targets = [r for r in evaluation.resources.values() if r.type == "aws:cloudwatch/eventTarget:EventTarget"]
    assert {target.inputs["arn"] for target in targets} == {queue.outputs["arn"]}
    assert len(targets) == 5
    (policy,) = [r for r in evaluation.resources.values() if r.type == "aws:sqs/queuePolicy:QueuePolicy"]
    assert {each["Resource"] for each in json.loads(policy.inputs["policy"])["Statement"]} == {queue.outputs["arn"]}


def test_crds_stay_when_their_chart_goes(evaluation: Evaluation) -> None:
    keep = {"helm.sh/resource-policy": "keep"}
    values = {name: release.inputs["values"] for name, release in releases(evaluation).items()}
    assert values["cert-manager"]["crds"]["keep"] is True
    assert values["keda"]["crds"]["additionalAnnotations"] == keep
    assert values["external-secrets"]["crds"]["annotations"] == keep
    assert values["karpenter-crd"]["additionalAnnotations"] == keep
    assert values["prometheus-operator-crds"]["crds"]["annotations"] == keep


def test_priorities_rank_selling_first_and_headroom_last(evaluation: Evaluation) -> None:
    classes = {i.name: i.manifest for i in kubernetes_objects(evaluation) if i.kind == "PriorityClass"}
    assert sorted(classes, key=lambda name: -classes[name]["value"]) == [
        "critical",
        "important",
        "deferrable",
        "headroom",
    ]
    assert classes["headroom"]["value"] < 0 < classes["deferrable"]["value"]
    assert {name for name, manifest in classes.items() if manifest["preemptionPolicy"] == "Never"} == {
        "deferrable",
        "headroom",
    }
    assert max(priority.value for priority in PRIORITIES.values()) < 1_000_000_000, "below what Kubernetes keeps"


def test_volumes_are_encrypted_and_bound_where_the_pod_lands(evaluation: Evaluation) -> None:
    (storage,) = [i.manifest for i in kubernetes_objects(evaluation) if i.kind == "StorageClass"]
    assert storage["parameters"]["encrypted"] == "true"
    assert storage["volumeBindingMode"] == "WaitForFirstConsumer"
    assert storage["allowVolumeExpansion"] is True
    assert "storageclass.kubernetes.io/is-default-class" not in json.dumps(storage)
    assert "tagSpecification_1" in storage["parameters"]
