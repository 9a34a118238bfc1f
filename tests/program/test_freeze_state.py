"""Of every shipped stack: a freeze's parameter is there as long as anything that it is asked about."""

from rehearsal.cluster.order import order
from rehearsal.engine.kubernetes_objects import KubernetesObject
from rehearsal.engine.model import Evaluation


def test_the_parameter_outlives_what_it_is_asked_about(deployed: Evaluation, objects: list[KubernetesObject]) -> None:
    """A missing parameter denies whatever is done in the namespace, and for a second after the binding is gone too:
    what the API server decides with are copies. Deletion goes the way of creation backwards."""
    (binding,) = [each for each in objects if each.urn.endswith("-freeze-binding")]
    tenant = binding.manifest["spec"]["paramRef"]["name"]
    (state,) = [each.urn for each in objects if each.kind == "ConfigMap" and each.name == tenant]
    needs = order(deployed, objects).needs
    asked_about = [each.urn for each in objects if each.namespace == tenant]
    assert len(asked_about) > 20
    assert [urn for urn in [binding.urn, *asked_about] if state not in needs[urn]] == []


def test_pulumi_says_nothing_of_what_the_switch_writes(objects: list[KubernetesObject]) -> None:
    """Whatever it said would come back with every deployment."""
    (state,) = [each for each in objects if "freeze-state" in each.urn]
    assert "data" not in state.manifest
