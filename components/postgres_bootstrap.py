"""How a retailer's PostgreSQL is born: empty, with its owner and what roles are told for life, or from an archive."""

from typing import Any

from components.database_topology import OtherRegion, recovery
from retail.database_roles import SLOTS, keda_role, login_role, owner_role, readonly_role
from retail.naming import Identity

LOCALE_PROVIDER, LOCALE = "builtin", "C.UTF-8"
"""PostgreSQL's own since 17: sorts by code point, as Odoo's databases do, and knows upper and lower case of Unicode."""


def bootstrap(identity: Identity, *, shared: bool, other: OtherRegion | None) -> dict[str, Any]:
    """`spec.bootstrap`. Characters are those of Unicode in PostgreSQL's own locale: libc's change with the image, and
    indexes over text would be wrong from one day to the next; plain `C` knows no case but ASCII's."""
    if other is not None and other.origin:
        return {"recovery": recovery(identity, other)}
    initdb = {
        "database": identity.database,
        "owner": owner_role(identity),
        "encoding": "UTF8",
        "localeProvider": LOCALE_PROVIDER,
        "builtinLocale": LOCALE,
        "dataChecksums": True,
    }
    return {"initdb": initdb if shared else {**initdb, "postInitSQL": bootstrap_sql(identity)}}


def bootstrap_sql(identity: Identity) -> list[str]:
    """`initdb.postInitSQL`: run once by the superuser, after the owner is made and before the operator sees any role.

    It says what a managed role has no field for. `SET role` is a default of the session: it holds through PgBouncer,
    and through psycopg2's reset() between two requests, which is DISCARD ALL (tests/components/test_postgres_sql.py
    asks a real server). What people read is in the audit log; of Odoo, only what changes structure or rights is.
    """
    owner, readonly, keda = owner_role(identity), readonly_role(identity), keda_role(identity)
    return [
        *(
            statement
            for name in (login_role(identity, slot) for slot in SLOTS)
            for statement in (f"CREATE ROLE {name} LOGIN IN ROLE {owner}", f"ALTER ROLE {name} SET role = {owner}")
        ),
        f"CREATE ROLE {readonly} LOGIN IN ROLE pg_read_all_data",
        f"ALTER ROLE {readonly} SET default_transaction_read_only = on",
        f"ALTER ROLE {readonly} SET pgaudit.log = 'all, -misc'",
        f"CREATE ROLE {keda} LOGIN",
        f"ALTER ROLE {keda} SET default_transaction_read_only = on",
        f"ALTER ROLE {keda} SET statement_timeout = '10s'",
    ]
