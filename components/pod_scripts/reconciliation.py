"""Nightly reconciliation, run by `click-odoo` in the batch tier: what the day left open, as a CSV attachment in Odoo.

It reads and writes one attachment; it corrects nothing. Models of modules that are not installed are left out. It
counts on a standby where odoo.conf names one (`db_replica_host`); Odoo itself falls back to the primary.
"""

import csv
import io
from datetime import date, timedelta
from typing import Any

CHECKS: tuple[tuple[str, str, list[tuple[str, str, Any]]], ...] = (
    ("till sessions not closed", "pos.session", [("state", "!=", "closed")]),
    ("till orders not posted", "pos.order", [("state", "in", ["draft", "paid"])]),
    ("deliveries late", "stock.picking", [("state", "in", ["confirmed", "assigned"])]),
    ("invoices in draft", "account.move", [("state", "=", "draft"), ("move_type", "=", "out_invoice")]),
    ("queued jobs failed", "queue.job", [("state", "=", "failed")]),
)
"""(what, model, domain): records older than yesterday that should have moved on."""


def reconcile(env: Any, today: date) -> list[tuple[str, int]]:
    """Counts of what is left open from before yesterday, saved as an attachment named after the day."""
    before = ("create_date", "<", (today - timedelta(days=1)).isoformat())
    with env.registry.cursor(readonly=True) as cursor:
        reading = env(cr=cursor)
        counts = [
            (what, reading[model].search_count([*domain, before])) for what, model, domain in CHECKS if model in env
        ]
    table = io.StringIO()
    csv.writer(table).writerows([("open since before yesterday", "records"), *counts])
    env["ir.attachment"].create(
        {
            "name": f"reconciliation-{today.isoformat()}.csv",
            "raw": table.getvalue().encode(),
            "mimetype": "text/csv",
        }
    )
    env.cr.commit()
    return counts


if "env" in globals():  # click-odoo provides it
    print(reconcile(globals()["env"], date.today()))
