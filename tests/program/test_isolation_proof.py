"""No stack reaches another: proven over the graphs of all shipped stacks, and every leak seeded in them is found."""

import copy
import dataclasses
import json
from collections.abc import Callable
from fnmatch import fnmatch
from typing import Any

import pytest

from rehearsal.check.isolation.databases import admits
from rehearsal.check.isolation.proof import prove_isolation
from rehearsal.engine.kubernetes_objects import kubernetes_objects
from rehearsal.engine.model import Evaluation, reveal

Evaluate = Callable[..., Evaluation]
Edit = Callable[[dict[str, Any]], None]

STACKS = ("platform", "training", "outlet", "dev", "peak")


@pytest.fixture(scope="module")
def shipped(evaluate_once: Evaluate) -> list[Evaluation]:
    return [evaluate_once(stack) for stack in STACKS]


def leaks(shipped: list[Evaluation], stack: str, type_end: str, edit: Edit, name: str = "*") -> list[str]:
    """What the proof finds once `edit` has changed the inputs of every resource of that type and name of a stack.

    `name` is a pattern for the resource's own.
    """
    changed = []
    for evaluation in shipped:
        if evaluation.stack != stack:
            changed.append(evaluation)
            continue
        resources = {}
        for urn, resource in evaluation.resources.items():
            if resource.type.endswith(type_end) and fnmatch(resource.name, name):
                resource = dataclasses.replace(resource, inputs=copy.deepcopy(resource.inputs))
                edit(resource.inputs)
            resources[urn] = resource
        assert any(resources[urn] is not resource for urn, resource in evaluation.resources.items()), (
            "nothing to change"
        )
        changed.append(dataclasses.replace(evaluation, resources=resources))
    return [str(leak) for leak in prove_isolation(changed).leaks]


def test_no_stack_reaches_another(shipped: list[Evaluation]) -> None:
    assert [str(leak) for leak in prove_isolation(shipped).leaks] == []


def test_the_proof_looks_at_everything(shipped: list[Evaluation]) -> None:
    compared = prove_isolation(shipped).compared
    stacks = len(STACKS)
    wanted = {
        "archives": 4,
        "bound subjects": stacks,
        "configurations of Odoo": 9 * 4,
        "connections": 500,
        "copied secrets": 100,
        "groups of people": 1,
        "monitors": 10,
        "names": 500,
        "namespaces closed": stacks,
        "objects in their place": 500,
        "peers of network policies": 1000,
        "permissions": 1000,
        "pods before pools": 100,
        "queries": 50,
        "resource policies": 10,
        "rights in another's namespace": 1,
        "roles before databases": 2,
        "roles of pods": 40,
        "routes": 40,
        "routes before edges": 40,
        "stores": stacks,
        "texts searched for names of others": 10_000,
        "trust policies": 40,
    }
    assert wanted.keys() == compared.keys()
    assert [what for what, least in wanted.items() if compared[what] < least] == []


def set_at(*path: Any) -> Edit:
    """An edit that puts the last argument at the place that the others lead to."""
    *steps, last, value = path

    def edit(inputs: dict[str, Any]) -> None:
        place: Any = inputs
        for step in steps:
            place = place[step]
        place[last] = value

    return edit


def in_policy(**changes: Any) -> Edit:
    """An edit of the first statement of an IAM policy."""

    def edit(inputs: dict[str, Any]) -> None:
        document = json.loads(reveal(inputs["policy"]))
        document["Statement"][0] |= changes
        inputs["policy"] = json.dumps(document)

    return edit


def in_trust(namespace: str) -> Edit:
    def edit(inputs: dict[str, Any]) -> None:
        document = json.loads(inputs["assumeRolePolicy"])
        document["Statement"][0]["Condition"]["StringEquals"]["aws:RequestTag/kubernetes-namespace"] = namespace
        inputs["assumeRolePolicy"] = json.dumps(document)

    return edit


def without_argument(flag: str, instead: str = "") -> Edit:
    def edit(inputs: dict[str, Any]) -> None:
        (container,) = inputs["spec"]["template"]["spec"]["containers"]
        container["args"] = [each for each in container["args"] if flag not in each] + ([instead] if instead else [])

    return edit


def tolerating_everything(inputs: dict[str, Any]) -> None:
    inputs["spec"]["template"]["spec"] |= {"tolerations": [{"operator": "Exists"}], "nodeSelector": {}}


def switch_tolerating_everything(inputs: dict[str, Any]) -> None:
    tolerating_everything(inputs["spec"]["jobTemplate"])


def opened_to_everybody(inputs: dict[str, Any]) -> None:
    for rule in inputs["spec"]["ingress"]:
        rule["from"] = [{"namespaceSelector": {}}]


SEEDED: list[tuple[str, str, str, str, Edit, str]] = [
    # Names
    (
        "an object in another's namespace",
        "training",
        "v1:ConfigMap",
        "*",
        set_at("metadata", "namespace", "outlet-production"),
        "stands in outlet's namespace",
    ),
    (
        "more than its database in the platform's",
        "training",
        "v1:PodMonitor",
        "*",
        set_at("metadata", "namespace", "platform-production"),
        "stands in platform's namespace",
    ),
    (
        "a database object under a name of nobody",
        "training",
        "v1:DatabaseRole",
        "*",
        set_at("metadata", "name", "app"),
        "stands in platform's namespace",
    ),
    (
        "another's host in a certificate",
        "training",
        "v1:Certificate",
        "*",
        set_at("spec", "dnsNames", ["shop.outlet.example"]),
        "names shop.outlet.example",
    ),
    (
        "another's database",
        "training",
        "v1alpha1:ScaledObject",
        "*background*",
        set_at("spec", "triggers", 0, "metadata", "host", "outlet-db-rw.outlet-production.svc"),
        "names outlet-db-rw.outlet-production",
    ),
    (
        "the platform's database from a stack that has its own",
        "outlet",
        "v1alpha1:ScaledObject",
        "*background*",
        set_at("spec", "triggers", 0, "metadata", "host", "platform-db-rw.platform-production.svc"),
        "names platform-db-rw.platform-production",
    ),
    # Network
    (
        "no default-deny",
        "outlet",
        "v1:NetworkPolicy",
        "*default-deny",
        set_at("spec", "podSelector", {"matchLabels": {"a": "b"}}),
        "no policy denies all ingress",
    ),
    (
        "a peer that means everybody's pods",
        "outlet",
        "v1:NetworkPolicy",
        "*tier-pos",
        lambda inputs: inputs["spec"]["egress"][0].update(to=[{"namespaceSelector": {}}]),
        "means Deployment",
    ),
    (
        "a tier open to every namespace, with a client that may leave for any address",
        "outlet",
        "v1:NetworkPolicy",
        "*database-instances",
        opened_to_everybody,
        "means Deployment",
    ),
    # Edges
    (
        "an edge without a selector or namespaces",
        "outlet",
        "v1:Deployment",
        "*edge*",
        lambda inputs: (without_argument("labelselector")(inputs), without_argument(".namespaces")(inputs))[0],
        "takes up IngressRoute grand-bazar-training",
    ),
    (
        "routes that may use other namespaces",
        "platform",
        "v1:Deployment",
        "*edge*",
        without_argument("allowcrossnamespace"),
        "could use another namespace's services",
    ),
    (
        "a route for any host",
        "training",
        "v1alpha1:IngressRoute",
        "*pos",
        set_at("spec", "routes", 0, "match", "PathPrefix(`/`)"),
        "answers to any host",
    ),
    (
        "a route to another's service",
        "training",
        "v1alpha1:IngressRoute",
        "*pos",
        set_at("spec", "routes", 0, "services", 0, "namespace", "outlet-production"),
        "leads into namespace outlet-production",
    ),
    (
        "a monitor of every namespace",
        "training",
        "v1:PodMonitor",
        "*",
        set_at("spec", "namespaceSelector", {"any": True}),
        "scrapes other namespaces",
    ),
    (
        "a query that sums everybody",
        "training",
        "v1alpha1:ScaledObject",
        "*pos",
        set_at("spec", "triggers", 0, "metadata", "query", "sum(rate(traefik_service_requests_total[2m]))"),
        "asks Prometheus about every namespace",
    ),
    # Secrets
    (
        "another's secret",
        "training",
        "v1:ExternalSecret",
        "*odoo-pos*",
        set_at("spec", "data", 0, "remoteRef", "key", "retail/outlet/production/database-app"),
        "copies retail/outlet/production/database-app",
    ),
    (
        "a pattern of secrets",
        "training",
        "v1:ExternalSecret",
        "*odoo-pos*",
        set_at("spec", "dataFrom", [{"find": {"name": {"regexp": ".*"}}}]),
        "whatever fits a pattern",
    ),
    (
        "a store of the whole cluster",
        "training",
        "v1:ExternalSecret",
        "*odoo-pos*",
        set_at("spec", "secretStoreRef", {"kind": "ClusterSecretStore", "name": "aws"}),
        "a store that isn't its own",
    ),
    (
        "a store that reads as another",
        "training",
        "v1:SecretStore",
        "*secrets-store*",
        set_at("spec", "provider", "aws", "role", "arn:aws:iam::111122223333:role/outlet-production-external-secrets"),
        "reads as arn:aws:iam::111122223333:role/outlet-production-external-secrets",
    ),
    # AWS
    (
        "a role for another's pods",
        "training",
        "PodIdentityAssociation",
        "*pos*",
        set_at("namespace", "outlet-production"),
        "gives a role to pods of namespace outlet-production",
    ),
    (
        "a role that any association could hand out",
        "training",
        "iam/role:Role",
        "*odoo-pos*",
        in_trust("outlet-production"),
        "any association but",
    ),
    (
        "a role for a whole account's principals",
        "training",
        "iam/role:Role",
        "*odoo-pos*",
        lambda inputs: inputs.update(assumeRolePolicy=inputs["assumeRolePolicy"].replace("pods.eks.", "*")),
        "may take it on",
    ),
    (
        "all buckets",
        "training",
        "iam/rolePolicy:RolePolicy",
        "*odoo-pos*",
        in_policy(Resource="arn:aws:s3:::*"),
        "allows s3:GetObject on arn:aws:s3:::outlet-production-",
    ),
    (
        "a pattern that another's bucket fits",
        "training",
        "iam/rolePolicy:RolePolicy",
        "*odoo-pos*",
        in_policy(Resource="arn:aws:s3:::*-filestore-111122223333-eu-central-?/*"),
        "outlet-production-filestore",
    ),
    (
        "everybody's secrets",
        "training",
        "iam/rolePolicy:RolePolicy",
        "*secrets-store*",
        in_policy(Resource="arn:aws:secretsmanager:eu-central-1:111122223333:secret:retail/*"),
        "allows secretsmanager:GetSecretValue",
    ),
    (
        "every key",
        "training",
        "iam/rolePolicy:RolePolicy",
        "*odoo-pos*",
        in_policy(Action="kms:Decrypt", Resource="*"),
        "allows kms:Decrypt on arn:aws:kms:",
    ),
    (
        "keys of any alias",
        "training",
        "iam/rolePolicy:RolePolicy",
        "*secrets-store*",
        lambda inputs: inputs.update(
            policy=reveal(inputs["policy"]).replace("alias/retail/grand-bazar/training", "alias/retail/*")
        ),
        "allows kms:Decrypt on arn:aws:kms:",
    ),
    (
        "keys of any copy",
        "training",
        "iam/rolePolicy:RolePolicy",
        "*filestore-permission*",
        lambda inputs: inputs.update(
            policy=reveal(inputs["policy"]).replace(
                "arn:aws:s3:::grand-bazar-training-filestore-copy", "arn:aws:s3:::*"
            )
        ),
        "allows kms:Encrypt on arn:aws:kms:eu-west-1",
    ),
    (
        "a bucket for everybody",
        "training",
        "BucketPolicy",
        "*filestore-copy*",
        in_policy(Effect="Allow", Principal="*", Condition={}),
        "lets in *",
    ),
    # Accounts
    (
        "another's pods bound to a role",
        "training",
        "v1:RoleBinding",
        "*",
        set_at("subjects", [{"kind": "ServiceAccount", "name": "pos", "namespace": "outlet-production"}]),
        "binds outlet-production's pods",
    ),
    (
        "rights on all copies in the platform's namespace",
        "training",
        "v1:Role",
        "*shared-copy*",
        set_at("rules", 0, "resourceNames", []),
        "is about objects that are not its own",
    ),
    (
        "another's team let in",
        "training",
        "v1:RoleBinding",
        "*tenancy-application-team",
        set_at("subjects", [{"kind": "Group", "name": "outlet-production-application-team"}]),
        "lets in outlet-production-application-team",
    ),
    (
        "one team's role for two retailers",
        "training",
        "AccessEntry",
        "*",
        set_at("principalArn", "arn:aws:iam::111122223333:role/outlet-team"),
        "both have this name",
    ),
    # The namespace that all switches of freezes are in
    (
        "more than a switch among the switches",
        "outlet",
        "v1:PodMonitor",
        "*",
        set_at("metadata", "namespace", "change-control"),
        "stands in platform's namespace",
    ),
    (
        "a switch under a name of nobody",
        "outlet",
        "v1:ConfigMap",
        "*freeze-state-parameter",
        set_at("metadata", "name", "state"),
        "stands in platform's namespace",
    ),
    (
        "a switch of another's freeze",
        "outlet",
        "v1:Role",
        "*freeze-own-role",
        set_at("rules", 0, "resourceNames", ["grand-bazar-training"]),
        "is about objects that are not its own",
    ),
    (
        "a platform's switch of all freezes",
        "platform",
        "v1:Role",
        "*freeze-own-role",
        set_at("rules", 0, "resourceNames", []),
        "is about objects that are not its own",
    ),
    (
        "a switch with a role of the whole namespace",
        "outlet",
        "v1:RoleBinding",
        "*freeze-own-binding",
        set_at("roleRef", {"apiGroup": "rbac.authorization.k8s.io", "kind": "ClusterRole", "name": "edit"}),
        "binds a role that is not its own",
    ),
    (
        "any switch let in",
        "platform",
        "v1:RoleBinding",
        "*freeze-tenant-binding",
        set_at("subjects", 0, "name", "default"),
        "binds change-control's pods",
    ),
    (
        "a peer that means every switch",
        "outlet",
        "v1:NetworkPolicy",
        "*tier-pos",
        lambda inputs: inputs["spec"]["egress"][0].update(
            to=[{"namespaceSelector": {"matchLabels": {"kubernetes.io/metadata.name": "change-control"}}}]
        ),
        "means CronJob",
    ),
    (
        "a switch that runs anywhere",
        "training",
        "v1:CronJob",
        "*freeze-job",
        switch_tolerating_everything,
        "can land on pool outlet-web",
    ),
    (
        "an alert about every switch",
        "platform",
        "v1:PrometheusRule",
        "*",
        set_at("spec", "groups", 0, "rules", 0, "expr", 'time() - switched{namespace="change-control"} > 1'),
        "asks Prometheus about every namespace",
    ),
    (
        "a role for everybody's switches",
        "platform",
        "PodIdentityAssociation",
        "*",
        set_at("namespace", "change-control"),
        "gives a role to pods of namespace change-control",
    ),
    # Nodes
    (
        "a pod that tolerates every taint",
        "training",
        "v1:Deployment",
        "*odoo-pos*",
        tolerating_everything,
        "can land on pool outlet-web",
    ),
    (
        "nodes without a taint",
        "outlet",
        "v1:NodePool",
        "*web*",
        lambda inputs: (
            set_at("spec", "template", "spec", "taints", [])(inputs),
            set_at("spec", "template", "metadata", "labels", {"retail/pool": "web", "retail/tenant": "platform"})(
                inputs
            ),
        )[0],
        "can land on pool outlet-web",
    ),
    # Databases
    (
        "a platform's database that lets everybody in everywhere",
        "platform",
        "v1:Cluster",
        "*",
        set_at("spec", "postgresql", "pg_hba", []),
        "role grand_bazar_training gets into database platform_production",
    ),
    (
        "the platform's own database",
        "training",
        "v1:Database",
        "*",
        set_at("spec", "name", "platform_production"),
        "both have that database or role",
    ),
    (
        "Odoo that serves any database",
        "training",
        "v1:ExternalSecret",
        "*odoo-pos*",
        lambda inputs: inputs["spec"]["target"]["template"]["data"].update(
            {"odoo.conf": "[options]\ndb_name = grand_bazar_training\ndbfilter = .*\n"}
        ),
        "Odoo serves database",
    ),
    (
        "an archive in another's bucket",
        "platform",
        "v1:ObjectStore",
        "*",
        set_at(
            "spec", "configuration", "destinationPath", "s3://outlet-production-backups-111122223333-eu-central-1/x"
        ),
        "not a bucket of its own",
    ),
]


@pytest.mark.parametrize(
    ("stack", "type_end", "name", "edit", "message"),
    [pytest.param(*case[1:], id=case[0]) for case in SEEDED],
)
def test_a_seeded_leak_is_found(
    shipped: list[Evaluation], stack: str, type_end: str, name: str, edit: Edit, message: str
) -> None:
    found = leaks(shipped, stack, type_end, edit, name)
    assert [leak for leak in found if message in leak], found or "the proof found nothing"


def test_both_sides_open_are_a_connection(shipped: list[Evaluation]) -> None:
    """One side by labels, the other by addresses: no selector names the other's pods, and yet they meet."""

    def let_in(inputs: dict[str, Any]) -> None:
        inputs["spec"]["ingress"] = [{"from": [{"ipBlock": {"cidr": "10.40.0.0/16"}}], "ports": [{"port": 8069}]}]

    def let_out(inputs: dict[str, Any]) -> None:
        inputs["spec"]["egress"].append({"to": [{"ipBlock": {"cidr": "10.40.0.0/17"}}], "ports": [{"port": 8069}]})

    resources = {evaluation.stack: dict(evaluation.resources) for evaluation in shipped}
    for stack, edit in (("outlet", let_in), ("training", let_out)):
        (urn,) = (urn for urn, each in resources[stack].items() if each.name.endswith("tenancy-tier-pos"))
        resource = resources[stack][urn]
        resources[stack][urn] = dataclasses.replace(resource, inputs=copy.deepcopy(resource.inputs))
        edit(resources[stack][urn].inputs)
    changed = [dataclasses.replace(each, resources=resources[each.stack]) for each in shipped]
    (leak,) = prove_isolation(changed).leaks
    assert "can connect to Deployment pos, port 8069" in leak.message
    assert (leak.tenant, leak.other) == ("training", "outlet")


def test_two_stacks_of_the_same_name_collide(shipped: list[Evaluation]) -> None:
    twin = dataclasses.replace(shipped[STACKS.index("outlet")], stack="twin")
    found = [str(leak) for leak in prove_isolation([*shipped, twin]).leaks]
    for what in ("Namespace outlet-production", "s3/bucket:Bucket outlet-production-filestore", "host shop.outlet"):
        assert [leak for leak in found if what in leak and "both have this name" in leak], what


@pytest.mark.parametrize(
    ("rules", "admitted"),
    [
        (["hostssl sameuser,postgres all all scram-sha-256", "host all all all reject"], False),
        (["hostssl sameuser all all scram-sha-256"], True),  # CloudNativePG's own rule follows
        (["host all other all scram-sha-256", "host all all all reject"], False),
        (["host theirs mine all scram-sha-256", "host all all all reject"], True),
        (["local all all peer", "host all all all reject"], False),
    ],
)
def test_pg_hba_is_read_as_postgresql_does(rules: list[str], admitted: bool) -> None:
    assert admits(rules, "mine", "theirs") is admitted


def test_every_store_can_be_read_by_its_clusters_operator(shipped: list[Evaluation]) -> None:
    """The operator may take on roles of a certain name only: a store with another one would never read anything."""
    allowed = {
        evaluation.stack: json.loads(reveal(each.inputs["policy"]))["Statement"][0]["Resource"]
        for evaluation in shipped
        for each in evaluation.resources.values()
        if each.type.endswith("RolePolicy") and "role/*" in str(reveal(each.inputs["policy"]))
    }
    for evaluation in shipped:
        host = next((each.stack for each in evaluation.references.values()), evaluation.stack)
        roles = [
            item.manifest["spec"]["provider"]["aws"]["role"]
            for item in kubernetes_objects(evaluation)
            if item.kind == "SecretStore"
        ]
        assert bool(roles) == (evaluation.stack != "platform")
        assert all(fnmatch(role, allowed[host]) for role in roles)
