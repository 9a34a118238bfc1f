"""Of every shipped stack: each password is rotated, reaches what reads it, and can be had back in the other region."""

import fnmatch
import itertools
import json
from datetime import date, datetime, timedelta
from typing import Any

from rehearsal.engine.kubernetes_objects import KubernetesObject
from rehearsal.engine.model import Evaluation, Resource, reveal

SECRET, STORE_ROLE = "aws:secretsmanager/secret:Secret", "external-secrets"
USERS_OWN = "/smtp"
"""The mail relay's password is the user's to change."""

WORKLOADS = ("Deployment", "StatefulSet", "DaemonSet")


def secrets(deployed: Evaluation) -> dict[str, Resource]:
    return {each.inputs["name"]: each for each in deployed.resources.values() if each.type == SECRET}


def rotation(deployed: Evaluation) -> Resource | None:
    found = [each for each in deployed.resources.values() if each.type == "retail:security:Rotation"]
    return found[0] if found else None


def plan(objects: list[KubernetesObject]) -> dict[str, Any]:
    (files,) = [each for each in objects if (each.kind, each.name) == ("ConfigMap", "rotation")]
    parsed: dict[str, Any] = json.loads(reveal(files.manifest)["data"]["plan.json"])
    return parsed


def copies(objects: list[KubernetesObject]) -> list[dict[str, Any]]:
    return [reveal(each.manifest) for each in objects if each.kind == "ExternalSecret"]


def reads(copy: dict[str, Any]) -> set[str]:
    return {entry["remoteRef"]["key"] for entry in copy["spec"]["data"]}


def test_every_password_is_rotated(deployed: Evaluation, objects: list[KubernetesObject]) -> None:
    kept = {name for name in secrets(deployed) if not name.endswith(USERS_OWN)}
    if not kept:
        assert deployed.config["odoo-retail:hosting"] == "platform"  # nobody logs in to anything of a platform's own
        return
    given = plan(objects)
    rotated = {given["login"], *given["slots"], *given["readers"], given["admin"], given["store"]}
    assert rotated == kept


def test_no_rotation_in_a_freeze_and_none_after_more_than_90_days(deployed: Evaluation) -> None:
    found = rotation(deployed)
    if found is None:
        return
    assert found.inputs["timeZone"] == deployed.config["odoo-retail:time-zone"]
    _, hour, days, months, _ = found.inputs["schedule"].split()
    every = (date(2027, 1, 1) + timedelta(days=number) for number in range(3 * 366))
    runs = [
        day
        for day in every
        if str(day.day) in days.split(",") and (months == "*" or str(day.month) in months.split(","))
    ]
    assert max((later - earlier).days for earlier, later in itertools.pairwise(runs)) <= 90
    for freeze in json.loads(deployed.config["odoo-retail:freezes"]):
        start, end = (datetime.fromisoformat(freeze[edge]) for edge in ("start", "end"))
        for run, years in itertools.product(runs, range(5)):
            moment = datetime(run.year, run.month, run.day, int(hour))
            moved = (start.replace(year=start.year + years), end.replace(year=end.year + years))
            assert not moved[0] <= moment < moved[1]
        eve = max(run for run in runs if run <= start.replace(year=2028).date())
        assert (start.replace(year=2028).date() - eve).days <= 7


def test_a_rotation_finds_every_copy_of_what_it_replaces(deployed: Evaluation, objects: list[KubernetesObject]) -> None:
    own = set(secrets(deployed))
    if not own:
        return
    given = plan(objects)
    namespace = given["copies"].split("/")[-2]
    for copy in copies(objects):
        if reads(copy) & own and copy["metadata"]["namespace"] != namespace:
            assert any(path.endswith(f"/{copy['metadata']['name']}") for path in given["elsewhere"])
            assert reads(copy) == {given["login"]}


def test_what_reads_a_rotated_password_is_restarted(objects: list[KubernetesObject]) -> None:
    """Pods of CloudNativePG are not: the operator takes the password up itself (its label). Jobs read it anew."""
    made = {(copy["metadata"]["namespace"], copy["spec"]["target"]["name"]) for copy in copies(objects)}
    for item in objects:
        if item.kind not in WORKLOADS:
            continue
        manifest = reveal(item.manifest)
        text = json.dumps(manifest["spec"]["template"]["spec"], default=str)
        named = {name for namespace, name in made if namespace == item.namespace and f'"{name}"' in text}
        mounted = _mounted(manifest["spec"]["template"]["spec"])
        assert named >= mounted & {name for _, name in made}
        reloaded = manifest["metadata"].get("annotations", {}).get("secret.reloader.stakater.com/reload", "")
        assert mounted & {name for _, name in made} <= set(reloaded.split(",")), item.name


def _mounted(pod: dict[str, Any]) -> set[str]:
    """Names of the Secrets that a pod mounts or has in its environment."""
    found = {volume["secret"]["secretName"] for volume in pod.get("volumes", []) if "secret" in volume}
    for container in [*pod.get("initContainers", []), *pod["containers"]]:
        for variable in container.get("env", []):
            if reference := variable.get("valueFrom", {}).get("secretKeyRef"):
                found.add(reference["name"])
        found |= {each["secretRef"]["name"] for each in container.get("envFrom", []) if "secretRef" in each}
    return found


def test_a_replaced_password_reaches_postgresql(objects: list[KubernetesObject]) -> None:
    labelled = {
        copy["metadata"]["name"]: copy["spec"]["target"]["template"]["metadata"]["labels"].get("cnpg.io/reload")
        for copy in copies(objects)
    }
    wanted = {
        role["passwordSecret"]["name"]
        for item in objects
        if item.kind == "Cluster"
        for role in reveal(item.manifest)["spec"].get("managed", {}).get("roles", [])
        if "passwordSecret" in role
    } | {reveal(item.manifest)["spec"]["passwordSecret"]["name"] for item in objects if item.kind == "DatabaseRole"}
    assert {name for name in wanted if labelled.get(name) != "true"} == set()


def test_every_secret_can_be_had_back_in_the_recovery_region(
    deployed: Evaluation, objects: list[KubernetesObject]
) -> None:
    """Backups hold no Secrets: what every ExternalSecret copies is in Secrets Manager, with a replica under the replica
    of the retailer's key. The rest of a namespace is in the program."""
    region = deployed.config["odoo-retail:recovery-region"]
    (key,) = [each for each in deployed.resources.values() if each.type == "aws:kms/replicaKey:ReplicaKey"]
    for name, secret in secrets(deployed).items():
        assert secret.inputs["replicas"] == [{"region": region, "kmsKeyId": key.outputs["arn"]}], name
    assert {key for copy in copies(objects) for key in reads(copy)} <= set(secrets(deployed))
    assert not [item.name for item in objects if item.kind == "Secret"]


def test_the_operator_may_take_on_the_role_of_every_store(
    evaluate_once: Any, deployed: Evaluation, objects: list[KubernetesObject]
) -> None:
    platform = deployed.config["odoo-retail:platform-stack"].rpartition("/")[2]
    owner = evaluate_once(platform) if platform else deployed
    allowed = [
        statement["Resource"]
        for each in owner.resources.values()
        if each.type == "aws:iam/rolePolicy:RolePolicy" and "external-secrets" in each.name
        for statement in json.loads(reveal(each.inputs["policy"]))["Statement"]
        if "sts:AssumeRole" in statement["Action"]
    ]
    stores = [
        reveal(item.manifest)["spec"]["provider"]["aws"]["role"] for item in objects if item.kind == "SecretStore"
    ]
    for role in stores:
        assert any(fnmatch.fnmatchcase(role, pattern) for pattern in allowed), role
