"""Who may do what in a retailer's PostgreSQL: roles, what they are told at birth, and where they may log in from."""

from typing import Any

from components.secrets import DATABASE_KEDA, DATABASE_READONLY, login_secret
from retail.connection_budget import KEDA_CONNECTIONS, READONLY_CONNECTIONS
from retail.database_roles import SLOTS, keda_role, login_role, owner_role, readonly_role
from retail.naming import Identity
from retail.plan import ConnectionBudget

EXPORTER_ROLE = "cnpg_metrics_exporter"
"""CloudNativePG's own, since 1.30 (1.29.1): member of pg_monitor, no password, only through the pod's socket."""

QUEUE_COLUMNS = "state, channel, eta, date_created"
"""Of `queue_job`: when and where, not the arguments of the jobs, which are business data."""

CRON_COLUMNS = "active, nextcall, failure_count"
"""Of `ir_cron`: not which action it runs."""


def managed_roles(identity: Identity, budget: ConnectionBudget) -> list[dict[str, Any]]:
    """`spec.managed.roles`: CloudNativePG compares them with the catalog and puts back what was changed by hand.

    The owner has no login. Both login roles are its members and act as it, so what either creates belongs to the owner,
    and the other sees and changes it: passwords are rotated on the role that is not in use.
    """
    owner = owner_role(identity)
    return [
        {
            "name": owner,
            "ensure": "present",
            "comment": "Owns the database; nobody logs in as it",
            "login": False,
            "disablePassword": True,
        },
        *(
            _login(
                login_role(identity, slot),
                login_secret(slot),
                budget.login,
                f"Odoo, one of two that take turns; acts as {owner}",
                in_roles=[owner],
            )
            for slot in SLOTS
        ),
        _login(
            readonly_role(identity),
            DATABASE_READONLY,
            READONLY_CONNECTIONS,
            "Reports on the standbys",
            in_roles=["pg_read_all_data"],
        ),
        _login(keda_role(identity), DATABASE_KEDA, KEDA_CONNECTIONS, "Counts queued jobs for the autoscaler"),
    ]


def platform_roles(identity: Identity) -> list[dict[str, Any]]:
    """The same of a cluster that others have their databases in: its own database is empty, and nobody's."""
    return [
        {
            "name": owner_role(identity),
            "ensure": "present",
            "comment": "Owns a database that nothing uses; retailers bring their own",
            "login": False,
            "disablePassword": True,
        }
    ]


def release_grants(identity: Identity) -> list[str]:
    """What Odoo's tables must be opened for, run as the owner after each module installation or upgrade.

    Column by column, and only where both table and role are: a module may be missing, a shared retailer's scaler is the
    owner itself, and an error would end the whole release. Repeating it changes nothing.
    """
    return [
        *_grant("queue_job", QUEUE_COLUMNS, keda_role(identity), EXPORTER_ROLE),
        *_grant("ir_cron", CRON_COLUMNS, EXPORTER_ROLE),
    ]


def access_rules(identity: Identity) -> list[str]:
    """`spec.postgresql.pg_hba` of a retailer's own cluster: TLS only; each role its own database, Odoo `postgres` too.

    `postgres` is where Odoo sends NOTIFY (facts, Odoo §3). The last rule stands before CloudNativePG's own
    `host all all all scram-sha-256`, which would let any role in everywhere, without TLS.
    """
    logins = ",".join(login_role(identity, slot) for slot in SLOTS)
    readers = f"{readonly_role(identity)},{keda_role(identity)}"
    return [
        f"hostssl {identity.database},postgres {logins} all scram-sha-256",
        f"hostssl {identity.database} {readers} all scram-sha-256",
        REJECT,
    ]


def platform_access_rules() -> list[str]:
    """The same where retailers share the cluster: a retailer's one role is named after its database (`sameuser`), so it
    reaches that and `postgres`, and nothing of its neighbours."""
    return ["hostssl sameuser,postgres all all scram-sha-256", REJECT]


REJECT = "host all all all reject"


def _login(
    name: str, secret: str, connections: int, comment: str, *, in_roles: list[str] | None = None
) -> dict[str, Any]:
    role: dict[str, Any] = {
        "name": name,
        "ensure": "present",
        "comment": comment,
        "login": True,
        "superuser": False,
        "connectionLimit": connections,
        "passwordSecret": {"name": secret},
    }
    return {**role, "inRoles": in_roles} if in_roles else role


def _grant(table: str, columns: str, *roles: str) -> list[str]:
    return [
        f"DO $$ BEGIN IF to_regclass('public.{table}') IS NOT NULL"
        f" AND EXISTS (SELECT FROM pg_roles WHERE rolname = '{role}')"
        f" THEN GRANT SELECT ({columns}) ON public.{table} TO {role}; END IF; END $$"
        for role in roles
    ]
