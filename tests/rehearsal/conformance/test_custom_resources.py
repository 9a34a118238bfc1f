"""Custom resources against CRDs: the fetched ones, our subset, and full ones handed in."""

import copy
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
import yaml

from rehearsal.conformance.custom_resources import SUBSET, CelRuleCount, CustomResourceCheck, Definitions
from rehearsal.conformance.model import Mismatch, Outcome
from rehearsal.crds.catalogue import own_crds
from rehearsal.errors import UserError

OutcomeOf = Callable[..., Outcome]
FindingOf = Callable[..., Mismatch]

MIDDLEWARE = "kubernetes:traefik.io/v1alpha1:Middleware"
DATABASE = "kubernetes:postgresql.cnpg.io/v1:Database"


def middleware(**spec: Any) -> dict[str, Any]:
    return {"apiVersion": "traefik.io/v1alpha1", "kind": "Middleware", "metadata": {"name": "a"}, "spec": spec}


def database(**spec: Any) -> dict[str, Any]:
    given = {"cluster": {"name": "db"}, "name": "odoo", "owner": "odoo"} | spec
    return {"apiVersion": "postgresql.cnpg.io/v1", "kind": "Database", "metadata": {"name": "a"}, "spec": given}


@pytest.fixture(scope="module")
def definitions() -> Definitions:
    return Definitions()


def test_an_unknown_field_is_found(outcome_of: OutcomeOf, finding_of: FindingOf, definitions: Definitions) -> None:
    check = CustomResourceCheck(definitions)
    assert not outcome_of(check, (MIDDLEWARE, middleware(inFlightReq={"amount": 20}))).findings
    finding = finding_of(check, (MIDDLEWARE, middleware(inFlightReqs={"amount": 20})))
    assert (finding.property, "inFlightReq?" in finding.given) == ("spec", True)


def test_a_wrong_type_is_found(finding_of: FindingOf, definitions: Definitions) -> None:
    finding = finding_of(CustomResourceCheck(definitions), (MIDDLEWARE, middleware(inFlightReq={"amount": "20"})))
    assert finding.property == "spec.inFlightReq.amount"


def test_a_kind_without_crd_is_found(finding_of: FindingOf, definitions: Definitions) -> None:
    inputs = middleware() | {"kind": "Middlewear"}
    finding = finding_of(CustomResourceCheck(definitions), ("kubernetes:traefik.io/v1alpha1:Middlewear", inputs))
    assert finding.given == "Middlewear of traefik.io/v1alpha1"


def test_objects_of_kubernetes_own_kinds_are_not_its_business(outcome_of: OutcomeOf, definitions: Definitions) -> None:
    config = {"metadata": {"name": "a"}, "data": {"a": 5}}
    assert outcome_of(CustomResourceCheck(definitions), ("kubernetes:core/v1:ConfigMap", config)).total == 0


def test_the_subset_is_held_and_not_counted(
    outcome_of: OutcomeOf, finding_of: FindingOf, definitions: Definitions
) -> None:
    check = CustomResourceCheck(definitions)
    outcome = outcome_of(check, (DATABASE, database()))
    assert (outcome.checked, outcome.unchecked[SUBSET], outcome.findings) == (0, 1, [])
    assert finding_of(check, (DATABASE, database(reclaim="retain"))).property == "spec"


def test_full_crds_come_before_the_subset(outcome_of: OutcomeOf, tmp_path: Path) -> None:
    (crd,) = [copy.deepcopy(each) for each in own_crds() if each["spec"]["names"]["kind"] == "Database"]
    fields = crd["spec"]["versions"][0]["schema"]["openAPIV3Schema"]["properties"]["spec"]["properties"]
    fields["newField"] = {"type": "string"}
    (tmp_path / "databases.yaml").write_text(yaml.safe_dump(crd))
    outcome = outcome_of(CustomResourceCheck(Definitions(tmp_path)), (DATABASE, database(newField="x")))
    assert (outcome.checked, outcome.total, outcome.findings) == (1, 1, [])


def test_a_folder_without_crds_is_refused(tmp_path: Path) -> None:
    with pytest.raises(UserError, match="--crds: no CustomResourceDefinitions"):
        Definitions(tmp_path)


def test_cel_rules_that_apply_are_counted_and_never_as_checked(outcome_of: OutcomeOf, definitions: Definitions) -> None:
    pool = {
        "apiVersion": "karpenter.sh/v1",
        "kind": "NodePool",
        "metadata": {"name": "web"},
        "spec": {"template": {"spec": {"requirements": [{"key": "a", "operator": "In", "values": ["b"]}]}}},
    }
    token = "kubernetes:karpenter.sh/v1:NodePool"
    one = outcome_of(CelRuleCount(definitions), (token, pool))
    assert one.checked == 0 < one.total
    two = copy.deepcopy(pool)
    two["spec"]["template"]["spec"]["requirements"] *= 2  # type: ignore[index]  # a literal, typed by its outermost level
    more = outcome_of(CelRuleCount(definitions), (token, two))
    assert more.total > one.total
