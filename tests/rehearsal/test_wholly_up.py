from pathlib import Path

import pytest

from rehearsal.cluster.state import Entry, open_state
from rehearsal.engine.model import Evaluation, Resource
from rehearsal.progress import QuietProgress
from rehearsal.session import wholly_up

QUIET = QuietProgress()


def config_map(name: str) -> Resource:
    metadata = {"name": name, "namespace": "default"}
    inputs = {"apiVersion": "v1", "kind": "ConfigMap", "metadata": metadata}
    return Resource(f"urn:{name}", "kubernetes:core/v1:ConfigMap", name, "", True, inputs, {}, id=name)


def entry(name: str) -> Entry:
    return Entry(
        type="kubernetes:core/v1:ConfigMap",
        name=name,
        api_version="v1",
        kind="ConfigMap",
        namespace="default",
        uid=name,
        hash="",
        protect=False,
        retain_on_delete=False,
        wave=0,
    )


def test_a_platform_whose_up_was_interrupted_is_not_taken_for_whole(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("REHEARSAL_HOME", str(tmp_path))
    resources = {resource.urn: resource for resource in map(config_map, ("first", "second"))}
    platform = Evaluation("odoo-retail", "platform", False, {}, frozenset(), resources, {}, {})
    assert not wholly_up(platform, QUIET)
    for name, whole in (("first", False), ("second", True)):
        with open_state(tmp_path / "platform", "platform", QUIET) as state:
            state.record({f"urn:{name}": entry(name)})
        assert wholly_up(platform, QUIET) is whole
