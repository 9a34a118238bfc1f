"""ExternalSecrets: what the operator makes of them."""

from typing import Any

from components.external_secret import external_secret
from rehearsal.engine.kubernetes_objects import kubernetes_objects


def manifest(run_component: Any, **options: Any) -> dict[str, Any]:
    def build(opts: Any, _backup: Any) -> None:
        external_secret(
            "odoo-pos",
            "acme-production",
            labels={"retail/tenant": "acme"},
            data=[("password", "retail/acme/production/database-app", "password")],
            opts=opts,
            **options,
        )

    (found,) = kubernetes_objects(run_component(build))
    return found.manifest


def test_the_secret_has_the_name_and_labels_of_the_external_secret(run_component: Any) -> None:
    made = manifest(run_component)
    target = made["spec"]["target"]
    assert (made["metadata"]["name"], target["name"]) == ("odoo-pos", "odoo-pos")
    assert target["template"]["metadata"]["labels"] == {"retail/tenant": "acme"}
    assert made["spec"]["data"] == [
        {
            "secretKey": "password",
            "remoteRef": {"key": "retail/acme/production/database-app", "property": "password"},
        }
    ]


def test_without_a_template_the_secret_holds_what_was_fetched(run_component: Any) -> None:
    assert "data" not in manifest(run_component)["spec"]["target"]["template"]


def test_a_template_replaces_what_was_fetched(run_component: Any) -> None:
    template = manifest(run_component, template={"odoo.conf": "db_password = {{ .password }}"})["spec"]["target"][
        "template"
    ]
    assert template["data"] == {"odoo.conf": "db_password = {{ .password }}"}
    assert template["mergePolicy"] == "Replace"


def test_type_and_store_can_be_chosen(run_component: Any) -> None:
    spec = manifest(run_component, secret_type="kubernetes.io/basic-auth", store="acme-database")["spec"]
    assert spec["target"]["template"]["type"] == "kubernetes.io/basic-auth"
    assert spec["secretStoreRef"] == {"kind": "SecretStore", "name": "acme-database"}
