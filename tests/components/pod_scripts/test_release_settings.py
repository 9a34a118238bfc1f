"""The settings of a release, in an Odoo environment of plain objects that keep what is written."""

from typing import Any

import pytest

from components.pod_scripts.release_settings import state

WANTED = {
    "RELEASE_REPORT_URL": "http://backoffice:8069",
    "RELEASE_BASE_URL": "https://erp.acme.example",
    "RELEASE_FILESTORE": "filestore",
    "RELEASE_KEDA_ROLE": "acme_keda",
}


class Model:
    """Records as dictionaries; `search` understands domains of `=` and `!=`."""

    def __init__(self, *records: dict[str, Any]) -> None:
        self.records = list(records)
        self.forced = 0

    def sudo(self) -> "Model":
        return self

    def set_param(self, key: str, value: str) -> None:
        self.records.append({key: value})

    def search(self, domain: list[tuple[str, str, Any]]) -> "Model":
        found = [each for each in self.records if all((each.get(f) == v) == (op == "=") for f, op, v in domain)]
        return Model(*found)

    def __bool__(self) -> bool:
        return bool(self.records)

    def write(self, values: dict[str, Any]) -> None:
        for record in self.records:
            record.update(values)

    def create(self, values: dict[str, Any]) -> None:
        self.records.append(values)

    def force_storage(self) -> None:
        self.forced += 1


class Environment(dict[str, Model]):
    """`env`, and its cursor over a database with the roles given."""

    def __init__(self, *storages: dict[str, Any], roles: tuple[str, ...] = ("acme_keda",)) -> None:
        super().__init__({"ir.config_parameter": Model(), "ir.attachment": Model(), "fs.storage": Model(*storages)})
        self.roles = roles
        self.statements: list[str] = []
        self.answer: tuple[int] | None = None
        self.commits = 0

    @property
    def cr(self) -> "Environment":
        return self

    def execute(self, query: str, values: tuple[str, ...] = ()) -> None:
        if values:
            self.answer = (1,) if values[0] in self.roles else None
        else:
            self.statements.append(query)

    def fetchone(self) -> tuple[int] | None:
        return self.answer

    def commit(self) -> None:
        self.commits += 1


def test_settings_of_the_stack_are_stated() -> None:
    env = Environment()
    state(env, WANTED)
    parameters = {key: value for record in env["ir.config_parameter"].records for key, value in record.items()}
    assert parameters == {
        "report.url": "http://backoffice:8069",
        "web.base.url": "https://erp.acme.example",
        "web.base.url.freeze": "True",
    }
    assert env.commits == 1


@pytest.mark.parametrize("restored", [True, False], ids=["restored", "new"])
def test_attachments_go_to_the_filestore_and_assets_stay_in_the_database(restored: bool) -> None:
    former = [
        {"code": "filestore", "use_as_default_for_attachments": False},
        {"code": "old-cloud", "use_as_default_for_attachments": True},
    ]
    env = Environment(*(former if restored else []))
    state(env, WANTED)
    storages = {record["code"]: record for record in env["fs.storage"].records}
    assert [code for code, each in storages.items() if each["use_as_default_for_attachments"]] == ["filestore"]
    assert '"text/css": 0' in storages["filestore"]["force_db_for_default_attachment_rules"]
    assert env["ir.attachment"].forced == 0, "a restored database's attachments are where they were"


def test_a_fresh_databases_attachments_leave_the_pod_that_made_them() -> None:
    env = Environment()
    state(env, WANTED | {"RELEASE_INITIALISED": "1"})
    assert env["ir.attachment"].forced == 1


@pytest.mark.parametrize(("roles", "granted"), [(("acme_keda",), True), ((), False)], ids=["own", "shared"])
def test_the_autoscaler_may_count_jobs_and_no_more(roles: tuple[str, ...], granted: bool) -> None:
    env = Environment(roles=roles)
    state(env, WANTED)
    assert env.statements == (['GRANT SELECT ON queue_job TO "acme_keda"'] if granted else [])
