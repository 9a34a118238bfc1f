"""The nightly reconciliation, in an Odoo environment of plain objects."""

from datetime import date
from typing import Any

from components.pod_scripts.reconciliation import reconcile


class Model:
    def __init__(self, open_records: int) -> None:
        self.open_records = open_records
        self.domains: list[list[Any]] = []
        self.created: list[dict[str, Any]] = []

    def search_count(self, domain: list[Any]) -> int:
        self.domains.append(domain)
        return self.open_records

    def create(self, values: dict[str, Any]) -> None:
        self.created.append(values)


class Environment(dict[str, Model]):
    """Odoo's `env`: models by name, and a cursor."""

    commits = 0

    @property
    def cr(self) -> "Environment":
        return self

    def commit(self) -> None:
        self.commits += 1


def test_what_is_open_is_counted_and_attached() -> None:
    env = Environment({"pos.session": Model(2), "queue.job": Model(5), "ir.attachment": Model(0)})
    assert reconcile(env, date(2026, 11, 22)) == [("till sessions not closed", 2), ("queued jobs failed", 5)]
    (attachment,) = env["ir.attachment"].created
    assert attachment["name"] == "reconciliation-2026-11-22.csv"
    assert b"till sessions not closed,2" in attachment["raw"]
    assert ("create_date", "<", "2026-11-21") in env["pos.session"].domains[0]
    assert env.commits == 1
