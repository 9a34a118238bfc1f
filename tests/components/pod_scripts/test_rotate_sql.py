"""What a rotation asks of PostgreSQL, asked of a real one with the roles that the program makes."""

import threading
import time
from collections.abc import Iterator
from contextlib import contextmanager

import pytest

from components.pod_scripts.rotation_clients import ACTS_AS, AT_ITS_LIMIT, LOCK, SESSIONS, TRY_LOCK
from components.postgres_bootstrap import bootstrap_sql
from retail.database_roles import keda_role, login_role, owner_role
from retail.naming import Identity
from tests.components.postgres_server import Server, running


@pytest.fixture(scope="module")
def server(identity: Identity) -> Iterator[Server]:
    with running() as made:
        owner = owner_role(identity)
        made.ask("postgres", f"CREATE ROLE {owner} NOLOGIN", *bootstrap_sql(identity))
        made.ask("postgres", f"CREATE DATABASE {owner} OWNER {owner}")
        yield made


@contextmanager
def session(server: Server, user: str, database: str, statement: str) -> Iterator[None]:
    """A session that has run the statement and is still there."""
    held = threading.Thread(
        target=server.ask, args=(user, statement, "SELECT pg_sleep(2)"), kwargs={"database": database}
    )
    held.start()
    time.sleep(1)
    yield
    held.join()


def test_sessions_of_the_other_login_role_are_seen_though_they_act_as_the_owner(
    server: Server, identity: Identity
) -> None:
    a, b, owner = login_role(identity, "a"), login_role(identity, "b"), owner_role(identity)
    question = SESSIONS.replace("%s", f"'{b}'")
    assert server.ask(a, question, database=owner) == ["0"]
    with session(server, b, owner, "SELECT 1"):
        assert server.ask(a, question, database=owner) == ["1"]
    assert server.ask(b, ACTS_AS, database=owner) == [owner]


def test_the_lock_is_the_databases_whichever_role_takes_it_and_goes_with_its_session(
    server: Server, identity: Identity
) -> None:
    a, b, owner = login_role(identity, "a"), login_role(identity, "b"), owner_role(identity)
    take = TRY_LOCK.replace("%s", str(LOCK))
    with session(server, a, owner, take):
        assert server.ask(b, take, database=owner) == ["f"]
    assert server.ask(b, take, database=owner) == ["t"]


def test_a_role_at_its_limit_is_refused_in_these_words(server: Server, identity: Identity) -> None:
    keda = keda_role(identity)
    server.ask("postgres", f"ALTER ROLE {keda} CONNECTION LIMIT 0")
    assert AT_ITS_LIMIT in server.refuses(keda, "SELECT 1", owner_role(identity))
