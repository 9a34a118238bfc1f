"""Packs as small as a test needs, and a program for them."""

from collections.abc import Callable
from pathlib import Path

import pytest

from rehearsal.engine.model import Evaluation, Resource

MakePack = Callable[[str], Path]

TYPE = "kubernetes:core/v1:ConfigMap"


@pytest.fixture
def pack_of(tmp_path: Path) -> MakePack:
    """Writes a pack with one resource policy and one stack policy, whose bodies are what the test gives."""

    def make(body: str) -> Path:
        folder = tmp_path / "policies"
        folder.mkdir()
        (folder / "PulumiPolicy.yaml").write_text("runtime: python\nversion: 0.0.1\n")
        (folder / "__main__.py").write_text(body)
        return folder

    return make


def program(*names: str) -> Evaluation:
    resources = {
        f"urn:pulumi:test::odoo-retail::{TYPE}::{name}": Resource(
            f"urn:pulumi:test::odoo-retail::{TYPE}::{name}", TYPE, name, "", True, {"data": {"key": name}}, {}
        )
        for name in names
    }
    return Evaluation("odoo-retail", "test", True, {}, frozenset(), resources, {}, {})
