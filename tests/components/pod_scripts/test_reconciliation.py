"""The nightly reconciliation, in an Odoo environment of plain objects."""

from collections.abc import Iterator
from contextlib import contextmanager
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
    """Odoo's `env`: models by name, and a cursor. Read-only cursors lead to an environment of the standby's models."""

    def __init__(self, models: dict[str, Model], standby: dict[str, Model]) -> None:
        super().__init__(models)
        self.standby = standby
        self.commits = 0
        self.open_cursors = 0

    @property
    def cr(self) -> "Environment":
        return self

    @property
    def registry(self) -> "Environment":
        return self

    @contextmanager
    def cursor(self, readonly: bool = False) -> Iterator[str]:
        self.open_cursors += 1
        yield "standby" if readonly else "primary"
        self.open_cursors -= 1

    def __call__(self, cr: str) -> dict[str, Model]:
        return self.standby if cr == "standby" else self

    def commit(self) -> None:
        self.commits += 1


def test_what_is_open_is_counted_and_attached() -> None:
    standby = {"pos.session": Model(2), "queue.job": Model(5)}
    env = Environment({name: Model(0) for name in (*standby, "ir.attachment")}, standby)
    assert reconcile(env, date(2026, 11, 22)) == [("till sessions not closed", 2), ("queued jobs failed", 5)]
    (attachment,) = env["ir.attachment"].created
    assert attachment["name"] == "reconciliation-2026-11-22.csv"
    assert b"till sessions not closed,2" in attachment["raw"]
    assert ("create_date", "<", "2026-11-21") in standby["pos.session"].domains[0]
    assert not env["pos.session"].domains, "counted on the primary"
    assert (env.commits, env.open_cursors) == (1, 0)
