import copy
from pathlib import Path
from typing import Any

import pytest
import yaml

from rehearsal.crds.catalogue import CNPG_DIR, own_crds
from rehearsal.crds.compare import differences, main


def spec_of(crds: list[dict[str, Any]], kind: str) -> dict[str, Any]:
    crd = next(crd for crd in crds if crd["spec"]["names"]["kind"] == kind)
    schema: dict[str, Any] = crd["spec"]["versions"][0]["schema"]["openAPIV3Schema"]["properties"]["spec"]
    return schema


@pytest.fixture
def full() -> list[dict[str, Any]]:
    """A stand-in for the operator's own: ours, with a field more."""
    crds = copy.deepcopy(own_crds())
    spec_of(crds, "Cluster")["properties"]["ldap"] = {"type": "string"}
    return crds


def test_a_part_of_the_full_schemas_has_no_differences(full: list[dict[str, Any]]) -> None:
    assert differences(own_crds(), full) == []


def test_a_field_that_does_not_exist(full: list[dict[str, Any]]) -> None:
    del spec_of(full, "Pooler")["properties"]["type"]
    assert differences(own_crds(), full) == ["Pooler.spec.type: does not exist"]


def test_a_wider_type(full: list[dict[str, Any]]) -> None:
    spec_of(full, "Cluster")["properties"]["instances"]["minimum"] = 3
    assert differences(own_crds(), full) == ["Cluster.spec.instances: minimum is 1, really 3"]


def test_an_enum_in_another_order_is_the_same_one(full: list[dict[str, Any]]) -> None:
    spec_of(full, "Cluster")["properties"]["primaryUpdateMethod"]["enum"].reverse()
    assert differences(own_crds(), full) == []
    spec_of(full, "Cluster")["properties"]["primaryUpdateMethod"]["enum"].append("never")
    assert len(differences(own_crds(), full)) == 1


def test_required_both_ways(full: list[dict[str, Any]]) -> None:
    spec_of(full, "ScheduledBackup")["required"] = ["cluster", "method"]
    assert differences(own_crds(), full) == [
        "ScheduledBackup.spec.schedule: required, really optional",
        "ScheduledBackup.spec.method: optional or missing, really required",
    ]


def test_rules_are_compared(full: list[dict[str, Any]]) -> None:
    del spec_of(full, "Cluster")["x-kubernetes-validations"]
    assert "has a rule that is not really there" in differences(own_crds(), full)[0]


def test_a_missing_kind(full: list[dict[str, Any]]) -> None:
    found = differences(own_crds(), [crd for crd in full if crd["spec"]["names"]["kind"] != "Backup"])
    assert found == ["Backup: not among the full ones"]


def test_the_command(full: list[dict[str, Any]], tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    assert main(str(CNPG_DIR)) == 0
    assert "0 differences" in capsys.readouterr().out
    spec_of(full, "Cluster")["required"].append("storage")
    (tmp_path / "all.yaml").write_text(yaml.safe_dump_all(full))
    assert main(str(tmp_path)) == 1
    assert "Cluster.spec.storage: optional or missing, really required" in capsys.readouterr().out


def test_a_folder_without_crds_is_the_users_mistake(tmp_path: Path) -> None:
    assert main(str(tmp_path)) == 2
    assert main(str(tmp_path / "nowhere")) == 2
