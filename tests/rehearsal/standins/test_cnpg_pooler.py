from typing import Any

import kubernetes_validate

from rehearsal.standins.cnpg_pooler import Poolers, deployment, pod_spec, service
from rehearsal.standins.stand_in import Apply
from rehearsal.standins.world import World
from retail import versions

CLUSTER = {
    "apiVersion": "postgresql.cnpg.io/v1",
    "kind": "Cluster",
    "metadata": {"name": "pg", "namespace": "shop", "uid": "c"},
    "spec": {},
}
RESOURCES = {"requests": {"cpu": "100m", "memory": "128Mi"}}


def pooler(**spec: Any) -> dict[str, Any]:
    template = {
        "metadata": {"labels": {"retail/tier": "pooler"}},
        "spec": {
            "containers": [{"name": "pgbouncer", "resources": RESOURCES}],
            "topologySpreadConstraints": [{"maxSkew": 1, "topologyKey": "z", "whenUnsatisfiable": "DoNotSchedule"}],
        },
    }
    return {
        "apiVersion": "postgresql.cnpg.io/v1",
        "kind": "Pooler",
        "metadata": {"name": "pg-pooler", "namespace": "shop", "uid": "p"},
        "spec": {"cluster": {"name": "pg"}, "instances": 3, "pgbouncer": {}, "template": template, **spec},
    }


def test_the_deployment_is_the_template_completed() -> None:
    made = deployment(pooler())
    kubernetes_validate.validate(made, versions.KUBERNETES, strict=True)
    assert made["spec"]["replicas"] == 3
    pod = made["spec"]["template"]
    assert pod["metadata"]["labels"]["cnpg.io/poolerName"] == "pg-pooler"
    assert pod["metadata"]["labels"]["retail/tier"] == "pooler"
    assert made["spec"]["selector"]["matchLabels"].items() <= pod["metadata"]["labels"].items()
    (container,) = pod["spec"]["containers"]
    assert container["resources"] == RESOURCES
    assert {"name": "pgbouncer", "containerPort": 5432, "protocol": "TCP"} in container["ports"]
    assert pod["spec"]["topologySpreadConstraints"]
    assert pod["spec"]["securityContext"]["runAsNonRoot"]
    assert container["securityContext"]["capabilities"] == {"drop": ["ALL"]}


def test_what_the_template_says_is_kept() -> None:
    own = {"name": "pgbouncer", "image": "mine", "securityContext": {"runAsUser": 5}}
    extra = {"name": "exporter", "image": "x"}
    spec = pod_spec(pooler(template={"spec": {"containers": [extra, own], "securityContext": {"runAsUser": 6}}}))
    assert [container["name"] for container in spec["containers"]] == ["pgbouncer", "exporter"]
    assert spec["containers"][0]["image"] == "mine"
    assert spec["containers"][0]["securityContext"] == {"runAsUser": 5}
    assert spec["securityContext"] == {"runAsUser": 6}


def test_without_a_template_there_is_still_a_pod() -> None:
    bare = pooler()
    del bare["spec"]["template"]
    kubernetes_validate.validate(deployment(bare), versions.KUBERNETES, strict=True)


def test_the_service_selects_the_poolers_pods() -> None:
    made = service(pooler(serviceTemplate={"metadata": {"labels": {"a": "b"}}, "spec": {"type": "ClusterIP"}}))
    kubernetes_validate.validate(made, versions.KUBERNETES, strict=True)
    assert made["spec"]["selector"] == {"cnpg.io/poolerName": "pg-pooler"}
    assert made["spec"]["ports"][0]["port"] == 5432
    assert made["metadata"]["labels"]["a"] == "b"


def test_it_waits_for_its_cluster_and_makes_no_disruption_budget() -> None:
    assert list(Poolers().plan(World.of([pooler()]))) == []
    made = [action.key[1] for action in Poolers().plan(World.of([pooler(), CLUSTER]))]
    assert made == ["Deployment", "Service", "ServiceAccount"]


def test_it_reports_the_deployments_pods() -> None:
    running = {**deployment(pooler()), "status": {"replicas": 2}}
    actions = list(Poolers().plan(World.of([pooler(), CLUSTER, running])))
    (said,) = [action for action in actions if isinstance(action, Apply) and action.subresource == "status"]
    assert said.manifest["status"] == {"instances": 2}
