"""Every way into the cluster names who answers for it and by when it is to be looked at again."""

from datetime import date

from rehearsal.engine.kubernetes_objects import KubernetesObject
from rehearsal.engine.model import Evaluation, reveal

GRANTS = ("RoleBinding", "ClusterRoleBinding")


def test_every_binding_has_an_owner_and_a_review_date(objects: list[KubernetesObject]) -> None:
    bindings = [reveal(item.manifest) for item in objects if item.kind in GRANTS]
    assert bindings
    for binding in bindings:
        annotations = binding["metadata"].get("annotations", {})
        assert annotations.get("retail/owner"), binding["metadata"]["name"]
        assert date.fromisoformat(annotations["retail/review-due"])


def test_every_access_entry_has_an_owner_and_a_review_date(deployed: Evaluation) -> None:
    entries = [each for each in deployed.resources.values() if each.type == "aws:eks/accessEntry:AccessEntry"]
    assert entries
    for entry in entries:
        assert entry.inputs["tags"]["owner"] == entry.inputs["principalArn"].rpartition("/")[2]
        assert date.fromisoformat(entry.inputs["tags"]["review-due"])


def test_only_operators_are_bound_to_the_whole_cluster(objects: list[KubernetesObject]) -> None:
    """People are bound in namespaces; break-glass nowhere."""
    for item in objects:
        if item.kind in GRANTS:
            subjects = reveal(item.manifest)["subjects"]
            assert "break-glass" not in [subject["name"] for subject in subjects]
            if item.kind == "ClusterRoleBinding":
                assert {subject["kind"] for subject in subjects} == {"ServiceAccount"}
