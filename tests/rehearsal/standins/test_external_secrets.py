import base64
from typing import Any

import pytest

from rehearsal.standins.external_secrets import ExternalSecrets, render, target
from rehearsal.standins.generated import Generator
from rehearsal.standins.stand_in import Apply
from rehearsal.standins.world import World

GENERATOR = Generator(b"seed")
ODOO_CONF = """[options]
db_password = {{ .password }}
admin_passwd = {{ .admin | toString }}
{{- if .debug }}
"""


def external(name: str = "odoo", **spec: Any) -> dict[str, Any]:
    data = [
        {"secretKey": "password", "remoteRef": {"key": "retail/shop/db", "property": "password"}},
        {"secretKey": "admin", "remoteRef": {"key": "retail/shop/admin"}},
    ]
    return {
        "apiVersion": "external-secrets.io/v1",
        "kind": "ExternalSecret",
        "metadata": {"name": name, "namespace": "shop", "uid": name},
        "spec": {"secretStoreRef": {"name": "aws"}, "data": data, **spec},
    }


def values(item: dict[str, Any], generator: Generator = GENERATOR) -> dict[str, str]:
    return {key: base64.b64decode(value).decode() for key, value in target(item, generator)["data"].items()}


def test_every_key_gets_a_value_of_its_own() -> None:
    found = values(external())
    assert found.keys() == {"password", "admin"}
    assert found["password"] != found["admin"]
    assert min(map(len, found.values())) >= 32


def test_the_same_remote_key_is_the_same_everywhere_and_on_every_plane_another() -> None:
    assert values(external())["password"] == values(external("other"))["password"]
    assert values(external())["password"] != values(external(), Generator(b"another plane"))["password"]


def test_a_template_keeps_its_structure_and_replaces_the_keys() -> None:
    template = {
        "type": "Opaque",
        "metadata": {"labels": {"retail/tier": "web"}, "annotations": {"a": "b"}},
        "data": {"odoo.conf": ODOO_CONF},
    }
    item = external(target={"name": "odoo-conf", "template": template})
    plain = values(external())
    rendered = f"[options]\ndb_password = {plain['password']}\nadmin_passwd = {plain['admin']}\n\n"
    assert values(item) == {"odoo.conf": rendered}
    metadata = target(item, GENERATOR)["metadata"]
    assert metadata["name"] == "odoo-conf"
    assert metadata["labels"] == {"retail/tier": "web", "retail/stand-in": "external-secrets"}
    assert metadata["annotations"] == {"a": "b"}


def test_a_template_that_merges_keeps_the_keys() -> None:
    template = {"mergePolicy": "Merge", "data": {"url": "redis://:{{ .password }}@host"}}
    assert values(external(target={"template": template})).keys() == {"password", "admin", "url"}


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("{{ .x }}", "va lue"),
        ("{{.x}}", "va lue"),
        ("{{- .x -}}", "va lue"),
        ("a{{ .x }}b{{ .x }}", "ava luebva lue"),
        ("{{ .x | quote }}", '"va lue"'),
        ("{{ quote .x }}", '"va lue"'),
        ("{{ .x | b64enc }}", "dmEgbHVl"),
        ("{{ .x | upper | quote }}", '"VA LUE"'),
        ('{{ .x | default "y" }}', "va lue"),
        ('{{ index . "x" }}', "va lue"),
        ("{{ if .x }}yes{{ end }}", "yes"),
        ("{{ range .x }}{{ end }}", ""),
        ("no template", "no template"),
    ],
)
def test_rendering(text: str, expected: str) -> None:
    assert render(text, {"x": "va lue"}, GENERATOR) == expected


def test_a_name_only_the_store_knows_gets_a_value() -> None:
    item = external(
        data=[],
        dataFrom=[{"extract": {"key": "retail/shop/db"}}],
        target={"template": {"data": {"user": "{{ .username }}"}}},
    )
    assert len(values(item)["user"]) == 32


def test_first_the_secret_then_the_status_then_rest() -> None:
    stand_in, item = ExternalSecrets(GENERATOR), external()
    (made,) = stand_in.plan(World.of([item]))
    assert isinstance(made, Apply)
    assert made.manifest["kind"] == "Secret"
    (said,) = stand_in.plan(World.of([item, made.manifest]))
    assert isinstance(said, Apply)
    condition = said.manifest["status"]["conditions"][0]
    assert (condition["type"], condition["status"], condition["reason"]) == ("Ready", "True", "SecretSynced")
    item["status"] = said.manifest["status"]
    assert list(stand_in.plan(World.of([item, made.manifest]))) == []


def test_a_key_that_leaves_goes() -> None:
    before = target(external(), GENERATOR)
    item = external(data=external()["spec"]["data"][:1])
    (made,) = ExternalSecrets(GENERATOR).plan(World.of([item, before]))
    assert isinstance(made, Apply)
    assert made.manifest["data"].keys() == {"password"}


@pytest.mark.parametrize("kind", ["SecretStore", "ClusterSecretStore"])
def test_stores_are_ready(kind: str) -> None:
    store = {"apiVersion": "external-secrets.io/v1", "kind": kind, "metadata": {"name": "aws"}, "spec": {}}
    (said,) = ExternalSecrets(GENERATOR).plan(World.of([store]))
    assert isinstance(said, Apply)
    assert said.manifest["status"]["conditions"][0]["status"] == "True"
