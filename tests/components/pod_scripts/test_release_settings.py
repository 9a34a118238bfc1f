"""The settings of a release, in an Odoo environment of plain objects that keep what is written."""

from typing import Any

import pytest

from components.pod_scripts.release_settings import state

WANTED = {
    "RELEASE_REPORT_URL": "http://backoffice:8069",
    "RELEASE_BASE_URL": "https://erp.acme.example",
    "RELEASE_FILESTORE": "filestore",
    "RELEASE_GRANTS": "GRANT one\nGRANT two",
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
    """`env`, and its cursor."""

    def __init__(self, *storages: dict[str, Any]) -> None:
        super().__init__({"ir.config_parameter": Model(), "ir.attachment": Model(), "fs.storage": Model(*storages)})
        self.statements: list[str] = []
        self.commits = 0

    @property
    def cr(self) -> "Environment":
        return self

    def execute(self, query: str) -> None:
        assert not self.commits, "after the commit it would be lost"
        self.statements.append(query)

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


def test_tables_are_opened_statement_by_statement() -> None:
    env = Environment()
    state(env, WANTED)
    assert env.statements == ["GRANT one", "GRANT two"]
