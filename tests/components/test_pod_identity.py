"""Pod Identity: the role is one ServiceAccount's, in one namespace of one cluster."""

import json
from typing import Any

from components.pod_identity import PodIdentity, PodIdentityArgs


def test_only_the_named_service_account_gets_the_role(run_component: Any) -> None:
    given = PodIdentityArgs(
        role_name="acme-production-web",
        cluster_name="acme-production",
        namespace="acme-production",
        service_account="web",
        policy=json.dumps({"Version": "2012-10-17", "Statement": []}),
    )
    evaluation = run_component(lambda opts, _: PodIdentity("web", given, opts))
    by_kind = {r.type.rpartition(":")[2]: r for r in evaluation.resources.values()}
    (statement,) = json.loads(by_kind["Role"].inputs["assumeRolePolicy"])["Statement"]
    assert statement["Principal"] == {"Service": "pods.eks.amazonaws.com"}
    assert statement["Action"] == ["sts:AssumeRole", "sts:TagSession"]
    assert statement["Condition"]["StringEquals"] == {
        "aws:RequestTag/eks-cluster-name": "acme-production",
        "aws:RequestTag/kubernetes-namespace": "acme-production",
        "aws:RequestTag/kubernetes-service-account": "web",
    }
    association = by_kind["PodIdentityAssociation"]
    assert association.inputs["serviceAccount"] == "web"
    assert by_kind["RolePolicy"].urn in association.dependencies, "pods never start with a role that may do nothing"
